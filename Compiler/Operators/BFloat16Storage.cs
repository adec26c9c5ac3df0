using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Templates.Round;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// bf16(x[i]), stored two to a word: the only operator that makes a bf16 of a float32. Inputs: samples or a whole value of float32
/// whose rows have an even number of columns; where the rounding is stochastic also integers: for samples [B, 1], the number of each
/// sample in the training, for a whole value [1], the step.
/// </summary>
/// <param name="Rounding">How.</param>
/// <param name="Seed">First word of the random numbers' key.</param>
/// <param name="Stream">Second word: one for each rounding of a model.</param>
public sealed record RoundToBFloat16(RoundingKind Rounding, int Seed, int Stream) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(Rounding == RoundingKind.Stochastic ? 2 : 1);
        inputs.Require(inputs[0].CanBePaired, "float32 in rows of an even number of columns");
        if (Rounding == RoundingKind.Stochastic)
        {
            TensorType numbers = (inputs[0].HasSamples ? TensorType.Samples(inputs[0].Shape[0], 1) : TensorType.Whole(1)) with { Element = ElementType.Int32 };
            inputs.Require(inputs[1] == numbers, $"{numbers}");
        }

        return inputs[0].Paired();
    }

    public override bool ReadsPairs(int input, IReadOnlyList<TensorType> inputs, TensorType output) => input == 0;

    /// <summary>An element that draws counts by its place in its sample: a sample is then not cut.</summary>
    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) =>
        Rounding == RoundingKind.Stochastic ? base.SliceOf(inputs, output, region) : Slices.OfPairs(this, region);

    public override void Lower(StageLowering lowering, Node node) => lowering.LowerRounding(node, this);
}

/// <summary>The float32 values of pairs of bf16, exactly. Input: pairs; output: float32 of the same shape.</summary>
public sealed record WidenBFloat16 : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].IsPaired, "pairs of bf16");
        return inputs[0].Widened();
    }

    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => Slices.OfPairs(this, region);

    public override void Lower(StageLowering lowering, Node node) => lowering.LowerWidening(node);
}

/// <summary>
/// A float32 weight as a contraction takes it: each element rounded to the nearest bf16 as it is packed. The parameter keeps its
/// float32 value, the master. Input and output: a whole value of float32, which only contractions read as their weight.
/// </summary>
public sealed record BFloat16Weight : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].Element == ElementType.Float32 && !inputs[0].HasSamples, "a whole value of float32");
        return inputs[0];
    }

    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => new(this, [region]);

    /// <summary>Nothing by itself: <see cref="StageLowering.WeightOf"/> looks through it.</summary>
    public override void Lower(StageLowering lowering, Node node)
    {
    }
}
