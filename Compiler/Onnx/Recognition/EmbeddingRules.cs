using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx.Recognition;

/// <summary>Rows of known tables by indices that are given: embeddings, and bags of them.</summary>
internal static class EmbeddingRules
{
    /// <summary>Gather(table, index) --> an embedding of each index of the sample.</summary>
    public static bool TryEmbedding(RecognizedGraph graph, Node node)
    {
        if (node.Operator is not Gather { Axis: 0 } || !IsTable(graph, node.Inputs[0]) || !graph.IsBatch(node.Inputs[1]))
        {
            return false;
        }

        ValueId index = node.Inputs[1];
        TensorType type = graph.TypeOf(index);
        if (type.CountElements == 0)
        {
            return false;
        }

        int each = checked((int)(type.CountElements / graph.Batch));
        int width = graph.TypeOf(node.Inputs[0]).Shape[1];
        ValueId rows = each == 1
            ? graph.Apply(new EmbeddingBag(), Index(graph, node.Inputs[0], graph.Samples(index), 1), graph.Whole(node.Inputs[0]))
            : graph.Apply(new TokenEmbedding(), Index(graph, node.Inputs[0], graph.Samples(index), each, 1), graph.Whole(node.Inputs[0]));
        graph.SetSamples(node.Output, graph.ReshapedSamples(rows, [.. type.Shape.Skip(1), width]));
        return true;
    }

    /// <summary>The sum of Gather(table, index [B, H]) along H --> an embedding bag.</summary>
    public static bool TryBag(RecognizedGraph graph, Node node)
    {
        if (node.Operator is not Reduce { Kind: ReduceKind.Sum } sum || sum.Axes.Count != 1 || sum.Axes[0] != 1 || graph.Producer<Gather>(node.Inputs[0]) is not { } rows
            || rows.Operator.Axis != 0 || !IsTable(graph, rows.Node.Inputs[0]) || !graph.IsBatch(rows.Node.Inputs[1])
            || graph.TypeOf(rows.Node.Inputs[1]) is not { Rank: 2, CountElements: > 0 } index)
        {
            return false;
        }

        ValueId table = rows.Node.Inputs[0];
        ValueId bag = graph.Apply(new EmbeddingBag(), Index(graph, table, graph.Samples(rows.Node.Inputs[1]), index.Shape[1]), graph.Whole(table));
        graph.SetSamples(node.Output, graph.ReshapedSamples(bag, [.. graph.TypeOf(node.Output).Shape.Skip(1)]));
        return true;
    }

    /// <summary>
    /// A loop over bags, unrolled: rows joined, of which each is the sum of Gather(table, a range of the indices) --> one embedding bag,
    /// whose shorter bags are filled up with absent rows.
    /// </summary>
    public static bool TryLoopOfBags(RecognizedGraph graph, Node node)
    {
        if (node.Operator is not Join { Axis: 0 } || graph.TypeOf(node.Output) is not { Rank: 2 } type || type.Shape[0] != graph.Batch || node.Inputs.Count != graph.Batch)
        {
            return false;
        }

        (ValueId Table, ValueId Indices)? all = null;
        var bags = new List<(int First, int Count)>();
        foreach (ValueId piece in node.Inputs)
        {
            if (BagOf(graph, piece) is not { } bag || (all is { } same && same != (bag.Table, bag.Indices)))
            {
                return false;
            }

            all = (bag.Table, bag.Indices);
            bags.Add((bag.First, bag.Count));
        }

        (ValueId table, ValueId indices) = all!.Value;
        int most = Math.Max(1, bags.Max(bag => bag.Count));
        int length = graph.TypeOf(indices).Shape[0];
        bool isLong = graph.TypeOf(indices).Element == ElementType.Int64;
        if (!isLong && graph.TypeOf(indices).Element != ElementType.Int32)
        {
            return false;
        }

        // Behind the indices stands one that no table has.
        ValueId absent = graph.Parameter(
            isLong ? "no index i64" : "no index i32", isLong ? HostTensor.Create<long>([long.MinValue], 1) : HostTensor.Create<int>([int.MinValue], 1));
        long[] positions = [.. bags.SelectMany(bag => Enumerable.Range(0, most).Select(i => (long)(i < bag.Count ? bag.First + i : length)))];
        ValueId order = graph.Parameter($"bags of {graph.NewTypeOf(graph.Whole(table))} {node.Name}", HostTensor.Create<long>(positions, graph.Batch, most));
        ValueId cut = graph.Apply(new Gather(0), graph.Apply(new Join(0), graph.Whole(indices), absent), order);
        ValueId samples = graph.Apply(new SampleView(true), cut);
        graph.SetSamples(node.Output, graph.Apply(new EmbeddingBag(), Index(graph, table, samples, most), graph.Whole(table)));
        return true;
    }

    /// <summary>The table, the indices and the range of them whose rows a value [1, D] is the sum of.</summary>
    private static (ValueId Table, ValueId Indices, int First, int Count)? BagOf(RecognizedGraph graph, ValueId piece)
    {
        ValueId value = graph.Producer<Reshape>(piece)?.Node.Inputs[0] ?? piece;
        if (graph.Producer<Reduce>(value) is not { Operator: { Kind: ReduceKind.Sum, Axes: [0] } } sum || graph.Producer<Gather>(sum.Node.Inputs[0]) is not { Operator.Axis: 0 } rows
            || !IsTable(graph, rows.Node.Inputs[0]) || graph.TypeOf(rows.Node.Inputs[1]).Rank != 1)
        {
            return null;
        }

        ValueId index = rows.Node.Inputs[1];
        return graph.Producer<Slice>(index) is not { } slice ? (rows.Node.Inputs[0], index, 0, graph.TypeOf(index).Shape[0])
            : slice.Operator.Steps[0] == 1 || slice.Operator.Counts[0] <= 1 ? (rows.Node.Inputs[0], slice.Node.Inputs[0], slice.Operator.Starts[0], slice.Operator.Counts[0])
            : null;
    }

    private static bool IsTable(RecognizedGraph graph, ValueId value) =>
        graph.IsKnown(value) && graph.TypeOf(value) is { Rank: 2, Element: ElementType.Float32, CountElements: > 0 };

    /// <summary>Indices as the templates take them, [B, shape].</summary>
    private static ValueId Index(RecognizedGraph graph, ValueId table, ValueId samples, params int[] shape)
    {
        long rows = graph.TypeOf(table).Shape[0];
        ValueId count = graph.NewTypeOf(samples).Element == ElementType.Int64
            ? graph.Parameter($"{rows} rows i64", HostTensor.Scalar(rows))
            : graph.Parameter($"{rows} rows i32", HostTensor.Scalar((int)rows));
        return graph.Apply(new TableIndex(), graph.ReshapedSamples(samples, shape), count);
    }
}
