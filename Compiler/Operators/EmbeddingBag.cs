using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[b, d] = sum over h of table[index[b, h], d], ascending h from +0; an index of -1 is absent. With weights each term is
/// weight[b, h] · table[index[b, h], d], added by an FMA. Inputs: integer samples [B, H], a table [R, D] and, if there are
/// weights, samples [B, H]; output: samples [B, D].
/// </summary>
public sealed record EmbeddingBag : Operator
{
    /// <exception cref="RduException">RDU0401: the inputs are not these.</exception>
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.Require(inputs.Types.Count is 2 or 3, "2 or 3 inputs", $"{inputs.Types.Count}");
        inputs.Require(
            inputs[0].Element == ElementType.Int32 && inputs[0].Rank == 2 && inputs[0].HasSamples
                && inputs[1].Element == ElementType.Float32 && inputs[1].Rank == 2 && !inputs[1].HasSamples,
            "integer samples [B, H] and a table [R, D]");
        inputs.Require(
            inputs.Types.Count == 2 || inputs[2] == inputs[0] with { Element = ElementType.Float32 }, "weights of the indices' shape [B, H]");
        return TensorType.Samples(inputs[0].Shape[0], inputs[1].Shape[1]);
    }

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new GatherStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], node.OptionalInput(2)));

    /// <exception cref="RduException">RDU0401: the weights' own gradient is asked for; there is none.</exception>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId[] weights = [.. node.Inputs.Skip(2)];
        if (weights.Length > 0 && scope.IsNeeded(weights[0]))
        {
            throw new RduException(
                ErrorCatalogue.GraphIllegal, $"node {node.Name} ({Name})", "weights that do not depend on what is trained",
                scope.Builder.NameOf(weights[0]), "give the bag's weights as an input, or train without weights");
        }

        int rows = scope.Builder[node.Inputs[1]].Shape[0];
        scope.Add(node.Inputs[1], scope.Builder.Apply(new EmbeddingBagGradient(rows), [node.Inputs[0], gradient, .. weights]));
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        long fetched = checked(inputs[0].CountElements * inputs[1].Shape[1]);
        return new OperatorProfile(TemplateKind.Gather, fetched)
        {
            Accesses = [OperandAccess.Rows, OperandAccess.Indexed, OperandAccess.Rows],
            IndexedElements = fetched,
        };
    }
}

/// <summary>
/// dtable[r, d] = sum over the positions (b, h) with index[b, h] = r of dy[b, d], in ascending position from +0; with weights of
/// weight[b, h] · dy[b, d], by FMAs. Rows that no index names are zero; a compiler keeps such a gradient sparse. Inputs: integer
/// samples [B, H], samples [B, D] and, if there are weights, samples [B, H].
/// </summary>
/// <param name="Rows">Rows of the table.</param>
public sealed record EmbeddingBagGradient(int Rows) : Operator
{
    /// <exception cref="RduException">RDU0401: the inputs are not these.</exception>
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.Require(inputs.Types.Count is 2 or 3, "2 or 3 inputs", $"{inputs.Types.Count}");
        inputs.Require(
            inputs[0].Element == ElementType.Int32 && inputs[0].Rank == 2 && inputs[0].HasSamples
                && inputs[1].Element == ElementType.Float32 && inputs[1].Rank == 2 && inputs[1].HasSamples
                && inputs[0].Shape[0] == inputs[1].Shape[0],
            "integer samples [B, H] and samples [B, D]");
        inputs.Require(
            inputs.Types.Count == 2 || inputs[2] == inputs[0] with { Element = ElementType.Float32 }, "weights of the indices' shape [B, H]");
        return TensorType.Whole(Rows, inputs[1].Shape[1]);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        long added = checked(inputs[0].CountElements * inputs[1].Shape[1]);
        return new OperatorProfile(TemplateKind.Gather, added) { IndexedElements = added, WritesIndexed = true };
    }

    public override void Lower(StageLowering lowering, Node node)
    {
        if (lowering.CountUses(node.Output) > 0)
        {
            lowering.Emit(new ScatterSumStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], node.OptionalInput(2)));
        }
    }
}
