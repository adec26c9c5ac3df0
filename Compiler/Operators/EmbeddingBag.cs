using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Operators;

/// <summary>y[b, d] = sum over h of table[index[b, h], d], ascending h from +0; an index of -1 is absent.</summary>
public sealed record EmbeddingBag : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Element == ElementType.Int32 && inputs[0].Rank == 2 && inputs[0].HasSamples
                && inputs[1].Element == ElementType.Float32 && inputs[1].Rank == 2 && !inputs[1].HasSamples,
            "integer samples [B, H] and a table [R, D]");
        return TensorType.Samples(inputs[0].Shape[0], inputs[1].Shape[1]);
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        int rows = scope.Builder[node.Inputs[1]].Shape[0];
        scope.Add(node.Inputs[1], scope.Builder.Apply(new EmbeddingBagGradient(rows), node.Inputs[0], gradient));
    }
}

/// <summary>
/// dtable[r, d] = sum over the positions (b, h) with index[b, h] = r of dy[b, d], in ascending position from +0. Rows that no
/// index names are zero; a compiler keeps such a gradient sparse.
/// </summary>
/// <param name="Rows">Rows of the table.</param>
public sealed record EmbeddingBagGradient(int Rows) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Element == ElementType.Int32 && inputs[0].Rank == 2 && inputs[0].HasSamples
                && inputs[1].Element == ElementType.Float32 && inputs[1].Rank == 2 && inputs[1].HasSamples
                && inputs[0].Shape[0] == inputs[1].Shape[0],
            "integer samples [B, H] and samples [B, D]");
        return TensorType.Whole(Rows, inputs[1].Shape[1]);
    }
}
