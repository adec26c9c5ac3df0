using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Templates.Layout;

namespace RduEmu.Compiler.Operators.Layout;

/// <summary>The value with elements of one constant around it; negative amounts cut off.</summary>
/// <param name="Before">Elements before index 0 of each axis.</param>
/// <param name="After">Elements behind the last index.</param>
/// <param name="Fill">The words of the constant, the lower in the lower half.</param>
public sealed record Pad(EquatableArray<int> Before, EquatableArray<int> After, long Fill) : LayoutOperator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Pad", 1, OnnxTypes.All, FromAttributes) { LastOpset = 10, HasGradient = true },
        new("Pad", 11, OnnxTypes.All, FromInputs) { HasGradient = true },
        new("CenterCropPad", 18, OnnxTypes.All, CenterCropPad) { HasGradient = true },
    ];

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        int[] before = [.. Before.Select(amount => -amount)];
        int[] after = [.. After.Select(amount => -amount)];
        scope.Add(node.Inputs[0], scope.Builder.Apply(new Pad(EquatableArray.Create<int>(before), EquatableArray.Create<int>(after), 0), gradient));
    }

    /// <summary>The words of a constant of one element.</summary>
    public static long WordsOf(HostTensor element)
    {
        int[] words = element.ToWords();
        return words.Length == 2 ? (uint)words[0] | ((long)words[1] << 32) : (uint)words[0];
    }

    protected override int[] ShapeOf(OperatorInputs inputs)
    {
        inputs.Require(Before.Count == inputs[0].Rank && After.Count == inputs[0].Rank, $"amounts for each of {inputs[0].Rank} axes");
        int[] shape = [.. inputs[0].Shape.Select((extent, axis) => checked(extent + Before[axis] + After[axis]))];
        inputs.Require(shape.All(extent => extent >= 0), "no more cut off than there is");
        return shape;
    }

    protected override StridedView ViewOf(TensorType input)
    {
        long[] strides = StridesOf(input.Shape);
        return new StridedView(
            [.. input.Shape.Select((extent, axis) => extent + Before[axis] + After[axis])], [.. strides], [.. Before],
            [.. input.Shape.Select((extent, axis) => Before[axis] + extent)], -strides.Select((stride, axis) => stride * Before[axis]).Sum(), Fill,
            input.Element.WordsPerElement());
    }

    private static OnnxValue[] FromAttributes(OnnxNode node)
    {
        long[] amounts = node.Integers("pads") ?? node.Integers("paddings") ?? throw node.Unsupported("pads", "none");
        float constant = node.Float("value", 0f);
        return constant == 0f || node.TypeOf(0).Element == ElementType.Float32
            ? Apply(node, amounts, null, (uint)BitConverter.SingleToInt32Bits(constant))
            : throw node.Unsupported("a constant for f32", node.TypeOf(0).Element.ShortName());
    }

    private static OnnxValue[] FromInputs(OnnxNode node)
    {
        long fill = 0;
        if (node.HasInput(2))
        {
            HostTensor constant = node.Known(2, "the constant of a pad");
            fill = constant.Count == 1 && constant.Element == node.TypeOf(0).Element
                ? WordsOf(constant)
                : throw node.Unsupported("a constant of one element of the input's type", constant.Type.ToString());
        }

        return Apply(node, node.KnownIntegers(1, "the amounts of a pad"), node.HasInput(3) ? node.KnownIntegers(3, "axes") : null, fill);
    }

    private static OnnxValue[] Apply(OnnxNode node, long[] amounts, long[]? axes, long fill)
    {
        TensorType type = node.TypeOf(0);
        axes ??= [.. Enumerable.Range(0, type.Rank).Select(axis => (long)axis)];
        if (amounts.Length != 2 * axes.Length)
        {
            throw node.Unsupported($"{2 * axes.Length} amounts", $"{amounts.Length}");
        }

        var before = new int[type.Rank];
        var after = new int[type.Rank];
        for (int i = 0; i < axes.Length; i++)
        {
            int axis = node.Axis(axes[i], type.Rank);
            before[axis] = checked((int)amounts[i]);
            after[axis] = checked((int)amounts[axes.Length + i]);
        }

        string mode = node.Text("mode", "constant");
        ValueId value = node[0];
        if (mode == "constant")
        {
            return [node.Apply(new Pad(EquatableArray.Create<int>(before), EquatableArray.Create<int>(after), fill), value)];
        }

        for (int axis = 0; axis < type.Rank; axis++)
        {
            if (before[axis] != 0 || after[axis] != 0)
            {
                node.RequireTable((long)type.Shape[axis] + before[axis] + after[axis]);
                value = node.Apply(new AxisMap(axis, EquatableArray.Create<int>([.. Enumerable.Range(-before[axis], checked(type.Shape[axis] + before[axis] + after[axis]))
                    .Select(index => Source(node, mode, index, type.Shape[axis]))])), value);
            }
        }

        return [value];
    }

    /// <summary>The index that an index outside of an axis shows.</summary>
    private static int Source(OnnxNode node, string mode, int index, int extent)
    {
        if (extent == 0)
        {
            throw node.Unsupported("something to repeat", "an axis of 0");
        }

        switch (mode)
        {
            case "edge":
                return Math.Clamp(index, 0, extent - 1);
            case "wrap":
                return (index % extent + extent) % extent;
            case "reflect":
                int period = Math.Max(1, 2 * (extent - 1));
                int within = (index % period + period) % period;
                return within < extent ? within : period - within;
            default:
                throw node.Unsupported("mode constant, edge, reflect or wrap", mode);
        }
    }

    /// <summary>Cut or padded with zeros to a shape, as evenly at both ends as can be.</summary>
    private static IReadOnlyList<OnnxValue> CenterCropPad(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        long[] axes = node.Integers("axes") ?? [.. Enumerable.Range(0, type.Rank).Select(axis => (long)axis)];
        long[] shape = node.KnownIntegers(1, "a shape");
        if (shape.Length != axes.Length)
        {
            throw node.Unsupported($"{axes.Length} extents", $"{shape.Length}");
        }

        var before = new int[type.Rank];
        var after = new int[type.Rank];
        for (int i = 0; i < axes.Length; i++)
        {
            int axis = node.Axis(axes[i], type.Rank);
            int more = checked((int)shape[i] - type.Shape[axis]);
            before[axis] = more >= 0 ? more / 2 : -(-more / 2);
            after[axis] = more - before[axis];
        }

        return [node.Apply(new Pad(EquatableArray.Create<int>(before), EquatableArray.Create<int>(after), 0), node[0])];
    }
}
