using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;

namespace RduEmu.Compiler.Operators;

/// <summary>y[b, :] = x[b, 0, :]: the token that a pooler reads. Samples [B, T, H] to samples [B, H].</summary>
public sealed record FirstRow : Operator
{
    public override bool OnlyMoves => true;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].Rank == 3 && inputs[0].HasSamples && inputs[0].Shape[1] > 0, "samples [B, T, H]");
        return TensorType.Samples(inputs[0].Shape[0], inputs[0].Shape[2]);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new FirstRowStage(node.Name, node.Output, node.Inputs[0], IsGradient: false));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        int rows = scope.Builder[node.Inputs[0]].Shape[1];
        scope.Add(node.Inputs[0], scope.Builder.Apply(new FirstRowGradient(rows), gradient));
    }
}

/// <summary>x[b, 0, :] = y[b, :], zeros elsewhere: the gradient of <see cref="FirstRow"/>. Samples [B, H] to samples [B, T, H].</summary>
/// <param name="Rows">T.</param>
public sealed record FirstRowGradient(int Rows) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].Rank == 2 && inputs[0].HasSamples && Rows > 0, "samples [B, H]");
        return TensorType.Samples(inputs[0].Shape[0], Rows, inputs[0].Shape[1]);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new FirstRowStage(node.Name, node.Output, node.Inputs[0], IsGradient: true));
}
