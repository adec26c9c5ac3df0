using System.Buffers;
using System.Text;

namespace RduEmu.Compiler.Executables;

/// <summary>
/// Writes a pack: numbers in groups of seven bits, the lowest group first, the top bit of a byte saying that more follow, the sign
/// in the lowest bit of the number; a text once, then by its number. Equal content gives equal bytes.
/// </summary>
internal sealed class PackWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly Dictionary<string, int> _texts = new(StringComparer.Ordinal);

    public byte[] ToBytes() => _bytes.WrittenSpan.ToArray();

    public void Write(long number)
    {
        const int Longest = 10;
        Span<byte> to = _bytes.GetSpan(Longest);
        ulong rest = (ulong)(number << 1 ^ number >> 63);
        int count = 0;
        for (; rest > 0x7F; rest >>= 7)
        {
            to[count++] = (byte)(rest | 0x80);
        }

        to[count++] = (byte)rest;
        _bytes.Advance(count);
    }

    public void Write(bool flag) => Write(flag ? 1 : 0);

    /// <summary>As its bits: every float, infinities and NaN too.</summary>
    public void Write(float number) => Write(BitConverter.SingleToInt32Bits(number));

    public void Write(string text)
    {
        if (_texts.TryGetValue(text, out int known))
        {
            Write(known);
            return;
        }

        Write(_texts.Count);
        _texts.Add(text, _texts.Count);
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Write(bytes.Length);
        _bytes.Write(bytes);
    }

    public void Write(ReadOnlySpan<int> numbers)
    {
        Write(numbers.Length);
        foreach (int number in numbers)
        {
            Write(number);
        }
    }

    /// <summary>Each number as its distance from the one before: short where they ascend.</summary>
    public void WriteAscending(ReadOnlySpan<int> numbers)
    {
        Write(numbers.Length);
        int before = 0;
        foreach (int number in numbers)
        {
            Write((long)number - before);
            before = number;
        }
    }
}
