namespace RduEmu.Kernels.Templates.Strided;

/// <summary>
/// Positions that are read at run time: component j of a position, found in an index tensor, counts steps of a stride along an axis
/// of a given extent; a negative one counts from the end.
/// </summary>
/// <param name="Count">Components of a position, at most seven.</param>
/// <param name="ComponentStride">Words from one component to the next in the index tensor.</param>
/// <param name="Code">Element type of the index tensor: int32 or int64.</param>
public readonly record struct IndexArguments(
    int Count, int ComponentStride, int Code, int Extent0, int Extent1, int Extent2, int Extent3, int Extent4, int Extent5, int Extent6,
    int Stride0, int Stride1, int Stride2, int Stride3, int Stride4, int Stride5, int Stride6)
{
    public static IndexArguments From(int componentStride, int code, ReadOnlySpan<int> extents, ReadOnlySpan<int> strides)
    {
        Span<int> e = stackalloc int[7];
        Span<int> s = stackalloc int[7];
        extents.CopyTo(e);
        strides.CopyTo(s);
        return new IndexArguments(
            extents.Length, componentStride, code, e[0], e[1], e[2], e[3], e[4], e[5], e[6], s[0], s[1], s[2], s[3], s[4], s[5], s[6]);
    }

    public int Extent(int component) =>
        component == 0 ? Extent0 : component == 1 ? Extent1 : component == 2 ? Extent2 : component == 3 ? Extent3
        : component == 4 ? Extent4 : component == 5 ? Extent5 : Extent6;

    public int Stride(int component) =>
        component == 0 ? Stride0 : component == 1 ? Stride1 : component == 2 ? Stride2 : component == 3 ? Stride3
        : component == 4 ? Stride4 : component == 5 ? Stride5 : Stride6;

    /// <summary>Words that a component moves by; -1 if it lies outside its axis.</summary>
    public long Step(int component, long index)
    {
        int extent = Extent(component);
        long wrapped = index < 0 ? index + extent : index;
        return wrapped < 0 || wrapped >= extent ? -1 : wrapped * Stride(component);
    }
}
