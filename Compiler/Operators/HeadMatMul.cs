using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Operators;

/// <summary>Which product of an attention is meant: q, k, v are tokens [B, T, A · d], p is a map of the heads [B, A, T, T].</summary>
public enum HeadProduct
{
    /// <summary>p[b, a, i, j] = sum over d of q[b, i, a, d] · k[b, j, a, d]: tokens and tokens to a map.</summary>
    Scores,

    /// <summary>y[b, i, a, d] = sum over j of p[b, a, i, j] · v[b, j, a, d]: a map and tokens to tokens.</summary>
    Context,

    /// <summary>y[b, j, a, d] = sum over i of p[b, a, i, j] · v[b, i, a, d]: as <see cref="Context"/> with the map turned.</summary>
    ContextTransposed,
}

/// <summary>
/// The products of attention (Vaswani et al., arXiv:1706.03762), head by head of each sample; in the order of <see cref="Linear"/>
/// over the summed index. The heads are the columns [a d, (a + 1) d) of the tokens and are used where they stand: nothing is
/// turned or copied.
/// </summary>
/// <param name="Heads">A.</param>
/// <param name="Product">Which one.</param>
public sealed record HeadMatMul(int Heads, HeadProduct Product) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        TensorType tokens = inputs[1];
        inputs.Require(
            tokens.HasSamples && tokens.Rank == 3 && Heads > 0 && tokens.LastExtent % Heads == 0, $"tokens, samples [B, T, multiple of {Heads}]");
        TensorType map = TensorType.Samples(tokens.Shape[0], Heads, tokens.Shape[1], tokens.Shape[1]);
        if (Product == HeadProduct.Scores)
        {
            inputs.Require(inputs[0] == tokens, "two tokens of one type");
            return map;
        }

        inputs.Require(inputs[0] == map, $"a map, samples [B, {Heads}, T, T], and tokens");
        return tokens;
    }

    /// <summary>2 B T² A d operations of each product; a row of the result needs all keys or values of its sample.</summary>
    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        TensorType tokens = inputs[1];
        int count = tokens.Shape[1];
        int width = tokens.LastExtent / Heads;
        long batch = (long)tokens.Shape[0] * Heads;
        return OperatorProfile.Systolic(Product == HeadProduct.Scores ? new GemmShape(batch, count, count, width) : new GemmShape(batch, count, width, count)) with
        {
            // A turned map is summed over its rows as they come: its result is whole after the last one.
            Accesses = [OperandAccess.Rows, Product == HeadProduct.ContextTransposed ? OperandAccess.Rows : OperandAccess.Sample],
            AccumulatesRows = Product == HeadProduct.ContextTransposed,
        };
    }

    /// <summary>A range of samples, and of heads: columns of the tokens, an axis of the map.</summary>
    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region)
    {
        bool isMap = Product == HeadProduct.Scores;
        int width = inputs[1].LastExtent / Heads;
        int axis = isMap ? 1 : 2;
        int scale = isMap ? 1 : width;
        if (region.Begin[axis] % scale != 0 || region.Extent[axis] % scale != 0 || Enumerable.Range(1, region.Rank - 1).Any(other => other != axis && !region.HasAll(output, other)))
        {
            return null;
        }

        int first = region.Begin[axis] / scale;
        int heads = region.Extent[axis] / scale;
        Region tokens = Slices.Samples(inputs[1], region).With(2, first * width, heads * width);
        return new SliceRule(this with { Heads = heads }, [isMap ? tokens : Slices.Samples(inputs[0], region).With(1, first, heads), tokens]);
    }

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new HeadProductStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], Heads, Product));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId left = node.Inputs[0];
        ValueId right = node.Inputs[1];
        ValueId Apply(HeadProduct product, ValueId a, ValueId b) => scope.Builder.Apply(new HeadMatMul(Heads, product), a, b);
        switch (Product)
        {
            case HeadProduct.Scores:
                scope.Add(left, Apply(HeadProduct.Context, gradient, right));
                scope.Add(right, Apply(HeadProduct.ContextTransposed, gradient, left));
                break;
            case HeadProduct.Context:
                scope.Add(left, Apply(HeadProduct.Scores, gradient, right));
                scope.Add(right, Apply(HeadProduct.ContextTransposed, left, gradient));
                break;
            default:
                scope.Add(left, Apply(HeadProduct.Scores, right, gradient));
                scope.Add(right, Apply(HeadProduct.Context, left, gradient));
                break;
        }
    }
}
