using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[b, p, :] = x[b, position[b, p], :], zeros where the position is negative: the tokens that a masked-LM head predicts. Inputs:
/// samples [B, T, H] and integer samples [B, P] below T; output: samples [B, P, H].
/// </summary>
public sealed record GatherRows : Operator
{
    public override bool OnlyMoves => true;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        Check(inputs);
        return TensorType.Samples(inputs[0].Shape[0], inputs[1].Shape[1], inputs[0].Shape[2]);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new RowPickStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], IsGradient: false));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        int rows = scope.Builder[node.Inputs[0]].Shape[1];
        scope.Add(node.Inputs[0], scope.Builder.Apply(new ScatterRows(rows), gradient, node.Inputs[1]));
    }

    internal static void Check(OperatorInputs inputs) => inputs.Require(
        inputs[0].Element == ElementType.Float32 && inputs[0].Rank == 3 && inputs[0].HasSamples
            && inputs[1].Element == ElementType.Int32 && inputs[1].Rank == 2 && inputs[1].HasSamples && inputs[0].Shape[0] == inputs[1].Shape[0],
        "samples [B, rows, H] and integer samples [B, P]");
}

/// <summary>
/// y[b, t, :] = sum of x[b, p, :] over the p with position[b, p] = t, in ascending p from +0; the gradient of <see cref="GatherRows"/>.
/// Inputs: samples [B, P, H] and integer samples [B, P]; output: samples [B, T, H].
/// </summary>
/// <param name="Rows">T.</param>
public sealed record ScatterRows(int Rows) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        GatherRows.Check(inputs);
        inputs.Require(inputs[0].Shape[1] == inputs[1].Shape[1] && Rows > 0, "a position for each row");
        return TensorType.Samples(inputs[0].Shape[0], Rows, inputs[0].Shape[2]);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new RowPickStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], IsGradient: true));
}
