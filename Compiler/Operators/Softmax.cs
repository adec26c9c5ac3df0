using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// exp(z) / (sum of exp(z)) along the last axis, of z = x · scale + mask. Inputs: samples [B, ..., C] and, if there is a mask,
/// samples [B, C]: what is added to all rows of the sample, in an attention -10000 for keys that are padding.
/// </summary>
/// <param name="Scale">Of an attention 1 / sqrt(width of a head).</param>
public sealed record Softmax(float Scale = 1f) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.Require(inputs.Types.Count is 1 or 2, "1 or 2 inputs", $"{inputs.Types.Count}");
        inputs.Require(inputs[0].Rank >= 2 && inputs[0].HasSamples && inputs[0].LastExtent > 0, "samples [B, ..., C]");
        inputs.Require(
            inputs.Types.Count == 1 || inputs[1] == TensorType.Samples(inputs[0].Shape[0], inputs[0].LastExtent), "a mask, samples [B, C]");
        return inputs[0];
    }

    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => Slices.ByRow(this, inputs, output, region);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Reduce, inputs[0].CountElements, stages: 5);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new SoftmaxStage(node.Name, node.Output, node.Inputs[0], Scale, node.OptionalInput(1)));

    /// <exception cref="RduException">RDU0401: the gradient of the mask is asked for; there is none.</exception>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        if (node.OptionalInput(1) is { } mask && scope.IsNeeded(mask))
        {
            throw new RduException(
                ErrorCatalogue.GraphIllegal, $"node {node.Name} ({Name})", "a mask that does not depend on what is trained",
                scope.Builder.NameOf(mask), "give the mask as an input");
        }

        scope.Add(node.Inputs[0], scope.Builder.Apply(new SoftmaxGradient(Scale), node.Output, gradient));
    }
}

/// <summary>dx = y (dy - sum of y dy) · scale, along the last axis. Inputs: the output y of <see cref="Softmax"/> and dy.</summary>
public sealed record SoftmaxGradient(float Scale) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0] == inputs[1] && inputs[0].HasSamples && inputs[0].Rank >= 2, "an output and its gradient, samples [B, ..., C]");
        return inputs[0];
    }

    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => Slices.ByRow(this, inputs, output, region);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Reduce, inputs[0].CountElements, stages: 5);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new SoftmaxGradientStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], Scale));
}
