using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx.Recognition;

/// <summary>Products: with weights, of heads, of the matrices of a sample.</summary>
internal static class ProductRules
{
    /// <summary>MatMul(x, w) of a known matrix --> a product with w packed at load, over the rows of samples.</summary>
    public static bool TryLinear(RecognizedGraph graph, Node node)
    {
        if (node.Operator is not MatMul { TransposeA: false } product || graph.TypeOf(node.Output).Element != ElementType.Float32)
        {
            return false;
        }

        (ValueId x, ValueId weight) = (node.Inputs[0], node.Inputs[1]);
        bool isTransposed = product.TransposeB;
        if (!graph.IsKnown(weight) && graph.Producer<Transpose>(weight) is { } turned && graph.IsKnown(turned.Node.Inputs[0]) && graph.TypeOf(weight).Rank == 2
            && turned.Operator.Permutation[0] == 1)
        {
            (weight, isTransposed) = (turned.Node.Inputs[0], !isTransposed);
        }

        if (!graph.IsKnown(weight) || graph.TypeOf(weight) is not { Rank: 2, CountElements: > 0 } || graph.TypeOf(x).Rank < 2 || !(graph.IsBatch(x) || graph.IsFolded(x)))
        {
            return false;
        }

        ValueId samples = graph.Samples(x);
        ValueId w = graph.Whole(weight);
        Operator op = isTransposed ? new Linear() : new LinearInputGradient();
        if (graph.Infer(op, samples, w) is null)
        {
            return false;
        }

        graph.SetSamples(node.Output, graph.Apply(op, samples, w));
        return true;
    }

    /// <summary>q · kᵀ and p · v of heads --> products that read and write the heads where they stand in the tokens.</summary>
    public static bool TryHeads(RecognizedGraph graph, Node node)
    {
        if (node.Operator is not MatMul { TransposeA: false } product || graph.Heads(node.Inputs[1]) is not { } right)
        {
            return false;
        }

        ValueId left = node.Inputs[0];
        bool isTurned = right.Form == HeadForm.Turned;
        if (graph.Heads(left) is { Form: HeadForm.Heads } q && q.Heads == right.Heads && (isTurned || right.Form == HeadForm.Heads) && isTurned != product.TransposeB)
        {
            var scores = new HeadMatMul(q.Heads, HeadProduct.Scores);
            if (graph.Infer(scores, q.Tokens, right.Tokens) is null)
            {
                return false;
            }

            graph.SetSamples(node.Output, graph.Apply(scores, q.Tokens, right.Tokens));
            return true;
        }

        var context = new HeadMatMul(right.Heads, HeadProduct.Context);
        if (right.Form != HeadForm.Heads || product.TransposeB || !graph.HasSamples(left) || graph.Infer(context, graph.Samples(left), right.Tokens) is null)
        {
            return false;
        }

        graph.SetHeads(node.Output, graph.Apply(context, graph.Samples(left), right.Tokens), right.Heads, HeadForm.Heads);
        return true;
    }

    /// <summary>Products of two matrices of each sample, [B, M, K] and [B, K, N] or its transpose, as an interaction of features has them.</summary>
    public static bool TrySampleProduct(RecognizedGraph graph, Node node)
    {
        if (node.Operator is not MatMul product || graph.TypeOf(node.Output) is not { Rank: 3, Element: ElementType.Float32, CountElements: > 0 } type)
        {
            return false;
        }

        (ValueId a, bool turnA) = Unturned(graph, node.Inputs[0], product.TransposeA);
        (ValueId b, bool turnB) = Unturned(graph, node.Inputs[1], product.TransposeB);
        TensorType typeA = graph.TypeOf(a);
        if (typeA.Rank != 3 || graph.TypeOf(b).Rank != 3 || !graph.IsBatch(a) || !graph.IsBatch(b) || !(graph.HasSamples(a) || graph.HasSamples(b)))
        {
            return false;
        }

        (int m, int n, int k) = (type.Shape[1], type.Shape[2], typeA.Shape[turnA ? 1 : 2]);
        var op = new SampleMatMul(m, n, k, turnA, turnB);
        ValueId left = graph.ReshapedSamples(graph.Samples(a), checked(m * k));
        ValueId right = graph.ReshapedSamples(graph.Samples(b), checked(k * n));
        if (graph.Infer(op, left, right) is null)
        {
            return false;
        }

        graph.SetSamples(node.Output, graph.ReshapedSamples(graph.Apply(op, left, right), m, n));
        return true;
    }

    private static (ValueId Value, bool IsTurned) Unturned(RecognizedGraph graph, ValueId value, bool isTurned) =>
        graph.Producer<Transpose>(value) is { } turned && turned.Operator.Permutation.SequenceEqual([0, 2, 1]) ? (turned.Node.Inputs[0], !isTurned) : (value, isTurned);
}
