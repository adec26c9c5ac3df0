using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Memory;

/// <summary>Extents of the axes within one item, right-aligned: axis 6 is the innermost; those in front are 1.</summary>
public readonly record struct NdShape(int E0, int E1, int E2, int E3, int E4, int E5, int E6)
{
    /// <summary>Axes within an item: with the item axis, a value has rank eight at most.</summary>
    public const int MaximumRank = 7;

    /// <summary>Right-aligns the extents.</summary>
    public static NdShape From(ReadOnlySpan<int> extents)
    {
        Span<int> all = stackalloc int[MaximumRank];
        all.Fill(1);
        extents.CopyTo(all[(MaximumRank - extents.Length)..]);
        return new NdShape(all[0], all[1], all[2], all[3], all[4], all[5], all[6]);
    }

    public long CountElements => (long)E0 * E1 * E2 * E3 * E4 * E5 * E6;
}

/// <summary>The coordinates of one element within its item.</summary>
public struct NdIndex
{
    public int I0;
    public int I1;
    public int I2;
    public int I3;
    public int I4;
    public int I5;
    public int I6;

    /// <summary>The coordinates of the element that is number <paramref name="linear"/> in row-major order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NdIndex Of(in NdShape shape, int linear)
    {
        var index = default(NdIndex);
        int rest = linear / shape.E6;
        index.I6 = linear - rest * shape.E6;
        int next = rest / shape.E5;
        index.I5 = rest - next * shape.E5;
        rest = next / shape.E4;
        index.I4 = next - rest * shape.E4;
        next = rest / shape.E3;
        index.I3 = rest - next * shape.E3;
        rest = next / shape.E2;
        index.I2 = next - rest * shape.E2;
        next = rest / shape.E1;
        index.I1 = rest - next * shape.E1;
        index.I0 = next;
        return index;
    }
}

/// <summary>
/// A tensor of any layout as a unit sees it: element (item, i0, ..., i6) lies at <c>OffsetElements + item · ItemStrideElements +
/// sum of i_a · S_a</c>, counted in 32-bit words from the start of its space. A stride of 0 repeats an element, a negative one
/// runs backwards. Plain integers, so that it can be a kernel argument on every device.
/// </summary>
/// <remarks>Of elements that take two words (<see cref="ElementCode"/>) the position is that of the lower word.</remarks>
public readonly struct NdOperand : IEquatable<NdOperand>
{
    public readonly long OffsetElements;

    /// <summary>Words from one item to the next; 0 where all items share it.</summary>
    public readonly long ItemStrideElements;

    /// <summary>One of <see cref="OperandSpace"/>; in scratch, items count from the start of the tile.</summary>
    public readonly int Space;

    public readonly int S0;
    public readonly int S1;
    public readonly int S2;
    public readonly int S3;
    public readonly int S4;
    public readonly int S5;
    public readonly int S6;

    /// <param name="strides">Words from one element to the next along each axis within an item, outermost first; right-aligned.</param>
    public NdOperand(long offsetElements, long itemStrideElements, ReadOnlySpan<int> strides, int space = OperandSpace.Arena)
    {
        Span<int> all = stackalloc int[NdShape.MaximumRank];
        all.Clear();
        strides.CopyTo(all[(NdShape.MaximumRank - strides.Length)..]);
        OffsetElements = offsetElements;
        ItemStrideElements = itemStrideElements;
        Space = space;
        S0 = all[0];
        S1 = all[1];
        S2 = all[2];
        S3 = all[3];
        S4 = all[4];
        S5 = all[5];
        S6 = all[6];
    }

    public static bool operator ==(NdOperand left, NdOperand right) => left.Equals(right);

    public static bool operator !=(NdOperand left, NdOperand right) => !left.Equals(right);

    /// <summary>A dense tensor in row-major order.</summary>
    /// <param name="wordsPerElement">1 or 2, as <see cref="ElementCode.Words"/>.</param>
    public static NdOperand Dense(long offsetElements, ReadOnlySpan<int> extents, int wordsPerElement = 1, int space = OperandSpace.Arena)
    {
        Span<int> strides = stackalloc int[extents.Length];
        long stride = wordsPerElement;
        for (int axis = extents.Length - 1; axis >= 0; axis--)
        {
            strides[axis] = checked((int)stride);
            stride *= extents[axis];
        }

        return new NdOperand(offsetElements, stride, strides, space);
    }

    /// <summary>The stride of an axis, 0 &lt;= axis &lt; 7, right-aligned.</summary>
    public int Stride(int axis) => axis switch { 0 => S0, 1 => S1, 2 => S2, 3 => S3, 4 => S4, 5 => S5, _ => S6 };

    /// <summary>The position of an element, in words from the start of the space.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long At(long item, in NdIndex i) =>
        OffsetElements + item * ItemStrideElements + (long)i.I0 * S0 + (long)i.I1 * S1 + (long)i.I2 * S2 + (long)i.I3 * S3 + (long)i.I4 * S4 + (long)i.I5 * S5 + (long)i.I6 * S6;

    /// <summary>The same, seen from an element further on.</summary>
    public NdOperand Moved(long words)
    {
        Span<int> strides = [S0, S1, S2, S3, S4, S5, S6];
        return new NdOperand(OffsetElements + words, ItemStrideElements, strides, Space);
    }

    public bool Equals(NdOperand other) =>
        OffsetElements == other.OffsetElements && ItemStrideElements == other.ItemStrideElements && Space == other.Space
        && S0 == other.S0 && S1 == other.S1 && S2 == other.S2 && S3 == other.S3 && S4 == other.S4 && S5 == other.S5 && S6 == other.S6;

    public override bool Equals(object? obj) => obj is NdOperand other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(OffsetElements, ItemStrideElements, Space, S3, S4, S5, S6);

    public override string ToString() =>
        $"{(Space == OperandSpace.Arena ? "arena" : "scratch")}[{OffsetElements} + item*{ItemStrideElements} + ({S0},{S1},{S2},{S3},{S4},{S5},{S6})]";
}

/// <summary>The operands of a kernel over N-d tensors; at most eight.</summary>
public struct NdSlots
{
    public const int MaximumSlots = 8;

    public NdOperand Slot0;
    public NdOperand Slot1;
    public NdOperand Slot2;
    public NdOperand Slot3;
    public NdOperand Slot4;
    public NdOperand Slot5;
    public NdOperand Slot6;
    public NdOperand Slot7;

    public static NdSlots From(ReadOnlySpan<NdOperand> operands)
    {
        if (operands.Length > MaximumSlots)
        {
            throw new ArgumentException($"a program has at most {MaximumSlots} inputs, not {operands.Length}", nameof(operands));
        }

        Span<NdOperand> all = stackalloc NdOperand[MaximumSlots];
        operands.CopyTo(all);
        return new NdSlots
        {
            Slot0 = all[0],
            Slot1 = all[1],
            Slot2 = all[2],
            Slot3 = all[3],
            Slot4 = all[4],
            Slot5 = all[5],
            Slot6 = all[6],
            Slot7 = all[7],
        };
    }
}
