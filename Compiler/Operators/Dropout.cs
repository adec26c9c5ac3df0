using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[i] = x[i] / (1 - rate) with probability 1 - rate, else 0 (Srivastava et al., JMLR 15, 2014); the numbers are Philox's, keyed by
/// (seed, stream) and counted by (number of the sample, element of the sample), so the same operator on a gradient drops the same
/// elements: it is its own gradient, and no mask is stored. Inputs: samples, and integer samples [B, 1], the number of each sample in
/// the training: what it draws depends neither on its place in the batch nor on how batches are cut.
/// </summary>
/// <param name="Rate">Probability that an element is dropped, in [0, 1).</param>
/// <param name="Seed">First word of the key.</param>
/// <param name="Stream">Second word of the key: one for each dropout of a model.</param>
/// <param name="FirstElement">Where in the whole sample this part of it begins; elements count from there.</param>
public sealed record Dropout(float Rate, int Seed, int Stream, long FirstElement = 0) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(Rate is >= 0f and < 1f, "a rate in [0, 1)", $"{Rate}");
        inputs.Require(
            inputs[0].Rank >= 2 && inputs[0].HasSamples
                && inputs[1] == TensorType.Samples(inputs[0].Shape[0], 1) with { Element = ElementType.Int32 },
            "samples, and integer samples [B, 1]");
        return inputs[0];
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Simd, inputs[0].CountElements, stages: 2);

    /// <summary>A range of the second axis: neighbouring elements of a sample.</summary>
    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region)
    {
        if (region.Rank < 3 || Enumerable.Range(2, region.Rank - 2).Any(axis => !region.HasAll(output, axis)))
        {
            return base.SliceOf(inputs, output, region);
        }

        long first = FirstElement + output.Shape.Skip(2).Aggregate((long)region.Begin[1], (product, extent) => product * extent);
        return new SliceRule(this with { FirstElement = first }, [region, Slices.Samples(inputs[1], region)]);
    }

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new DropoutStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], Rate, Seed, Stream, FirstElement));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        scope.Add(node.Inputs[0], scope.Builder.Apply(this, gradient, node.Inputs[1]));
}
