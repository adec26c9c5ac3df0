namespace RduEmu.Kernels.Memory;

/// <summary>Where an operand lives.</summary>
public static class OperandSpace
{
    /// <summary>In the arena: all rows of the tensor.</summary>
    public const int Arena = 0;

    /// <summary>In the worker's scratch (the PMU buffers of its pipeline): the rows of the current tile only.</summary>
    public const int Scratch = 1;
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

    public Operand(long offsetElements, int rowStrideElements, int space = OperandSpace.Arena)
    {
        OffsetElements = offsetElements;
        RowStrideElements = rowStrideElements;
        Space = space;
    }

    public static bool operator ==(Operand left, Operand right) => left.Equals(right);

    public static bool operator !=(Operand left, Operand right) => !left.Equals(right);

    /// <summary>The position of an element, in 32-bit words from the start of the space.</summary>
    public long At(long row, long column) => OffsetElements + row * RowStrideElements + column;

    /// <summary>The same rows, seen from a later column on.</summary>
    public Operand FromColumn(long column) => new(OffsetElements + column, RowStrideElements, Space);

    public bool Equals(Operand other) =>
        OffsetElements == other.OffsetElements && RowStrideElements == other.RowStrideElements && Space == other.Space;

    public override bool Equals(object? obj) => obj is Operand other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(OffsetElements, RowStrideElements, Space);

    public override string ToString() => $"{(Space == OperandSpace.Arena ? "arena" : "scratch")}[{OffsetElements} + row*{RowStrideElements}]";
}
