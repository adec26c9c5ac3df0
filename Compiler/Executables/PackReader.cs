using System.Text;
using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Executables;

/// <summary>Reads what a <see cref="PackWriter"/> wrote. Every method throws <see cref="InvalidDataException"/> where the bytes are no such thing.</summary>
internal ref struct PackReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly List<string> _texts = [];
    private int _at;

    public long ReadLong()
    {
        ReadOnlySpan<byte> bytes = _bytes;
        int at = _at;
        ulong number = 0;
        for (int shift = 0; (uint)at < (uint)bytes.Length && shift < 64; shift += 7)
        {
            byte group = bytes[at++];
            number |= (ulong)(group & 0x7F) << shift;
            if (group <= 0x7F)
            {
                _at = at;
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
    public int ReadCount() => ReadBelow(_bytes.Length - _at + 1);

    public string ReadText()
    {
        int known = ReadBelow(_texts.Count + 1);
        if (known == _texts.Count)
        {
            int length = ReadCount();
            _texts.Add(Encoding.UTF8.GetString(_bytes.Slice(_at, length)));
            _at += length;
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
        if (_at < _bytes.Length)
        {
            throw new InvalidDataException($"a pack with {_bytes.Length - _at} bytes behind its end");
        }
    }
}
