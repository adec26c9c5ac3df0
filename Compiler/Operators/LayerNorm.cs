using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y = (x - mean) / sqrt(variance + epsilon) · gamma + beta along the last axis (Ba et al., arXiv:1607.06450); the variance is that of
/// the row, divided by C. Inputs: samples [B, ..., C], gamma [C] and beta [C].
/// </summary>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="GroupSamples">Samples of a group in the gradients of gamma and beta; see <see cref="SampleSum"/>.</param>
public sealed record LayerNorm(float Epsilon, int GroupSamples = 0) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(3);
        inputs.Require(
            inputs[0].Rank >= 2 && inputs[0].HasSamples && inputs[0].LastExtent > 0
                && inputs[1] == TensorType.Whole(inputs[0].LastExtent) && inputs[2] == inputs[1],
            "samples [B, ..., C], gamma [C] and beta [C]");
        return inputs[0];
    }

    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => Slices.ByRow(this, inputs, output, region);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Reduce, inputs[0].CountElements, stages: 8);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new LayerNormStage(node.Name, node.Output, node.Inputs[0], Epsilon, node.Inputs[1], node.Inputs[2]));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId x = node.Inputs[0];
        if (scope.IsNeeded(node.Inputs[1]))
        {
            ValueId normalized = scope.Builder.Apply(new Normalize(Epsilon), x);
            ValueId products = scope.Builder.Apply(new Mul(), gradient, normalized);
            scope.Add(node.Inputs[1], scope.Builder.Apply(new SampleSum(GroupSamples), products));
        }

        if (scope.IsNeeded(node.Inputs[2]))
        {
            scope.Add(node.Inputs[2], scope.Builder.Apply(new SampleSum(GroupSamples), gradient));
        }

        if (scope.IsNeeded(x))
        {
            scope.Add(x, scope.Builder.Apply(new LayerNormInputGradient(Epsilon), x, node.Inputs[1], gradient));
        }
    }
}

/// <summary>n = (x - mean) / sqrt(variance + epsilon) along the last axis: a layer norm without gamma and beta.</summary>
/// <param name="Epsilon">Added to the variance.</param>
public sealed record Normalize(float Epsilon) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].Rank >= 2 && inputs[0].HasSamples && inputs[0].LastExtent > 0, "samples [B, ..., C]");
        return inputs[0];
    }

    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => Slices.ByRow(this, inputs, output, region);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Reduce, inputs[0].CountElements, stages: 6);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new LayerNormStage(node.Name, node.Output, node.Inputs[0], Epsilon, null, null));
}

/// <summary>
/// The gradient of <see cref="LayerNorm"/> by x: r (g - mean(g) - n mean(g n)) with g = dy · gamma and r = 1 / sqrt(variance + epsilon).
/// Inputs: x, gamma and dy; the statistics are worked out again.
/// </summary>
/// <param name="Epsilon">Added to the variance.</param>
public sealed record LayerNormInputGradient(float Epsilon) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(3);
        inputs.Require(
            inputs[0].Rank >= 2 && inputs[0].HasSamples && inputs[0].LastExtent > 0
                && inputs[1] == TensorType.Whole(inputs[0].LastExtent) && inputs[2] == inputs[0],
            "samples [B, ..., C], gamma [C] and samples [B, ..., C]");
        return inputs[0];
    }

    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => Slices.ByRow(this, inputs, output, region);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Reduce, inputs[0].CountElements, stages: 14);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new LayerNormGradientStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], node.Inputs[2], Epsilon));
}
