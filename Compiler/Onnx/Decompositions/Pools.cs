using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>ONNX's pools: reductions over windows, or over whole images.</summary>
public static class Pools
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("MaxPool", 1, [.. OnnxTypes.Floats, ElementType.Int8, ElementType.UInt8], Max) { HasGradient = true },
        new("AveragePool", 1, OnnxTypes.Floats, Average) { HasGradient = true },
        new("LpPool", 1, OnnxTypes.ShortFloats, Lp) { HasGradient = true },
        new("GlobalMaxPool", 1, OnnxTypes.Floats, node => [node.Apply(new Reduce(ReduceKind.Max, Image(node), KeepAxes: true), node[0])]) { HasGradient = true },
        new("GlobalAveragePool", 1, OnnxTypes.Floats, node => [node.Apply(new Reduce(ReduceKind.Mean, Image(node), KeepAxes: true), node[0])]) { HasGradient = true },
        new("GlobalLpPool", 2, OnnxTypes.ShortFloats, GlobalLp) { HasGradient = true },
    ];

    private static EquatableArray<int> Image(OnnxNode node) =>
        EquatableArray.Create<int>([.. Enumerable.Range(2, Math.Max(0, node.TypeOf(0).Rank - 2))]);

    private static WindowPlan PlanOf(OnnxNode node)
    {
        long[] taps = node.Integers("kernel_shape") ?? throw node.Unsupported("a kernel_shape", "none");
        return new WindowPlan(node, node.TypeOf(0), [.. taps.Select(tap => checked((int)tap))], canRoundUp: true);
    }

    private static IReadOnlyList<OnnxValue> Max(OnnxNode node)
    {
        WindowPlan plan = PlanOf(node);
        bool columnMajor = node.Flag("storage_order");
        long lowest = node.TypeOf(0).Element switch
        {
            ElementType.Float64 => BitConverter.DoubleToInt64Bits(double.NegativeInfinity),
            ElementType.Int8 => sbyte.MinValue,
            ElementType.UInt8 => 0,
            _ => BitConverter.SingleToInt32Bits(float.NegativeInfinity),
        };
        ValueId padded = plan.Padded(node, node[0], lowest);
        ValueId largest = plan.Reduce(node, ReduceKind.Max, padded);
        return node.WantsOutput(1) ? [largest, Positions(node, plan, padded, columnMajor)] : [largest];
    }

    /// <summary>Where in the whole tensor each window's largest element is: the windows side by side, the first largest of each, its place.</summary>
    private static ValueId Positions(OnnxNode node, WindowPlan plan, ValueId padded, bool columnMajor)
    {
        TensorType type = node.TypeOf(0);
        int windows = plan.Counts.Aggregate(1, (product, count) => product * count);
        int taps = plan.Taps.Aggregate(1, (product, count) => product * count);
        ValueId line = node.Apply(new Reshape([type.Shape[0], type.Shape[1], (int)(node.TypeOf(padded).CountElements / Math.Max(1, type.Shape[0] * type.Shape[1]))]), padded);
        ValueId all = node.Apply(new Reshape([windows * taps]), node.Constant(PaddedPositions(plan, node.TypeOf(padded))));
        ValueId side = node.Apply(new Reshape([type.Shape[0], type.Shape[1], windows, taps]), node.Apply(new Gather(2), line, all));
        ValueId tap = node.Apply(new SelectPositions(3, 1, Largest: true), side);
        ValueId places = node.Apply(new Repeat([type.Shape[0], type.Shape[1], windows, taps], []), node.Constant(plan.Positions(columnMajor)));
        ValueId place = node.Apply(new GatherElements(3), places, tap);
        long image = type.CountElements / Math.Max(1, type.Shape[0] * type.Shape[1]);
        var starts = HostTensor.Create<long>(
            [.. Enumerable.Range(0, type.Shape[0] * type.Shape[1]).Select(plane => plane * image)], [type.Shape[0], type.Shape[1], 1, 1]);
        return node.Apply(
            new Reshape(EquatableArray.Create<int>([type.Shape[0], type.Shape[1], .. plan.Counts])), node.Apply(new Add(), place, node.Constant(starts)));
    }

    private static HostTensor PaddedPositions(WindowPlan plan, TensorType padded)
    {
        int[] extents = [.. padded.Shape.Skip(2)];
        int windows = plan.Counts.Aggregate(1, (product, count) => product * count);
        int taps = plan.Taps.Aggregate(1, (product, count) => product * count);
        var positions = new long[windows * taps];
        for (int at = 0; at < positions.Length; at++)
        {
            int window = at / taps;
            int tap = at % taps;
            long step = 1;
            for (int axis = extents.Length - 1; axis >= 0; axis--)
            {
                positions[at] += (window % plan.Counts[axis] * plan.Strides[axis] + tap % plan.Taps[axis] * plan.Dilations[axis]) * step;
                step *= extents[axis];
                window /= plan.Counts[axis];
                tap /= plan.Taps[axis];
            }
        }

        return HostTensor.Integers(positions);
    }

    private static IReadOnlyList<OnnxValue> Average(OnnxNode node)
    {
        WindowPlan plan = PlanOf(node);
        bool withPadding = node.Flag("count_include_pad");
        ValueId sum = plan.Reduce(node, ReduceKind.Sum, plan.Padded(node, node[0], 0));
        ValueId counts = node.Constant(plan.CountElements(withPadding));
        ElementType element = node.TypeOf(0).Element;
        return [node.Apply(new Divide(), sum, element == ElementType.Float32 ? counts : node.Apply(new Cast(element), counts))];
    }

    private static IReadOnlyList<OnnxValue> Lp(OnnxNode node)
    {
        WindowPlan plan = PlanOf(node);
        long p = node.Integer("p", 2);
        if (p is 1 or 2)
        {
            return [plan.Reduce(node, p == 1 ? ReduceKind.L1 : ReduceKind.L2, plan.Padded(node, node[0], 0))];
        }

        ValueId powers = Power(node, node.Apply(new Absolute(), node[0]), p);
        return [Power(node, plan.Reduce(node, ReduceKind.Sum, plan.Padded(node, powers, 0)), 1f / p)];
    }

    private static IReadOnlyList<OnnxValue> GlobalLp(OnnxNode node)
    {
        long p = node.Integer("p", 2);
        if (p is 1 or 2)
        {
            return [node.Apply(new Reduce(p == 1 ? ReduceKind.L1 : ReduceKind.L2, Image(node), KeepAxes: true), node[0])];
        }

        ValueId powers = Power(node, node.Apply(new Absolute(), node[0]), p);
        return [Power(node, node.Apply(new Reduce(ReduceKind.Sum, Image(node), KeepAxes: true), powers), 1f / p)];
    }

    private static ValueId Power(OnnxNode node, ValueId x, float exponent) =>
        node.Apply(new Power(), x, node.ScalarOf(node.TypeOf(x).Element, exponent));
}
