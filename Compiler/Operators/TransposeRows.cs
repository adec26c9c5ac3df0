using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;

namespace RduEmu.Compiler.Operators;

/// <summary>y[b, c, r] = x[b, r, c]: samples [B, R, C] to samples [B, C, R]. Its gradient is itself.</summary>
public sealed record TransposeRows : Operator
{
    public override bool OnlyMoves => true;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].Rank == 3 && inputs[0].HasSamples, "samples [B, R, C]");
        return inputs[0] with { Shape = [inputs[0].Shape[0], inputs[0].Shape[2], inputs[0].Shape[1]] };
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new TransposeStage(node.Name, node.Output, node.Inputs[0]));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        scope.Add(node.Inputs[0], scope.Builder.Apply(new TransposeRows(), gradient));
}
