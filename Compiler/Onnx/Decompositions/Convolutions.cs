using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>ONNX's convolutions: padding, the product over windows, the bias.</summary>
public static class Convolutions
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Conv", 1, OnnxTypes.Floats, node => [Convolve(node, node[0], node[1], HasBias: true)]) { HasGradient = true },
        new("ConvInteger", 10, [ElementType.Int8, ElementType.UInt8], Integers),
        new("ConvTranspose", 1, OnnxTypes.Floats, Transposed) { HasGradient = true },
    ];

    internal static ValueId Convolve(OnnxNode node, ValueId x, ValueId w, bool HasBias)
    {
        TensorType filters = node.TypeOf(w);
        int[] taps = [.. filters.Shape.Skip(2)];
        RequireTaps(node, taps);
        var plan = new WindowPlan(node, node.TypeOf(x), taps, canRoundUp: false);
        int groups = checked((int)node.Integer("group", 1));
        ValueId y = node.Apply(
            new Convolution(EquatableArray.Create<int>(plan.Strides), EquatableArray.Create<int>(plan.Dilations), groups), plan.Padded(node, x, 0), w);
        return HasBias && node.HasInput(2) ? AddBias(node, y, node[2]) : y;
    }

    private static void RequireTaps(OnnxNode node, int[] taps)
    {
        if (node.Integers("kernel_shape") is { } given && !given.SequenceEqual(taps.Select(tap => (long)tap)))
        {
            throw node.Unsupported($"a kernel_shape of {string.Join(", ", taps)} as the filters have", string.Join(", ", given));
        }
    }

    private static ValueId AddBias(OnnxNode node, ValueId y, ValueId bias)
    {
        TensorType type = node.TypeOf(y);
        int[] shape = [type.Shape[1], .. Enumerable.Repeat(1, type.Rank - 2)];
        return node.Apply(new Add(), y, node.Apply(new Reshape(EquatableArray.Create<int>(shape)), bias));
    }

    private static IReadOnlyList<OnnxValue> Integers(OnnxNode node) =>
        [Convolve(node, MatMul.Shifted(node, 0, 2, 1), MatMul.Shifted(node, 1, 3, 0), HasBias: false)];

    /// <summary>
    /// y[p] = sum over x[i] · w[p - i · stride + pad]: a convolution over the image with zeros between its pixels, the taps backwards.
    /// </summary>
    private static IReadOnlyList<OnnxValue> Transposed(OnnxNode node)
    {
        TensorType image = node.TypeOf(0);
        TensorType filters = node.TypeOf(1);
        int axes = image.Rank - 2;
        if (axes is < 1 or > 3 || filters.Rank != image.Rank)
        {
            throw node.Unsupported("an image of 1 to 3 axes and filters over them", $"{image}; {filters}");
        }

        int[] taps = [.. filters.Shape.Skip(2)];
        RequireTaps(node, taps);
        int[] strides = WindowPlan.Attribute(node, "strides", axes, 1);
        int[] dilations = WindowPlan.Attribute(node, "dilations", axes, 1);
        int groups = checked((int)node.Integer("group", 1));
        long[] added = node.Integers("output_padding") ?? new long[axes];
        long[] pads = node.Integers("pads") ?? new long[2 * axes];
        long[]? wanted = node.Integers("output_shape");
        if (added.Length != axes || pads.Length != 2 * axes || wanted?.Length < axes)
        {
            throw node.Unsupported($"pads, output_padding and output_shape of {axes} axes", $"{pads.Length}, {added.Length} and {wanted?.Length}");
        }

        string autoPad = node.Text("auto_pad", "NOTSET");
        wanted = wanted?.Length > axes ? [.. wanted.Skip(wanted.Length - axes)] : wanted;
        if (wanted is null && autoPad is "SAME_UPPER" or "SAME_LOWER")
        {
            wanted = [.. strides.Select((stride, axis) => (long)stride * image.Shape[axis + 2])];
        }

        var before = new int[axes + 2];
        var after = new int[axes + 2];
        for (int axis = 0; axis < axes; axis++)
        {
            int reach = dilations[axis] * (taps[axis] - 1) + 1;
            long begin = autoPad == "VALID" ? 0 : pads[axis];
            long end = autoPad == "VALID" ? 0 : pads[axis + axes];
            if (wanted is not null)
            {
                long total = (long)strides[axis] * (image.Shape[axis + 2] - 1) + added[axis] + reach - wanted[axis];

                // What is wanted beyond what the windows reach stays zero, at the end.
                added[axis] += Math.Max(0, -total);
                total = Math.Max(0, total);
                begin = autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
                end = total - begin;
            }

            before[axis + 2] = checked((int)(reach - 1 - begin));
            after[axis + 2] = checked((int)(reach - 1 - end + added[axis]));
        }

        ValueId x = strides.All(stride => stride == 1)
            ? node[0]
            : node.Apply(new Spread(EquatableArray.Create<int>([1, 1, .. strides])), node[0]);
        x = node.Apply(new Pad(EquatableArray.Create<int>(before), EquatableArray.Create<int>(after), 0), x);
        int[] ones = [.. Enumerable.Repeat(1, axes)];
        ValueId y = node.Apply(
            new Convolution(EquatableArray.Create<int>(ones), EquatableArray.Create<int>(dilations), groups, Flipped: true), x, node[1]);
        return [node.HasInput(2) ? AddBias(node, y, node[2]) : y];
    }
}
