using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;

namespace RduEmu.Compiler.Operators;

/// <summary>The same value with its first axis taken as samples, or no longer: nothing is computed or moved.</summary>
/// <param name="HasSamples">True if the output has samples.</param>
public sealed record SampleView(bool HasSamples) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].Rank > 0 && inputs[0].HasSamples != HasSamples, HasSamples ? "a whole value with an axis" : "samples");
        return inputs[0] with { HasSamples = HasSamples };
    }

    public override long CountOperations(OperatorInputs inputs) => 0;

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);

    public override void Lower(StageLowering lowering, Node node) => lowering.Reshape(node.Output, node.Inputs[0]);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        scope.Add(node.Inputs[0], scope.Builder.Apply(new SampleView(!HasSamples), gradient));
}

/// <summary>The elements of each sample in row-major order in another shape; samples [B, ...] to samples [B, Shape].</summary>
/// <param name="Shape">Extents after the first axis.</param>
public sealed record SampleReshape(EquatableArray<int> Shape) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].HasSamples, "samples");
        TensorType type = inputs[0] with { Shape = EquatableArray.Create<int>([inputs[0].Shape[0], .. Shape]) };
        inputs.Require(type.CountElements == inputs[0].CountElements, $"samples of as many elements as {Shape}");
        return type;
    }

    public override long CountOperations(OperatorInputs inputs) => 0;

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);

    public override void Lower(StageLowering lowering, Node node) => lowering.ReshapeItems(node);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        scope.Add(node.Inputs[0], scope.Builder.Apply(new SampleReshape(EquatableArray.Create<int>([.. scope.Builder[node.Inputs[0]].Shape.Skip(1)])), gradient));
}
