using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>
/// Resize and Upsample, axis by axis: index o of an axis is a weighted sum of a few indices of the input's, all known when the
/// model is compiled.
/// </summary>
public static class Resampling
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Upsample", 7, OnnxTypes.Numbers, Upsample) { LastOpset = 9, HasGradient = true },
        new("Resize", 10, OnnxTypes.Numbers, ResizeByScales) { LastOpset = 10, HasGradient = true },
        new("Resize", 11, OnnxTypes.Numbers, Resize) { HasGradient = true },
    ];

    private static OnnxValue[] Upsample(OnnxNode node)
    {
        double[] scales = node.Opset < 9 ? [.. (node.Floats("scales") ?? []).Select(scale => (double)scale)] : node.Known(1, "scales").ToDoubles();
        return [Run(node, new Plan(node.Text("mode", "nearest"), "asymmetric", "floor"), AllAxes(node), scales, null)];
    }

    private static OnnxValue[] ResizeByScales(OnnxNode node) =>
        [Run(node, new Plan(node.Text("mode", "nearest"), "asymmetric", "floor"), AllAxes(node), node.Known(1, "scales").ToDoubles(), null)];

    private static OnnxValue[] Resize(OnnxNode node)
    {
        int rank = node.TypeOf(0).Rank;
        int[] axes = node.Integers("axes") is { } given ? [.. given.Select(axis => node.Axis(axis, rank))] : AllAxes(node);
        var plan = new Plan(
            node.Text("mode", "nearest"), node.Text("coordinate_transformation_mode", "half_pixel"), node.Text("nearest_mode", "round_prefer_floor"))
        {
            CubicA = node.Float("cubic_coeff_a", -0.75f),
            ExcludesOutside = node.Flag("exclude_outside"),
            IsAntialiased = node.Flag("antialias"),
            Extrapolation = node.Float("extrapolation_value", 0f),
            Region = node.HasInput(1) && node.TypeOf(1).CountElements > 0 ? node.Known(1, "a region").ToDoubles() : null,
        };
        string policy = node.Text("keep_aspect_ratio_policy", "stretch");
        if (node.HasInput(2) && node.TypeOf(2).CountElements > 0)
        {
            return [Run(node, plan, axes, node.Known(2, "scales").ToDoubles(), null)];
        }

        long[] sizes = node.KnownIntegers(3, "sizes");
        double[] ratios = [.. sizes.Zip(axes, (size, axis) => size / (double)node.TypeOf(0).Shape[axis])];
        if (policy != "stretch" && ratios.Length > 0)
        {
            double ratio = policy switch
            {
                "not_larger" => ratios.Min(),
                "not_smaller" => ratios.Max(),
                _ => throw node.Unsupported("policy stretch, not_larger or not_smaller", policy),
            };
            ratios = [.. ratios.Select(_ => ratio)];
            sizes = [.. axes.Select(axis => (long)Math.Floor(ratio * node.TypeOf(0).Shape[axis] + 0.5))];
        }

        return [Run(node, plan, axes, ratios, sizes)];
    }

    private static int[] AllAxes(OnnxNode node) => Expressions.AxesFrom(0, node.TypeOf(0).Rank);

    private static ValueId Run(OnnxNode node, Plan plan, int[] axes, double[] scales, long[]? sizes)
    {
        if (scales.Length != axes.Length || sizes is not null && sizes.Length != axes.Length || scales.Any(scale => !(scale > 0 && scale < 1e9)))
        {
            throw node.Unsupported($"{axes.Length} positive scales", string.Join(", ", scales));
        }

        ElementType element = node.TypeOf(0).Element;
        bool isNearest = plan.Mode == "nearest";
        ElementType computed = isNearest || element == ElementType.Float64 ? element : ElementType.Float32;
        ValueId value = node.As(node[0], computed);
        for (int i = 0; i < axes.Length; i++)
        {
            int extent = node.TypeOf(value).Shape[axes[i]];
            int size = node.RequireTable(sizes?[i] ?? (long)Math.Floor(extent * scales[i]));
            if (size == extent && scales[i] == 1 && plan.Region is null)
            {
                continue;
            }

            if (extent == 0)
            {
                throw node.Unsupported("axes with elements", node.TypeOf(value).ToString());
            }

            (double Start, double End) region = plan.Region is { } all && all.Length == 2 * axes.Length ? (all[i], all[axes.Length + i]) : (0, 1);
            value = Axis(node, value, axes[i], plan.Taps(node, extent, size, scales[i], region), plan);
        }

        return node.As(value, element);
    }

    /// <summary>Each tap as an axis map times its weights, added from the first on.</summary>
    private static ValueId Axis(OnnxNode node, ValueId value, int axis, Tap[][] taps, Plan plan)
    {
        int count = taps.Length == 0 ? 1 : taps.Max(of => of.Length);
        int[] shape = [.. Enumerable.Repeat(1, node.TypeOf(value).Rank)];
        shape[axis] = taps.Length;
        ElementType element = node.TypeOf(value).Element;
        ValueId? sum = null;
        for (int tap = 0; tap < count; tap++)
        {
            int[] indices = [.. taps.Select(of => tap < of.Length ? of[tap].Index : 0)];
            double[] weights = [.. taps.Select(of => tap < of.Length ? of[tap].Weight : 0)];
            ValueId term = node.Apply(new AxisMap(axis, EquatableArray.Create<int>(indices)), value);
            if (weights.Any(weight => weight != 1))
            {
                HostTensor factors = element == ElementType.Float64
                    ? HostTensor.Create<double>(weights, shape)
                    : HostTensor.Create<float>([.. weights.Select(weight => (float)weight)], shape);
                term = node.Times(term, node.Constant(factors));
            }

            sum = sum is { } before ? node.Plus(before, term) : term;
        }

        if (!taps.Any(of => of.Length == 0))
        {
            return sum!.Value;
        }

        // Outside of the region of tf_crop_and_resize.
        ValueId isInside = node.Constant(HostTensor.Create<bool>([.. taps.Select(of => of.Length > 0)], shape));
        return node.Choose(isInside, sum!.Value, node.Number(value, plan.Extrapolation));
    }

    private readonly record struct Tap(int Index, double Weight);

    /// <summary>How an output index is found in the input.</summary>
    private sealed record Plan(string Mode, string Coordinates, string Rounding)
    {
        public double CubicA { get; init; } = -0.75;

        public bool ExcludesOutside { get; init; }

        public bool IsAntialiased { get; init; }

        public double Extrapolation { get; init; }

        public double[]? Region { get; init; }

        /// <summary>For each output index its taps; none where it lies outside.</summary>
        public Tap[][] Taps(OnnxNode node, int extent, int size, double scale, (double Start, double End) region)
        {
            var taps = new Tap[size][];
            for (int o = 0; o < size; o++)
            {
                double x = Position(node, o, extent, size, scale, region);
                if (Coordinates == "tf_crop_and_resize" && (x < 0 || x > extent - 1))
                {
                    taps[o] = [];
                    continue;
                }

                // The ratio lies in (0, 1]: at an integer the left neighbour is the one before it.
                double floor = Math.Floor(x);
                double ratio = x == floor ? 1 : x - floor;
                int left = (int)(x == floor ? floor - 1 : floor);
                double[] weights = Weights(node, ratio, scale);
                int first = left - weights.Length / 2 + 1;
                if (ExcludesOutside)
                {
                    weights = [.. weights.Select((weight, i) => first + i < 0 || first + i >= extent ? 0 : weight)];
                    double all = weights.Sum();
                    weights = [.. weights.Select(weight => weight / all)];
                }

                taps[o] =
                [
                    .. weights.Select((weight, i) => new Tap(Math.Clamp(first + i, 0, extent - 1), weight)).Where(tap => Mode != "nearest" || tap.Weight != 0),
                ];
            }

            return taps;
        }

        private double Position(OnnxNode node, int o, int extent, int size, double scale, (double Start, double End) region)
        {
            double full = scale * extent;
            return Coordinates switch
            {
                "half_pixel" => (o + 0.5) / scale - 0.5,
                "half_pixel_symmetric" => extent / 2.0 * (1 - size / full) + (o + 0.5) / scale - 0.5,
                "pytorch_half_pixel" => full == 1 ? -0.5 : (o + 0.5) / scale - 0.5,
                "align_corners" => full == 1 ? 0 : o * (extent - 1) / (full - 1),
                "asymmetric" => o / scale,
                "tf_crop_and_resize" => region.Start * (extent - 1)
                    + (full == 1 ? (region.End - region.Start) * (extent - 1) / 2 : o * (region.End - region.Start) * (extent - 1) / (full - 1)),
                _ => throw node.Unsupported("a known coordinate_transformation_mode", Coordinates),
            };
        }

        private double[] Weights(OnnxNode node, double ratio, double scale)
        {
            double shrunk = Math.Min(scale, 1);
            switch (Mode)
            {
                case "nearest":
                    bool isLeft = Rounding switch
                    {
                        "round_prefer_floor" => ratio <= 0.5,
                        "round_prefer_ceil" => ratio < 0.5,
                        "floor" => ratio < 1,
                        "ceil" => false,
                        _ => throw node.Unsupported("a known nearest_mode", Rounding),
                    };
                    return isLeft ? [1, 0] : [0, 1];
                case "linear":
                    return IsAntialiased ? Filter(ratio, shrunk, 1, x => Math.Clamp(1 - Math.Abs(x), 0, 1)) : [1 - ratio, ratio];
                case "cubic":
                    return IsAntialiased
                        ? Filter(ratio, shrunk, 2, Cubic)
                        : [Cubic(ratio + 1), Cubic(ratio), Cubic(1 - ratio), Cubic(2 - ratio)];
                default:
                    throw node.Unsupported("mode nearest, linear or cubic", Mode);
            }
        }

        /// <summary>A filter widened by the scale, its weights summing to 1.</summary>
        private static double[] Filter(double ratio, double scale, int radius, Func<double, double> filter)
        {
            int start = (int)Math.Floor(-radius / scale) + 1;
            int count = 2 - 2 * start;
            double[] weights = [.. Enumerable.Range(start, count).Select(i => filter((i - ratio) * scale))];
            double all = weights.Sum();
            return [.. weights.Select(weight => weight / all)];
        }

        /// <summary>Keys' cubic convolution (IEEE ASSP 29, 1981) with the parameter A.</summary>
        private double Cubic(double x)
        {
            x = Math.Abs(x);
            return x <= 1 ? ((CubicA + 2) * x - (CubicA + 3)) * x * x + 1
                : x < 2 ? ((CubicA * x - 5 * CubicA) * x + 8 * CubicA) * x - 4 * CubicA
                : 0;
        }
    }
}
