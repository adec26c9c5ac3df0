using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx.Recognition;

/// <summary>Convolutions and pools over images [B, C, H, W] --> the same over channel-last images, padding as part of the window.</summary>
internal static class ImageRules
{
    private const int Axes = 2;

    /// <summary>The bits of -infinity, with which maxima are padded.</summary>
    private const int MinusInfinity = unchecked((int)0xFF800000);

    /// <summary>Convolution(Pad(x), w) --> ImageConvolution(x, w [O, Kh, Kw, C]).</summary>
    public static bool TryConvolution(RecognizedGraph graph, Node node)
    {
        if (node.Operator is not Convolution { Flipped: false } convolution || !IsImage(graph, node.Output) || !graph.IsKnown(node.Inputs[1]))
        {
            return false;
        }

        (ValueId x, int[] before, int[] after) = Unpadded(graph, node.Inputs[0], 0);
        var window = new ConvolutionWindow(
            convolution.Strides[0], convolution.Strides[1], convolution.Dilations[0], convolution.Dilations[1], before[0], before[1], after[0], after[1]);
        return Take(graph, node, new ImageConvolution(window, convolution.Groups), x);
    }

    /// <summary>Convolution(Pad(Spread(x)), w) with its taps turned round --> ImageConvolutionTransposed(x, w [C, Kh, Kw, O]).</summary>
    public static bool TryTransposedConvolution(RecognizedGraph graph, Node node)
    {
        if (node.Operator is not Convolution { Flipped: true } convolution || !IsImage(graph, node.Output) || !graph.IsKnown(node.Inputs[1])
            || convolution.Strides.Any(stride => stride != 1))
        {
            return false;
        }

        (ValueId spread, int[] before, int[] after) = Unpadded(graph, node.Inputs[0], 0);
        int[] strides = [1, 1];
        ValueId x = spread;
        if (graph.Producer<Spread>(spread) is { } apart && apart.Operator.Steps[0] == 1 && apart.Operator.Steps[1] == 1)
        {
            (x, strides) = (apart.Node.Inputs[0], [apart.Operator.Steps[2], apart.Operator.Steps[3]]);
        }

        TensorType filter = graph.TypeOf(node.Inputs[1]);
        int[] reach = [.. Enumerable.Range(0, Axes).Select(axis => checked(convolution.Dilations[axis] * (filter.Shape[axis + Axes] - 1) + 1))];
        if (before[0] >= reach[0] || before[1] >= reach[1])
        {
            return false;
        }

        // What the padding leaves off at the end may be less than nothing: rows of the output that no tap reaches.
        var window = new ConvolutionWindow(
            strides[0], strides[1], convolution.Dilations[0], convolution.Dilations[1], reach[0] - 1 - before[0], reach[1] - 1 - before[1],
            Math.Max(0, reach[0] - 1 - after[0]), Math.Max(0, reach[1] - 1 - after[1]));
        TensorType y = graph.TypeOf(node.Output);
        return Take(graph, node, new ImageConvolutionTransposed(window, y.Shape[2], y.Shape[3], convolution.Groups), x);
    }

    /// <summary>WindowReduce(Pad(x)) to maxima --> MaxPool(x).</summary>
    public static bool TryMaxPool(RecognizedGraph graph, Node node)
    {
        if (node.Operator is not WindowReduce { Kind: ReduceKind.Max, Taps.Count: Axes } pool || !IsImage(graph, node.Output))
        {
            return false;
        }

        (ValueId x, int[] before, int[] after) = Unpadded(graph, node.Inputs[0], MinusInfinity);
        var op = new MaxPool(
            new ConvolutionWindow(pool.Strides[0], pool.Strides[1], pool.Dilations[0], pool.Dilations[1], before[0], before[1], after[0], after[1]), pool.Taps[0], pool.Taps[1]);
        if (!graph.HasImage(x) || !Agrees(graph, node, graph.Infer(op, graph.Image(x))))
        {
            return false;
        }

        graph.SetImage(node.Output, graph.Apply(op, graph.Image(x)));
        return true;
    }

    private static bool Take(RecognizedGraph graph, Node node, Operator op, ValueId x)
    {
        ValueId filter = graph.Parameter(node.Inputs[1], "channels last", ChannelsLast);
        if (!graph.IsBatch(x) || !Agrees(graph, node, graph.Infer(op, graph.Image(x), filter)))
        {
            return false;
        }

        graph.SetImage(node.Output, graph.Apply(op, graph.Image(x), filter));
        return true;
    }

    private static bool Agrees(RecognizedGraph graph, Node node, TensorType? image) =>
        image is { Rank: 4 } && graph.TypeOf(node.Output).Shape is [int b, int c, int h, int w] && image.Shape.SequenceEqual([b, h, w, c]);

    private static bool IsImage(RecognizedGraph graph, ValueId value) =>
        graph.TypeOf(value) is { Rank: 4, Element: ElementType.Float32, CountElements: > 0 } && graph.IsBatch(value);

    /// <summary>What was padded, and by how much along height and width; the value itself where nothing was.</summary>
    private static (ValueId X, int[] Before, int[] After) Unpadded(RecognizedGraph graph, ValueId value, int fill) =>
        graph.Producer<Pad>(value) is { } pad && (int)pad.Operator.Fill == fill && pad.Operator.Before.Concat(pad.Operator.After).All(amount => amount >= 0)
            && pad.Operator is { Before: [0, 0, int top, int left], After: [0, 0, int bottom, int right] }
            ? (pad.Node.Inputs[0], [top, left], [bottom, right])
            : (value, [0, 0], [0, 0]);

    /// <summary>[O, C, Kh, Kw] to [O, Kh, Kw, C].</summary>
    private static HostTensor ChannelsLast(HostTensor filter)
    {
        (int o, int c, int taps) = (filter.Shape[0], filter.Shape[1], checked(filter.Shape[2] * filter.Shape[3]));
        ReadOnlySpan<float> from = filter.Span<float>();
        var to = new float[from.Length];
        for (int i = 0; i < o; i++)
        {
            for (int channel = 0; channel < c; channel++)
            {
                for (int tap = 0; tap < taps; tap++)
                {
                    to[(i * taps + tap) * c + channel] = from[(i * c + channel) * taps + tap];
                }
            }
        }

        return HostTensor.Create<float>(to, o, filter.Shape[2], filter.Shape[3], c);
    }
}
