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

    public float Float(Operand operand, long row, long column) => BitConverter.UInt32BitsToSingle(*Word(operand, row, column));

    public int Int(Operand operand, long row, long column) => (int)*Word(operand, row, column);

    public void Store(Operand operand, long row, long column, float value) =>
        *Word(operand, row, column) = BitConverter.SingleToUInt32Bits(value);

    public void Store(Operand operand, long row, long column, int value) => *Word(operand, row, column) = (uint)value;

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
