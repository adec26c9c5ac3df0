namespace RduEmu.Compiler.Graphs;

/// <summary>A box of a value's elements: what one RDU has of a value, or sends of it.</summary>
/// <param name="Begin">The first index of each axis.</param>
/// <param name="Extent">Indices of each axis.</param>
public readonly record struct Region(EquatableArray<int> Begin, EquatableArray<int> Extent)
{
    public int Rank => Extent.Count;

    public bool IsEmpty => Extent.Any(extent => extent == 0);

    public long CountElements => Extent.Aggregate(1L, (count, extent) => checked(count * extent));

    /// <summary>All elements of a value.</summary>
    public static Region Of(TensorType type) => new(EquatableArray.Create<int>(new int[type.Rank]), type.Shape);

    public int End(int axis) => Begin[axis] + Extent[axis];

    /// <summary>The same box with another range of one axis.</summary>
    public Region With(int axis, int begin, int extent)
    {
        int[] begins = [.. Begin];
        int[] extents = [.. Extent];
        begins[axis] = begin;
        extents[axis] = extent;
        return new Region(EquatableArray.Create<int>(begins), EquatableArray.Create<int>(extents));
    }

    /// <summary>True if the axis is not cut.</summary>
    public bool HasAll(TensorType type, int axis) => Begin[axis] == 0 && Extent[axis] == type.Shape[axis];

    public bool IsAllOf(TensorType type) => this == Of(type);

    public bool Contains(Region other) => Intersect(other) == other;

    /// <summary>What both have; empty if they do not meet.</summary>
    public Region Intersect(Region other)
    {
        var begins = new int[Rank];
        var extents = new int[Rank];
        for (int axis = 0; axis < Rank; axis++)
        {
            begins[axis] = Math.Max(Begin[axis], other.Begin[axis]);
            extents[axis] = Math.Max(0, Math.Min(End(axis), other.End(axis)) - begins[axis]);
        }

        return new Region(EquatableArray.Create<int>(begins), EquatableArray.Create<int>(extents));
    }

    /// <summary>The same box, counted from the begin of another.</summary>
    public Region Within(Region outer)
    {
        int[] begins = [.. Begin];
        for (int axis = 0; axis < begins.Length; axis++)
        {
            begins[axis] -= outer.Begin[axis];
        }

        return this with { Begin = EquatableArray.Create<int>(begins) };
    }

    /// <summary>The type of this part of a value.</summary>
    public TensorType TypeIn(TensorType whole) => whole with { Shape = Extent };

    /// <summary>
    /// Visits the box in a value of a shape as runs of neighbouring elements, in ascending order: the first axis' index, where in that
    /// row the run begins, how many elements. A scalar is one row.
    /// </summary>
    public void ForEachRun(EquatableArray<int> shape, Action<int, long, int> visit)
    {
        if (IsEmpty)
        {
            return;
        }

        if (Rank == 0)
        {
            visit(0, 0, 1);
            return;
        }

        if (Rank == 1)
        {
            visit(0, Begin[0], Extent[0]);
            return;
        }

        // Axes behind `last` are whole: they and the range of `last` are one run.
        int last = Rank - 1;
        long inner = 1;
        while (last > 1 && Begin[last] == 0 && Extent[last] == shape[last])
        {
            inner *= shape[last];
            last--;
        }

        int[] index = [.. Begin];
        int length = checked((int)(inner * Extent[last]));
        while (true)
        {
            long offset = 0;
            for (int axis = 1; axis < Rank; axis++)
            {
                offset = offset * shape[axis] + index[axis];
            }

            visit(index[0], offset, length);
            int at = last - 1;
            while (at >= 0 && ++index[at] == End(at))
            {
                index[at] = Begin[at];
                at--;
            }

            if (at < 0)
            {
                return;
            }
        }
    }

    public override string ToString() => string.Join(" x ", Enumerable.Zip(Begin, Extent, (begin, extent) => $"{begin}..{begin + extent}"));
}
