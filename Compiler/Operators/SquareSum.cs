using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[r, 0] = sum over c of x[r, c]², in the order of a row, each lane an FMA chain from +0. Input: a whole value, its first axis rows
/// (one of a vector); output: [R, 1].
/// </summary>
public sealed record RowSquareSum : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].Element == ElementType.Float32 && inputs[0].Rank >= 1 && !inputs[0].HasSamples, "a whole value [R, ...]");
        return TensorType.Whole(Sectioning.MatrixOf(inputs[0]).Rows, 1);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Reduce, inputs[0].CountElements, stages: 2);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new RowSquareSumStage(node.Name, node.Output, node.Inputs[0]));
}

/// <summary>y[0] = sum over r of x[r, 0]: leaves of 32 rows in ascending order from +0, combined by the binary tree. Input: [R, 1]; output: [1].</summary>
public sealed record ColumnSum : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].Rank == 2 && !inputs[0].HasSamples && inputs[0].Shape[1] == 1, "a whole value [R, 1]");
        return TensorType.Whole(1);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Reduce, inputs[0].CountElements, stages: 1);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new ColumnSumStage(node.Name, node.Output, node.Inputs[0]));
}
