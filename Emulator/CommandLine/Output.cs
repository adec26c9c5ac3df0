using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine;

/// <summary>Where commands write: with <c>--json</c> stdout gets one object and stderr the rest; else stdout gets the tables.</summary>
internal sealed class Output
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private const int FactColumns = 12;

    private readonly TextWriter _plain;

    /// <param name="json">True if stdout is for an object.</param>
    /// <param name="isQuiet">True if tables and facts are not wanted at all.</param>
    public Output(bool json, bool isQuiet = false)
    {
        _plain = isQuiet ? TextWriter.Null : json ? Console.Error : Console.Out;
        Progress = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        Text = isQuiet || !json ? AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(_plain) }) : Progress;
    }

    /// <summary>For results that people read.</summary>
    public IAnsiConsole Text { get; }

    /// <summary>For progress bars; always stderr.</summary>
    public IAnsiConsole Progress { get; }

    public static void WriteJson(object value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, Options));

    /// <summary>Two columns: what, and its value; never wrapped, so that a digest can be copied.</summary>
    public void WriteFacts(params ReadOnlySpan<(string Name, string Value)> facts)
    {
        foreach ((string name, string value) in facts)
        {
            _plain.WriteLine($"{name,-FactColumns}{value}");
        }

        _plain.WriteLine();
    }

    public void WriteLine(string sentence) => _plain.WriteLine(sentence);

    public static string Number(double value, int decimals) => value.ToString($"N{decimals}", CultureInfo.InvariantCulture);

    /// <summary>Enough of a digest to tell it from others in a table.</summary>
    public static string ShortDigest(string digest) => digest["sha256:".Length..][..12];

    public static string Bytes(long bytes) => bytes switch
    {
        < 1L << 20 => $"{Number(bytes / 1024.0, 1)} KiB",
        < 1L << 30 => $"{Number(bytes / (double)(1L << 20), 1)} MiB",
        _ => $"{Number(bytes / (double)(1L << 30), 2)} GiB",
    };
}
