using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs;

namespace RduEmu.Compiler.Operators;

/// <summary>How a part of an operator's output is computed by itself, with the bits of the whole.</summary>
/// <param name="Operator">What to apply: the same operator, or one that knows where its part lies.</param>
/// <param name="Inputs">What of each input it takes.</param>
public sealed record SliceRule(Operator Operator, EquatableArray<Region> Inputs);

/// <summary>How shares make up a sum over samples.</summary>
public enum ShareOrder
{
    /// <summary>Shares that are whole subtrees are added by the top of the tree.</summary>
    Tree,

    /// <summary>
    /// As <see cref="Tree"/> over images; inside an image tiles follow each other, each continuing the total of the one before, which
    /// it takes as one input more.
    /// </summary>
    Continued,
}

/// <summary>A sum over samples as an operator of shares, and what is done with the sum.</summary>
/// <param name="Sum">Applied to the rows of a share: the sum of all shares is what it gives for all rows.</param>
/// <param name="Inputs">Positions of its inputs among those of the whole operator.</param>
/// <param name="Order">How shares are put together.</param>
/// <param name="Finish">Applied to the sum and <paramref name="FinishInput"/>; null if the sum is the result.</param>
/// <param name="FinishInput">Position of the other input of <paramref name="Finish"/>.</param>
public sealed record SumRule(Operator Sum, EquatableArray<int> Inputs, ShareOrder Order = ShareOrder.Tree, Operator? Finish = null, int FinishInput = 0);

/// <summary>Rules that many operators have.</summary>
internal static class Slices
{
    /// <summary>An operator that takes each sample by itself: the same samples of every input that has some, all of the others.</summary>
    public static SliceRule? BySample(Operator op, OperatorInputs inputs, TensorType output, Region region)
    {
        for (int axis = 1; axis < region.Rank; axis++)
        {
            if (!region.HasAll(output, axis))
            {
                return null;
            }
        }

        return output.HasSamples ? new SliceRule(op, [.. inputs.Types.Select(type => type.HasSamples ? Samples(type, region) : Region.Of(type))]) : null;
    }

    /// <summary>An operator that takes each row by itself: the same rows of every input of as many rows, the same samples of the others.</summary>
    public static SliceRule? ByRow(Operator op, OperatorInputs inputs, TensorType output, Region region) =>
        !output.HasSamples || !region.HasAll(output, region.Rank - 1)
            ? null
            : new SliceRule(op, [.. inputs.Types.Select(type => !type.HasSamples ? Region.Of(type) : type.Rank == region.Rank ? Rows(type, region) : Samples(type, region))]);

    /// <summary>An operator that takes each element by itself.</summary>
    /// <param name="accesses">How each input is read.</param>
    public static SliceRule? ByElement(Operator op, OperatorInputs inputs, TensorType output, Region region, Func<int, SlotAccess> accesses)
    {
        var regions = new Region[inputs.Types.Count];
        for (int i = 0; i < regions.Length; i++)
        {
            TensorType type = inputs[i];
            SlotAccess access = accesses(i);
            if (access == SlotAccess.Full && type.Shape == output.Shape)
            {
                regions[i] = region;
            }
            else if (access == SlotAccess.PerColumn && type.Rank == 1 && type.LastExtent == output.LastExtent)
            {
                regions[i] = Columns(type, 0, region);
            }
            else if (access == SlotAccess.PerRow && type == output.WithLastExtent(1))
            {
                regions[i] = Rows(type, region);
            }
            else if (access == SlotAccess.Uniform && type.CountElements == 1)
            {
                regions[i] = Region.Of(type);
            }
            else
            {
                return null;
            }
        }

        return new SliceRule(op, EquatableArray.Create<Region>(regions));
    }

    /// <summary>An operator between elements and pairs of them: the same region, if it cuts no pair.</summary>
    public static SliceRule? OfPairs(Operator op, Region region) =>
        region.Begin[region.Rank - 1] % 2 == 0 && region.Extent[region.Rank - 1] % 2 == 0 ? new SliceRule(op, [region]) : null;

    /// <summary>The range of the region's last axis, of one axis of a value.</summary>
    public static Region Columns(TensorType type, int axis, Region region) =>
        Region.Of(type).With(axis, region.Begin[region.Rank - 1], region.Extent[region.Rank - 1]);

    /// <summary>A part of a value, and of its last axis the range of the region's.</summary>
    public static Region Columns(Region part, Region region) => part.With(part.Rank - 1, region.Begin[region.Rank - 1], region.Extent[region.Rank - 1]);

    /// <summary>The region's samples, all of each.</summary>
    public static Region Samples(TensorType type, Region region) => Region.Of(type).With(0, region.Begin[0], region.Extent[0]);

    /// <summary>The region's rows, all columns of each.</summary>
    public static Region Rows(TensorType type, Region region) => region.With(region.Rank - 1, 0, type.LastExtent);
}
