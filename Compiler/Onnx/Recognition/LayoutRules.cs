using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx.Recognition;

/// <summary>Layout nodes --> forms of the same value, where nothing has to be moved, and moves within samples.</summary>
internal static class LayoutRules
{
    /// <summary>Reshape of samples to samples; of tokens [B, T, A · d] to [B, T, A, d] and back; of images of one pixel.</summary>
    public static bool TryReshape(RecognizedGraph graph, Node node)
    {
        if (node.Operator is not Reshape || !(graph.IsBatch(node.Output) || graph.IsFolded(node.Output)))
        {
            return false;
        }

        ValueId x = node.Inputs[0];
        TensorType from = graph.TypeOf(x);
        int[] shape = graph.SampleShape(node.Output)[1..];
        if (graph.Heads(x) is { Form: HeadForm.Split } split)
        {
            graph.SetSamples(node.Output, graph.ReshapedSamples(split.Tokens, shape));
            return true;
        }

        if (graph.HasImage(x) && from.Shape[2] == 1 && from.Shape[3] == 1)
        {
            graph.SetSamples(node.Output, graph.ReshapedSamples(graph.Image(x), shape));
            return true;
        }

        if (!graph.HasSamples(x))
        {
            return false;
        }

        ValueId samples = graph.Samples(x);
        TensorType tokens = graph.NewTypeOf(samples);
        bool isSplit = graph.IsBatch(node.Output) && tokens is { Rank: 3, Element: ElementType.Float32 } && shape.Length == 3 && shape[0] == tokens.Shape[1] && shape[2] > 0;
        if (isSplit)
        {
            graph.SetHeads(node.Output, samples, shape[1], HeadForm.Split);
        }

        if (!isSplit)
        {
            graph.SetSamples(node.Output, graph.ReshapedSamples(samples, shape));
        }

        return true;
    }

    /// <summary>Transposes between channels first and last, and of heads.</summary>
    public static bool TryTranspose(RecognizedGraph graph, Node node)
    {
        if (node.Operator is not Transpose { Permutation.Count: 4 } transpose || !graph.IsBatch(node.Output))
        {
            return false;
        }

        ValueId x = node.Inputs[0];
        bool Is(params ReadOnlySpan<int> axes) => transpose.Permutation.AsSpan().SequenceEqual(axes);
        if (Is(0, 3, 1, 2) && graph.Heads(x) is null && graph.TypeOf(x).Element == ElementType.Float32)
        {
            graph.SetImage(node.Output, graph.Samples(x));
            return true;
        }

        if (Is(0, 2, 3, 1) && graph.HasImage(x))
        {
            graph.SetSamples(node.Output, graph.Image(x));
            return true;
        }

        HeadForm? form = graph.Heads(x) is not { } heads ? null
            : heads.Form switch
            {
                HeadForm.Split when Is(0, 2, 1, 3) => HeadForm.Heads,
                HeadForm.Split when Is(0, 2, 3, 1) => HeadForm.Turned,
                HeadForm.Heads when Is(0, 2, 1, 3) => HeadForm.Split,
                HeadForm.Heads when Is(0, 1, 3, 2) => HeadForm.Turned,
                HeadForm.Turned when Is(0, 1, 3, 2) => HeadForm.Heads,
                HeadForm.Turned when Is(0, 3, 1, 2) => HeadForm.Split,
                _ => null,
            };
        if (form is not { } turned || graph.Heads(x) is not { } own)
        {
            return false;
        }

        graph.SetHeads(node.Output, own.Tokens, own.Heads, turned);
        return true;
    }

    /// <summary>Joins along channels of images, along the last axis of samples, and along the second of samples of three.</summary>
    public static bool TryJoin(RecognizedGraph graph, Node node)
    {
        TensorType type = graph.TypeOf(node.Output);
        if (node.Operator is not Join join || type.Element != ElementType.Float32 || type.CountElements == 0 || !node.Inputs.All(graph.IsBatch))
        {
            return false;
        }

        if (type.Rank == 4 && join.Axis == 1 && node.Inputs.Any(graph.HasImage))
        {
            graph.SetImage(node.Output, graph.Apply(new Concat(), [.. node.Inputs.Select(graph.Image)]));
            return true;
        }

        bool isLast = type.Rank >= 2 && join.Axis == type.Rank - 1;
        if (!node.Inputs.Any(graph.HasSamples) || !(isLast || (join.Axis == 1 && type.Rank > 2)))
        {
            return false;
        }

        if (isLast)
        {
            graph.SetSamples(node.Output, graph.Apply(new Concat(), [.. node.Inputs.Select(graph.Samples)]));
            return true;
        }

        ValueId[] flat = [.. node.Inputs.Select(input => graph.ReshapedSamples(graph.Samples(input), checked((int)(graph.TypeOf(input).CountElements / graph.Batch))))];
        graph.SetSamples(node.Output, graph.ReshapedSamples(graph.Apply(new Concat(), flat), [.. type.Shape.Skip(1)]));
        return true;
    }

    /// <summary>A range of the last axis of samples, or of the second of several.</summary>
    public static bool TrySlice(RecognizedGraph graph, Node node)
    {
        TensorType type = graph.TypeOf(node.Output);
        if (node.Operator is not Slice slice || type.Rank < 2 || type.CountElements == 0 || type.Element != ElementType.Float32 || !graph.IsBatch(node.Inputs[0])
            || !graph.HasSamples(node.Inputs[0]) || slice.Steps.Where((step, axis) => step != 1 && slice.Counts[axis] > 1).Any())
        {
            return false;
        }

        TensorType from = graph.TypeOf(node.Inputs[0]);
        int[] cut = [.. Enumerable.Range(0, type.Rank).Where(axis => type.Shape[axis] != from.Shape[axis])];
        if (cut is not [int only] || only == 0 || (only != 1 && only != type.Rank - 1))
        {
            return false;
        }

        ValueId x = graph.Samples(node.Inputs[0]);
        graph.SetSamples(node.Output, only == type.Rank - 1
            ? graph.Apply(ColumnMap.Slice(slice.Starts[only], slice.Counts[only]), x)
            : Range(graph, x, slice.Starts[1], slice.Counts[1], [.. type.Shape.Skip(1)]));
        return true;
    }

    /// <summary>Known indices of the second axis of samples: one of tokens, or distinct columns.</summary>
    public static bool TryGather(RecognizedGraph graph, Node node)
    {
        TensorType from = graph.TypeOf(node.Inputs[0]);
        if (node.Operator is not Gather { Axis: 1 } || graph.Known(node.Inputs[1]) is not { } known || from.Element != ElementType.Float32 || from.Rank < 2
            || !graph.IsBatch(node.Inputs[0]) || !graph.HasSamples(node.Inputs[0]) || from.CountElements == 0)
        {
            return false;
        }

        int extent = from.Shape[1];
        long[] indices = [.. known.ToIntegers().Select(index => index < 0 ? index + extent : index)];
        if (indices.Length == 0 || indices.Any(index => index < 0 || index >= extent))
        {
            return false;
        }

        int[] shape = [.. graph.TypeOf(node.Output).Shape.Skip(1)];
        ValueId x = graph.Samples(node.Inputs[0]);
        bool isRange = !indices.Where((index, i) => index != indices[0] + i).Any();
        if (isRange && from.Rank == 3 && indices is [0] && shape.Length == 1)
        {
            graph.SetSamples(node.Output, graph.Apply(new FirstRow(), x));
            return true;
        }

        if (isRange && from.Rank > 2)
        {
            graph.SetSamples(node.Output, Range(graph, x, (int)indices[0], indices.Length, shape));
            return true;
        }

        if (from.Rank != 2 || indices.Distinct().Count() < indices.Length || shape.Length != 1)
        {
            return false;
        }

        graph.SetSamples(node.Output, graph.Apply(new ColumnMap(EquatableArray.Create<int>([.. indices.Select(index => (int)index)])), x));
        return true;
    }

    /// <summary>Some entries of the second axis: neighbouring elements of each sample.</summary>
    private static ValueId Range(RecognizedGraph graph, ValueId x, int first, int count, int[] shape)
    {
        TensorType type = graph.NewTypeOf(x);
        int each = type.Shape.Skip(2).Aggregate(1, (product, extent) => checked(product * extent));
        ValueId flat = graph.ReshapedSamples(x, checked(type.Shape[1] * each));
        return graph.ReshapedSamples(graph.Apply(ColumnMap.Slice(checked(first * each), checked(count * each)), flat), shape);
    }
}
