using System.Text;
using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Executables;

/// <summary>Reads what a <see cref="PackWriter"/> wrote. Every method throws <see cref="InvalidDataException"/> where the bytes are no such thing.</summary>
internal ref struct PackReader(ReadOnlySpan<byte> bytes)
{
    private readonly List<string> _texts = [];
    private ReadOnlySpan<byte> _rest = bytes;

    public long ReadLong()
    {
        ulong number = 0;
        for (int i = 0, shift = 0; i < _rest.Length && shift < 64; i++, shift += 7)
        {
            number |= (ulong)(_rest[i] & 0x7F) << shift;
            if (_rest[i] <= 0x7F)
            {
                _rest = _rest[(i + 1)..];
                return (long)(number >> 1) ^ -(long)(number & 1);
            }
        }

        throw new InvalidDataException("a pack that ends within a number");
    }

    public int ReadInt()
    {
        long number = ReadLong();
        return (int)number == number ? (int)number : throw new InvalidDataException($"a pack with {number} where 32 bits are expected");
    }

    public bool ReadBool() => ReadBelow(2) == 1;

    public float ReadFloat() => BitConverter.Int32BitsToSingle(ReadInt());

    /// <summary>A number from 0 on; of an enumeration, how many members it has is the limit.</summary>
    public int ReadBelow(int limit)
    {
        int number = ReadInt();
        return (uint)number < (uint)limit ? number : throw new InvalidDataException($"a pack with {number} where less than {limit} is expected");
    }

    /// <summary>How many items follow; each takes a byte at least, so damage never asks for more memory than the file has bytes.</summary>
    public int ReadCount() => ReadBelow(_rest.Length + 1);

    public string ReadText()
    {
        int known = ReadBelow(_texts.Count + 1);
        if (known == _texts.Count)
        {
            int length = ReadCount();
            _texts.Add(Encoding.UTF8.GetString(_rest[..length]));
            _rest = _rest[length..];
        }

        return _texts[known];
    }

    public EquatableArray<int> ReadInts()
    {
        var numbers = new int[ReadCount()];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = ReadInt();
        }

        return new EquatableArray<int>(numbers);
    }

    public EquatableArray<int> ReadAscending()
    {
        var numbers = new int[ReadCount()];
        int before = 0;
        for (int i = 0; i < numbers.Length; i++)
        {
            before += ReadInt();
            numbers[i] = before;
        }

        return new EquatableArray<int>(numbers);
    }

    public readonly void RequireEnd()
    {
        if (!_rest.IsEmpty)
        {
            throw new InvalidDataException($"a pack with {_rest.Length} bytes behind its end");
        }
    }
}
