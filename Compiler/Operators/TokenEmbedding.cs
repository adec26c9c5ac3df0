using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[b, t, :] = table[index[b, t], :], zeros where the index is -1. Inputs: integer samples [B, T], or [B, T, 1] if they are
/// computed, and a table [R, H]; output: samples [B, T, H].
/// </summary>
/// <param name="GroupSamples">Samples of a group in the gradient of the table; see <see cref="SampleSum"/>.</param>
public sealed record TokenEmbedding(int GroupSamples = 0) : Operator
{
    public override bool ReadsPairs(int input, IReadOnlyList<TensorType> inputs, TensorType output) => input == 1;

    public override bool OnlyMoves => true;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Element == ElementType.Int32 && inputs[0].HasSamples && (inputs[0].Rank == 2 || (inputs[0].Rank == 3 && inputs[0].Shape[2] == 1))
                && inputs[1].Element == ElementType.Float32 && inputs[1].Rank == 2 && !inputs[1].HasSamples,
            "integer samples [B, T] and a table [R, H]");
        return TensorType.Samples(inputs[0].Shape[0], inputs[0].Shape[1], inputs[1].Shape[1]);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        new(TemplateKind.Gather, output.CountElements)
        {
            Accesses = [OperandAccess.Rows, OperandAccess.Indexed],
            IndexedElements = output.CountElements,
        };

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new TokenGatherStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1]));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        int rows = scope.Builder[node.Inputs[1]].Shape[0];
        scope.Add(node.Inputs[1], scope.Builder.Apply(new TokenEmbeddingGradient(rows, GroupSamples), node.Inputs[0], gradient));
    }
}

/// <summary>
/// dtable[r, :] = sum of dy[b, t, :] over the positions with index[b, t] = r: a reduction over samples. The positions of one group of
/// samples in ascending order from +0, groups by the binary tree; zero in rows that no index names. Inputs: integer samples [B, T] and samples
/// [B, T, H].
/// </summary>
/// <param name="Rows">Rows of the table.</param>
/// <param name="GroupSamples">Samples of a group; 0 for the least power of two with at least 32 positions.</param>
public sealed record TokenEmbeddingGradient(int Rows, int GroupSamples = 0) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Element == ElementType.Int32 && inputs[0].Rank == 2 && inputs[0].HasSamples
                && inputs[1] == TensorType.Samples(inputs[0].Shape[0], inputs[0].Shape[1], inputs[1].LastExtent),
            "integer samples [B, T] and samples [B, T, H]");
        return TensorType.Whole(Rows, inputs[1].LastExtent);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        new(TemplateKind.Gather, inputs[1].CountElements) { IndexedElements = inputs[1].CountElements, WritesIndexed = true };

    public override int? SampleGroup(IReadOnlyList<TensorType> inputs) => SampleTree.GroupSamples(inputs[0].Shape[1], GroupSamples);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new TokenScatterStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], GroupSamples));
}
