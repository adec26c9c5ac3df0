using System.Globalization;
using System.Text;

namespace RduEmu.Emulator.Reports;

/// <summary>Comma-separated rows as RFC 4180 has them, with line feeds; numbers the same in every culture.</summary>
internal sealed class Csv
{
    private readonly StringBuilder _text = new();

    public Csv(params ReadOnlySpan<string> columns) => Add([.. columns]);

    public static string Fixed(double value, int decimals) => value.ToString($"F{decimals}", CultureInfo.InvariantCulture);

    public void Add(params ReadOnlySpan<string> fields)
    {
        for (int i = 0; i < fields.Length; i++)
        {
            if (i > 0)
            {
                _text.Append(',');
            }

            _text.Append(Quote(fields[i]));
        }

        _text.Append('\n');
    }

    public byte[] ToBytes() => Encoding.UTF8.GetBytes(_text.ToString());

    private static string Quote(string field) =>
        field.AsSpan().IndexOfAny(",\"\n\r") < 0 ? field : $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
