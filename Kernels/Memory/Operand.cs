namespace RduEmu.Kernels.Memory;

/// <summary>Where an operand lives.</summary>
public static class OperandSpace
{
    /// <summary>In the arena: all rows of the tensor.</summary>
    public const int Arena = 0;

    /// <summary>In the worker's scratch (the PMU buffers of its pipeline): the rows of the current tile only.</summary>
    public const int Scratch = 1;
}

/// <summary>What an operand's words hold.</summary>
public static class OperandFormat
{
    /// <summary>One element each.</summary>
    public const int Words = 0;

    /// <summary>Two bf16 each, the one of the even column in the lower half; rows have an even number of columns.</summary>
    public const int Pairs = 1;
}

/// <summary>
/// A matrix of 32-bit words as a unit sees it: element (row, column) lies at
/// <c>OffsetElements + row · RowStrideElements + column</c>, counted in words from the start of its space. Plain integers, so
/// that it can be a kernel argument on every device.
/// </summary>
public readonly struct Operand : IEquatable<Operand>
{
    /// <summary>First element, in 32-bit words from the start of the space.</summary>
    public readonly long OffsetElements;

    /// <summary>Words from one row to the next.</summary>
    public readonly int RowStrideElements;

    /// <summary>One of <see cref="OperandSpace"/>.</summary>
    public readonly int Space;

    /// <summary>One of <see cref="OperandFormat"/>. Offset and stride count words in both.</summary>
    public readonly int Format;

    public Operand(long offsetElements, int rowStrideElements, int space = OperandSpace.Arena, int format = OperandFormat.Words)
    {
        OffsetElements = offsetElements;
        RowStrideElements = rowStrideElements;
        Space = space;
        Format = format;
    }

    public static bool operator ==(Operand left, Operand right) => left.Equals(right);

    public static bool operator !=(Operand left, Operand right) => !left.Equals(right);

    /// <summary>True if its words hold two bf16 each.</summary>
    public bool IsPaired => Format == OperandFormat.Pairs;

    /// <summary>The position of a word, in 32-bit words from the start of the space: an element's, unless two share it.</summary>
    public long At(long row, long column) => OffsetElements + row * RowStrideElements + column;

    /// <summary>The same rows, seen from a later column on.</summary>
    /// <param name="column">Even where two elements share a word.</param>
    public Operand FromColumn(long column) => new(OffsetElements + (IsPaired ? column / 2 : column), RowStrideElements, Space, Format);

    public bool Equals(Operand other) =>
        OffsetElements == other.OffsetElements && RowStrideElements == other.RowStrideElements && Space == other.Space && Format == other.Format;

    public override bool Equals(object? obj) => obj is Operand other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(OffsetElements, RowStrideElements, Space, Format);

    public override string ToString() => $"{(Space == OperandSpace.Arena ? "arena" : "scratch")}{(IsPaired ? " bf16" : string.Empty)}[{OffsetElements} + row*{RowStrideElements}]";
}
