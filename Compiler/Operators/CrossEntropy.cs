using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// l[b, ...] = weight · (log(sum over c of exp(x[b, ..., c])) - x[b, ..., label]): the cross-entropy of softmax(x), 0 where the label
/// is negative. Inputs: logits, samples [B, ..., C]; labels, integers below C, samples [B, ..., 1]; weights,
/// samples [B, ..., 1]. Output: samples [B, ..., 1]. Its gradient is <see cref="CrossEntropyGradient"/>: a loss is differentiated once.
/// </summary>
public sealed record CrossEntropy : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        Check(inputs);
        return inputs[2];
    }

    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => Slices.ByRow(this, inputs, output, region);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Reduce, inputs[0].CountElements, stages: 3);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new CrossEntropyStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], node.Inputs[2], IsGradient: false));

    internal static void Check(OperatorInputs inputs)
    {
        inputs.RequireCount(3);
        inputs.Require(inputs[0].HasSamples && inputs[0].Rank >= 2 && inputs[0].LastExtent > 0, "logits, samples [B, ..., C]");
        TensorType rows = inputs[0].WithLastExtent(1);
        inputs.Require(
            inputs[1] == rows with { Element = ElementType.Int32 } && inputs[2] == rows, "labels and weights, samples [B, ..., 1]");
    }
}

/// <summary>
/// The gradient of the sum of all losses of <see cref="CrossEntropy"/> by the logits: weight · (softmax(x) - [c = label]), 0 in rows
/// whose label is negative. Inputs as there.
/// </summary>
public sealed record CrossEntropyGradient : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        CrossEntropy.Check(inputs);
        return inputs[0];
    }

    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => Slices.ByRow(this, inputs, output, region);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Reduce, inputs[0].CountElements, stages: 5);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new CrossEntropyStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], node.Inputs[2], IsGradient: true));
}
