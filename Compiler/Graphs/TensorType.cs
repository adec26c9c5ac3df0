namespace RduEmu.Compiler.Graphs;

/// <summary>
/// Element type and shape of a value. The first axis of a value with samples counts the samples of the batch; such values are
/// computed tile by tile and split over RDUs, all others (parameters, their gradients, losses, imported models) are whole.
/// </summary>
/// <param name="Element">Element type.</param>
/// <param name="Shape">Extents, outermost first, in elements; empty for a scalar.</param>
/// <param name="HasSamples">True if axis 0 counts samples.</param>
public sealed record TensorType(ElementType Element, EquatableArray<int> Shape, bool HasSamples)
{
    /// <summary>
    /// True if two elements share a word of the arena: bf16 as it is stored. Rows have an even number of columns then. (A bf16 without
    /// this is the word of the float32 with its value.)
    /// </summary>
    public bool IsPaired { get; init; }

    public int Rank => Shape.Count;

    public long CountElements
    {
        get
        {
            long count = 1;
            foreach (int extent in Shape)
            {
                count = checked(count * extent);
            }

            return count;
        }
    }

    /// <summary>Words of the arena that all elements take.</summary>
    public long CountWords => WordsOf(CountElements);

    /// <summary>Words that so many neighbouring elements take.</summary>
    public long WordsOf(long elements) => IsPaired ? elements / 2 : checked(elements * Element.WordsPerElement());

    /// <summary>True if the elements, float32, can be stored as pairs of bf16: rows of an even number of columns.</summary>
    public bool CanBePaired => Element == ElementType.Float32 && Rank >= 2 && LastExtent > 0 && LastExtent % 2 == 0;

    /// <summary>The same shape in pairs of bf16.</summary>
    public TensorType Paired() => this with { Element = ElementType.BFloat16, IsPaired = true };

    /// <summary>The same shape in float32.</summary>
    public TensorType Widened() => this with { Element = ElementType.Float32, IsPaired = false };

    /// <summary>Extent of the last axis; 1 for a scalar.</summary>
    public int LastExtent => Rank > 0 ? Shape[Rank - 1] : 1;

    /// <summary>The same type with another last extent; the rank is at least 1.</summary>
    public TensorType WithLastExtent(int extent)
    {
        int[] shape = [.. Shape];
        shape[^1] = extent;
        return this with { Shape = EquatableArray.Create<int>(shape) };
    }

    public static TensorType Samples(params ReadOnlySpan<int> shape) => new(ElementType.Float32, EquatableArray.Create(shape), HasSamples: true);

    public static TensorType Whole(params ReadOnlySpan<int> shape) => new(ElementType.Float32, EquatableArray.Create(shape), HasSamples: false);

    public static TensorType Whole(ElementType element, params ReadOnlySpan<int> shape) => new(element, EquatableArray.Create(shape), HasSamples: false);

    public override string ToString() => $"{Element.ShortName()}{(IsPaired ? " pairs" : string.Empty)}{(HasSamples ? " samples " : " ")}{Shape}";
}
