using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>Images read at positions that are computed: AffineGrid makes them, GridSample reads there.</summary>
public static class Sampling
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("AffineGrid", 20, OnnxTypes.Floats, AffineGrid) { HasGradient = true },
        new("GridSample", 16, OnnxTypes.ShortFloats, GridSample) { HasGradient = true },
    ];

    /// <summary>[x, y, (z,) 1] of each pixel of the output, in [-1, 1], times theta transposed.</summary>
    private static IReadOnlyList<OnnxValue> AffineGrid(OnnxNode node)
    {
        long[] size = node.KnownIntegers(1, "a size");
        int axes = size.Length - 2;
        bool isAligned = node.Flag("align_corners");
        if (axes is not (2 or 3) || node.TypeOf(0).Rank != 3)
        {
            throw node.Unsupported("a size of 4 or 5 extents", $"{size.Length}");
        }

        int[] extents = [.. size.Skip(2).Select(node.Extent)];
        int count = extents.Aggregate(1, (all, extent) => checked(all * extent));
        var points = new double[count * (axes + 1)];
        for (int i = 0; i < count; i++)
        {
            int rest = i;
            for (int axis = axes - 1; axis >= 0; axis--)
            {
                (int index, int extent) = (rest % extents[axis], extents[axis]);
                rest /= extent;
                points[i * (axes + 1) + axes - 1 - axis] = isAligned ? (extent == 1 ? 0 : -1 + 2.0 * index / (extent - 1)) : (2.0 * index + 1) / extent - 1;
            }

            points[i * (axes + 1) + axes] = 1;
        }

        ElementType element = node.TypeOf(0).Element;
        ValueId grid = node.As(node.Constant(HostTensor.Create<double>(points, count, axes + 1)), element);
        return [node.Reshape(node.Product(grid, node.Transposed(node[0])), [node.TypeOf(0).Shape[0], .. extents, axes])];
    }

    private static IReadOnlyList<OnnxValue> GridSample(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        TensorType grid = node.TypeOf(1);
        int axes = type.Rank - 2;
        if (axes < 1 || grid.Rank != type.Rank || grid.Shape[^1] != axes)
        {
            throw node.Unsupported($"a grid for {axes} axes", grid.ToString());
        }

        ElementType element = type.Element;
        int[] extents = [.. type.Shape.Skip(2)];
        int[] output = [.. grid.Shape.Skip(1).Take(axes)];
        int points = output.Aggregate(1, (count, extent) => checked(count * extent));
        string padding = node.Text("padding_mode", "zeros");
        string mode = node.Text("mode", "linear");
        bool isAligned = node.Flag("align_corners");
        ValueId positions = node.Reshape(node.As(node[1], ElementType.Float32), grid.Shape[0], points, axes);
        var taps = new List<(ValueId Index, ValueId? Weight)>[axes];
        for (int axis = 0; axis < axes; axis++)
        {
            ValueId normal = node.Reshape(node.Part(positions, 2, axes - 1 - axis, 1), grid.Shape[0], 1, points);
            var sampler = new Sampler(node, extents[axis], isAligned, padding);
            taps[axis] = sampler.Taps(sampler.Position(normal, mode), mode);
        }

        ValueId image = node.Reshape(node.As(node[0], ElementType.Float32), type.Shape[0], type.Shape[1], extents.Aggregate(1, (count, extent) => checked(count * extent)));
        ValueId? sum = null;
        int combinations = taps.Aggregate(1, (count, of) => count * of.Count);
        for (int combination = 0; combination < combinations; combination++)
        {
            ValueId? at = null;
            ValueId? weight = null;
            int rest = combination;
            for (int axis = 0; axis < axes; axis++)
            {
                (ValueId index, ValueId? share) = taps[axis][rest % taps[axis].Count];
                rest /= taps[axis].Count;
                var sampler = new Sampler(node, extents[axis], isAligned, padding);
                (ValueId inside, ValueId? isInside) = sampler.Inside(index);
                ValueId step = node.As(inside, ElementType.Int64);
                at = at is { } before ? node.Plus(node.Times(before, node.Constant(HostTensor.Scalar((long)extents[axis]))), step) : step;
                foreach (ValueId factor in new[] { share, isInside }.OfType<ValueId>())
                {
                    weight = weight is { } all ? node.Times(all, factor) : factor;
                }
            }

            ValueId indices = node.Expand(at!.Value, type.Shape[0], type.Shape[1], points);
            ValueId term = node.Apply(new GatherElements(2), image, indices);
            term = weight is { } scale ? node.Times(term, scale) : term;
            sum = sum is { } so ? node.Plus(so, term) : term;
        }

        return [node.As(node.Reshape(sum!.Value, [type.Shape[0], type.Shape[1], .. output]), element)];
    }

    /// <summary>One axis of the image: where a position falls and which pixels it reads.</summary>
    private sealed class Sampler(OnnxNode node, int extent, bool isAligned, string padding)
    {
        /// <summary>From [-1, 1] to pixels; a position outside is held or reflected as the padding says.</summary>
        public ValueId Position(ValueId normal, string mode)
        {
            ValueId one = node.Number(normal, 1);
            ValueId moved = node.Plus(normal, one);
            ValueId half = node.Number(normal, 0.5);
            ValueId x = isAligned
                ? node.Times(moved, node.Number(normal, 0.5 * (extent - 1)))
                : node.Times(node.Minus(node.Times(moved, node.Number(normal, extent)), one), half);
            x = mode == "nearest" ? node.Apply(new Round(), x) : x;
            return padding switch
            {
                "zeros" => x,
                "border" => Clamped(x),
                "reflection" => Reflected(x),
                _ => throw node.Unsupported("padding zeros, border or reflection", padding),
            };
        }

        /// <summary>Pixels as floats, with their weights.</summary>
        public List<(ValueId Index, ValueId? Weight)> Taps(ValueId x, string mode)
        {
            if (mode == "nearest")
            {
                return [(x, null)];
            }

            ValueId floor = node.Apply(new Floor(), x);
            ValueId ratio = node.Minus(x, floor);
            ValueId one = node.Number(x, 1);
            ValueId Next(double by) => node.Plus(floor, node.Number(x, by));
            return mode switch
            {
                "linear" or "bilinear" => [(floor, node.Minus(one, ratio)), (Next(1), ratio)],
                "cubic" or "bicubic" =>
                [
                    (Next(-1), Far(node.Plus(ratio, one))), (floor, Near(ratio)),
                    (Next(1), Near(node.Minus(one, ratio))), (Next(2), Far(node.Minus(node.Number(x, 2), ratio))),
                ],
                _ => throw node.Unsupported("mode nearest, linear or cubic", mode),
            };
        }

        /// <summary>A pixel's index held to the image, and with zeros as padding 1 if it lies in it, else 0.</summary>
        public (ValueId Index, ValueId? IsInside) Inside(ValueId index)
        {
            ValueId held = Clamped(padding == "reflection" ? Reflected(index) : index);
            return (held, padding == "zeros" ? node.As(node.Apply(new Equal(), held, index), ElementType.Float32) : null);
        }

        private ValueId Clamped(ValueId x) => node.Apply(new Clip(), x, node.Number(x, 0), node.Number(x, extent - 1));

        /// <summary>Reflected at the borders: the centres of the outer pixels if corners are aligned, else their outer edges.</summary>
        private ValueId Reflected(ValueId x)
        {
            double low = isAligned ? 0 : -0.5;
            double range = isAligned ? extent - 1 : extent;
            if (range == 0)
            {
                return node.Times(x, node.Number(x, 0));
            }

            ValueId period = node.Number(x, 2 * range);
            ValueId from = node.Minus(x, node.Number(x, low));
            ValueId within = node.Minus(from, node.Times(period, node.Apply(new Floor(), node.Over(from, period))));
            return node.Plus(node.Apply(new Minimum(), within, node.Minus(period, within)), node.Number(x, low));
        }

        /// <summary>Keys' cubic with A = -0.75 within a pixel of its centre: ((A + 2) x - (A + 3)) x² + 1.</summary>
        private ValueId Near(ValueId x) => node.Plus(
            node.Times(node.Times(node.Minus(node.Times(x, node.Number(x, 1.25)), node.Number(x, 2.25)), x), x), node.Number(x, 1));

        /// <summary>The same between one and two pixels: ((A x - 5 A) x + 8 A) x - 4 A.</summary>
        private ValueId Far(ValueId x) => node.Plus(
            node.Times(node.Minus(node.Times(node.Plus(node.Times(x, node.Number(x, -0.75)), node.Number(x, 3.75)), x), node.Number(x, 6)), x),
            node.Number(x, 3));
    }
}
