using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx.Recognition;

/// <summary>Elementwise nodes stay in the form of what they read; every other node is what it was.</summary>
internal static class GeneralRules
{
    public static bool TryElementwise(RecognizedGraph graph, Node node)
    {
        if (node.Operator is not ElementwiseOperator op || graph.TypeOf(node.Output).Element != ElementType.Float32)
        {
            return false;
        }

        TensorType type = graph.TypeOf(node.Output);
        ValueId[] full = [.. node.Inputs.Where(input => !graph.IsKnown(input) && graph.TypeOf(input).Shape == type.Shape)];
        if (full.FirstOrDefault(input => graph.Heads(input) is not null) is var head && graph.Heads(head) is { } heads && full.Length == 1 && full[0] == head)
        {
            return Apply(graph, op, node, input => input == head ? heads.Tokens : Scalar(graph, input)) is { } tokens
                && Done(() => graph.SetHeads(node.Output, tokens, heads.Heads, heads.Form));
        }

        if (type.Rank == 4 && full.Any(graph.HasImage))
        {
            return Apply(graph, op, node, input => full.Contains(input) ? graph.Image(input) : Scalar(graph, input) ?? Channel(graph, input, type.Shape[1])) is { } image
                && Done(() => graph.SetImage(node.Output, image));
        }

        if (type.Rank >= 2 && full.Any(graph.HasSamples) && (graph.IsBatch(node.Output) || graph.IsFolded(node.Output)))
        {
            return Apply(graph, op, node, input => full.Contains(input) ? graph.Samples(input) : Scalar(graph, input) ?? Row(graph, input, type.LastExtent)) is { } samples
                && Done(() => graph.SetSamples(node.Output, samples));
        }

        return false;
    }

    /// <summary>The node as it was: over samples if what it reads is there so and the operator takes it, else over whole values.</summary>
    public static void Take(RecognizedGraph graph, Node node)
    {
        bool takesSamples = node.Operator is BroadcastOperator or Reduce or MatMul or Convolution or WindowReduce or GatherOperator;
        if (takesSamples && graph.IsBatch(node.Output) && node.Inputs.Any(graph.HasSamples))
        {
            int rank = graph.TypeOf(node.Output).Rank;
            ValueId[] inputs = [.. node.Inputs.Select(input => graph.IsBatch(input) && (graph.HasSamples(input) || graph.TypeOf(input).Rank == rank) ? graph.Samples(input) : graph.Whole(input))];
            if (graph.Infer(node.Operator, inputs) is { HasSamples: true } type && type.Shape == graph.TypeOf(node.Output).Shape)
            {
                graph.SetSamples(node.Output, graph.Apply(node.Operator, inputs));
                return;
            }
        }

        graph.SetWhole(node.Output, graph.Apply(node.Operator, [.. node.Inputs.Select(graph.Whole)]));
    }

    private static ValueId? Apply(RecognizedGraph graph, ElementwiseOperator op, Node node, Func<ValueId, ValueId?> form)
    {
        var inputs = new ValueId[node.Inputs.Count];
        for (int i = 0; i < inputs.Length; i++)
        {
            if (form(node.Inputs[i]) is not { } input)
            {
                return null;
            }

            inputs[i] = input;
        }

        return graph.Infer(op, inputs) is { HasSamples: true } ? graph.Apply(op, inputs) : null;
    }

    /// <summary>A known number as a scalar.</summary>
    private static ValueId? Scalar(RecognizedGraph graph, ValueId input) =>
        graph.Known(input) is { Count: 1 } ? graph.Parameter(input, "number", tensor => tensor.Reshape()) : null;

    /// <summary>What a channel has, [C, 1, 1] or [1, C, 1, 1], as [C].</summary>
    private static ValueId? Channel(RecognizedGraph graph, ValueId input, int channels)
    {
        TensorType type = graph.TypeOf(input);
        return graph.IsKnown(input) && type.CountElements == channels && type.Rank >= 3 && type.Shape[type.Rank - 3] == channels
            ? graph.Parameter(input, "channels", tensor => tensor.Reshape(channels)) : null;
    }

    /// <summary>A row that all rows have in common, as [N].</summary>
    private static ValueId? Row(RecognizedGraph graph, ValueId input, int columns)
    {
        TensorType type = graph.TypeOf(input);
        return graph.IsKnown(input) && type.CountElements == columns && type.Rank >= 1 && type.LastExtent == columns
            ? graph.Parameter(input, "row", tensor => tensor.Reshape(columns)) : null;
    }

    private static bool Done(Action set)
    {
        set();
        return true;
    }
}
