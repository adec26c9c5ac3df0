namespace RduEmu.Kernels.Memory;

/// <summary>The arena as the interpreter sees it: one element at a time, every access checked.</summary>
public readonly unsafe struct InterpreterMemory
{
    private readonly uint* _words;
    private readonly long _lengthElements;

    /// <param name="arena">Start of the arena.</param>
    /// <param name="lengthBytes">Its size.</param>
    public InterpreterMemory(byte* arena, long lengthBytes)
    {
        _words = (uint*)arena;
        _lengthElements = lengthBytes / sizeof(uint);
    }

    public float Float(Operand operand, long row, long column)
    {
        if (!operand.IsPaired)
        {
            return BitConverter.UInt32BitsToSingle(*Word(operand, row, column));
        }

        uint pair = *Word(operand, row, column / 2);
        return BitConverter.UInt32BitsToSingle(column % 2 == 0 ? pair << 16 : pair & 0xFFFF0000);
    }

    public int Int(Operand operand, long row, long column) => (int)*Word(operand, row, column);

    /// <param name="operand">Where.</param>
    /// <param name="row">Its row.</param>
    /// <param name="column">Its column.</param>
    /// <param name="value">A value that is a bf16 already, where the operand holds these.</param>
    public void Store(Operand operand, long row, long column, float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (!operand.IsPaired)
        {
            *Word(operand, row, column) = bits;
            return;
        }

        uint* pair = Word(operand, row, column / 2);
        *pair = column % 2 == 0 ? *pair & 0xFFFF0000 | bits >> 16 : *pair & 0x0000FFFF | bits & 0xFFFF0000;
    }

    public void Store(Operand operand, long row, long column, int value) => *Word(operand, row, column) = (uint)value;

    public float Float(in NdOperand operand, long item, in NdIndex index) => BitConverter.UInt32BitsToSingle(*Word(operand, item, index, 0));

    public void Store(in NdOperand operand, long item, in NdIndex index, float value) =>
        *Word(operand, item, index, 0) = BitConverter.SingleToUInt32Bits(value);

    /// <summary>An element of any type, as <see cref="ElementCode.Widen"/> gives it.</summary>
    public long Wide(in NdOperand operand, int code, long item, in NdIndex index)
    {
        int lower = (int)*Word(operand, item, index, 0);
        return ElementCode.Widen(code, lower, ElementCode.Words(code) == 2 ? (int)*Word(operand, item, index, 1) : 0);
    }

    /// <summary>Stores a 64-bit value as an element of any type.</summary>
    public void Store(in NdOperand operand, int code, long item, in NdIndex index, long value)
    {
        *Word(operand, item, index, 0) = (uint)ElementCode.Lower(code, value);
        if (ElementCode.Words(code) == 2)
        {
            *Word(operand, item, index, 1) = (uint)(value >> 32);
        }
    }

    private uint* Word(in NdOperand operand, long item, in NdIndex index, int word)
    {
        long position = operand.At(item, in index) + word;
        if (operand.Space != OperandSpace.Arena || position < 0 || position >= _lengthElements)
        {
            throw new InvalidOperationException($"word {position} of {operand} lies outside the arena of {_lengthElements} words");
        }

        return _words + position;
    }

    private uint* Word(Operand operand, long row, long column)
    {
        long index = operand.At(row, column);
        if (operand.Space != OperandSpace.Arena || index < 0 || index >= _lengthElements)
        {
            throw new InvalidOperationException($"element ({row}, {column}) of {operand} lies outside the arena of {_lengthElements} words");
        }

        return _words + index;
    }
}
