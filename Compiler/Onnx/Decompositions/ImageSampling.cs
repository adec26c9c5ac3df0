using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>Images read bilinearly at positions that are computed: RoiAlign, and convolutions whose taps move.</summary>
public static class ImageSampling
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("RoiAlign", 10, OnnxTypes.ShortFloats, RoiAlign) { HasGradient = true },
        new("DeformConv", 19, OnnxTypes.ShortFloats, DeformConv) { HasGradient = true },
    ];

    /// <summary>
    /// y[r, c, i, j] = the mean (or, of weighted taps, the maximum) of X[batch_indices[r], c] over sampling_ratio² points of bin (i, j)
    /// of region r, x1 y1 x2 y2 in the image times spatial_scale.
    /// </summary>
    private static IReadOnlyList<OnnxValue> RoiAlign(OnnxNode node)
    {
        TensorType type = node.RequireRank(0, 4);
        int regions = node.RequireRank(1, 2).Shape[0];
        (int height, int width) = (type.Shape[2], type.Shape[3]);
        int rows = node.Extent(node.Integer("output_height", 1));
        int columns = node.Extent(node.Integer("output_width", 1));
        int samples = node.Extent(node.Integer("sampling_ratio", 0));
        string mode = node.Text("mode", "avg");
        bool isAligned = node.Text("coordinate_transformation_mode", node.Opset >= 16 ? "half_pixel" : "output_half_pixel") == "half_pixel";
        if (samples == 0 || height == 0 || width == 0 || mode is not ("avg" or "max"))
        {
            throw node.Unsupported("a sampling_ratio of at least 1 (else it depends on each region), images with pixels, and mode avg or max", $"{samples}, {type}, {mode}");
        }

        node.RequireTable((long)Math.Min(long.MaxValue / 2, (double)rows * columns * samples * samples));
        ValueId corners = node.Reshape(node.As(node[1], ElementType.Float32), regions, 1, 4);
        ValueId scale = node.Number(corners, node.Float("spatial_scale", 1f));
        ValueId offset = node.Number(corners, isAligned ? 0.5 : 0);
        ValueId Corner(int which) => node.Minus(node.Times(node.Part(corners, 2, which, 1), scale), offset);

        // Positions of one axis, [R, bins · samples, 1], in the order of bins.
        ValueId Positions(int first, int bins)
        {
            ValueId begin = Corner(first);
            ValueId extent = node.Minus(Corner(first + 2), begin);
            extent = isAligned ? extent : node.Apply(new Maximum(), extent, node.Number(extent, 1));
            float[] steps = [.. Enumerable.Range(0, bins * samples).Select(i => (float)(((i / samples) + ((i % samples + 0.5) / samples)) / bins))];
            return node.Plus(begin, node.Times(extent, node.Constant(HostTensor.Create<float>(steps, 1, steps.Length, 1))));
        }

        (int across, int down) = (columns * samples, rows * samples);
        ValueId y = node.Reshape(node.Expand(Positions(1, rows), regions, down, across), regions, 1, down * across);
        ValueId x = node.Reshape(node.Expand(node.Reshape(Positions(0, columns), regions, 1, across), regions, down, across), regions, 1, down * across);
        ValueId images = node.Apply(new Gather(0), node.As(node[0], ElementType.Float32), node[2]);
        var reader = new Bilinear(node, node.Reshape(images, regions, type.Shape[1], height * width), height, width);
        ValueId[] terms = reader.Terms(y, x, isHeld: true);
        ValueId value = terms[0];
        foreach (ValueId term in terms.Skip(1))
        {
            value = mode == "max" ? node.Apply(new Maximum(), value, term) : node.Plus(value, term);
        }

        ValueId bins = node.Reshape(value, regions, type.Shape[1], rows, samples, columns, samples);
        ValueId pooled = node.Apply(new Reduce(mode == "max" ? ReduceKind.Max : ReduceKind.Mean, [3, 5], KeepAxes: false), bins);
        return [node.As(pooled, type.Element)];
    }

    /// <summary>
    /// A convolution whose tap t of result p reads at p · stride + t · dilation - pad + offset[p, t], times mask[p, t]: the taps as columns,
    /// then a product with the filters. Inputs: X, W, offset, B, mask.
    /// </summary>
    private static IReadOnlyList<OnnxValue> DeformConv(OnnxNode node)
    {
        TensorType type = node.RequireRank(0, 4);
        TensorType filter = node.RequireRank(1, 4);
        TensorType moved = node.RequireRank(2, 4);
        int groups = node.Extent(node.Integer("group", 1));
        int offsetGroups = node.Extent(node.Integer("offset_group", 1));
        long[] strides = node.Integers("strides") ?? [1, 1];
        long[] dilations = node.Integers("dilations") ?? [1, 1];
        long[] pads = node.Integers("pads") ?? [0, 0, 0, 0];
        node.Ignore("kernel_shape");
        (int batch, int channels, int height, int width) = (type.Shape[0], type.Shape[1], type.Shape[2], type.Shape[3]);
        (int tapRows, int tapColumns, int rows, int columns) = (filter.Shape[2], filter.Shape[3], moved.Shape[2], moved.Shape[3]);
        int taps = tapRows * tapColumns;
        int points = node.RequireTable((long)taps * rows * columns);
        bool fits = strides.Length == 2 && dilations.Length == 2 && pads.Length == 4 && groups > 0 && offsetGroups > 0
            && channels % groups == 0 && channels % offsetGroups == 0 && filter.Shape[0] % groups == 0 && filter.Shape[1] * (long)groups == channels
            && moved.Shape[0] == batch && moved.Shape[1] == 2L * offsetGroups * taps && height > 0 && width > 0
            && rows == Results(height, tapRows, 0) && columns == Results(width, tapColumns, 1);
        long Results(int extent, int count, int axis) => strides[axis] <= 0 ? -1 : ((extent + pads[axis] + pads[axis + 2] - (dilations[axis] * (count - 1L)) - 1) / strides[axis]) + 1;
        if (!fits)
        {
            throw node.Unsupported("images, filters and two offsets for each tap of each result", $"{type}, {filter}, {moved}");
        }

        // Positions before they are moved, [1, 1, taps, rows · columns].
        ValueId Fixed(Func<int, long> position) => node.Constant(HostTensor.Create<float>([.. Enumerable.Range(0, points).Select(i => (float)position(i))], 1, 1, taps, rows * columns));
        ValueId offsets = node.Reshape(node.As(node[2], ElementType.Float32), batch * offsetGroups, taps, 2, rows * columns);
        ValueId Moved(int which, Func<int, long> position) => node.Reshape(
            node.Plus(node.Reshape(node.Part(offsets, 2, which, 1), batch * offsetGroups, 1, taps, rows * columns), Fixed(position)), batch * offsetGroups, 1, points);
        ValueId y = Moved(0, i => (i % (rows * columns) / columns * strides[0]) + (i / (rows * columns) / tapColumns * dilations[0]) - pads[0]);
        ValueId x = Moved(1, i => (i % columns * strides[1]) + (i / (rows * columns) % tapColumns * dilations[1]) - pads[1]);

        int shared = channels / offsetGroups;
        ValueId image = node.Reshape(node.As(node[0], ElementType.Float32), batch * offsetGroups, shared, height * width);
        ValueId[] terms = new Bilinear(node, image, height, width).Terms(y, x, isHeld: false);
        ValueId read = terms.Aggregate(node.Plus);
        if (node.HasInput(4))
        {
            read = node.Times(read, node.Reshape(node.As(node[4], ElementType.Float32), batch * offsetGroups, 1, points));
        }

        ValueId matrix = node.Reshape(read, batch, groups, channels / groups * taps, rows * columns);
        ValueId filters = node.Reshape(node.As(node[1], ElementType.Float32), 1, groups, filter.Shape[0] / groups, channels / groups * taps);
        ValueId result = node.Reshape(node.Product(filters, matrix), batch, filter.Shape[0], rows, columns);
        result = node.HasInput(3) ? node.Plus(result, node.Reshape(node.As(node[3], ElementType.Float32), filter.Shape[0], 1, 1)) : result;
        return [node.As(result, type.Element)];
    }

    /// <summary>Reads images [N, C, H · W] at positions [N, 1, P].</summary>
    private sealed class Bilinear(OnnxNode node, ValueId image, int height, int width)
    {
        /// <summary>
        /// The four neighbours times their weights, [N, C, P] each. A neighbour outside is 0; if positions are held, one less than a pixel
        /// outside is moved to the border, and one further away reads nothing.
        /// </summary>
        public ValueId[] Terms(ValueId y, ValueId x, bool isHeld)
        {
            ValueId? isNear = null;
            if (isHeld)
            {
                isNear = node.Times(Within(y, height), Within(x, width));
                (y, x) = (Held(y, height), Held(x, width));
            }

            (ValueId Index, ValueId Weight)[] rows = Taps(y, height);
            (ValueId Index, ValueId Weight)[] columns = Taps(x, width);
            TensorType type = node.TypeOf(image);
            int points = node.TypeOf(y).Shape[2];
            ValueId stride = node.Constant(HostTensor.Scalar((long)width));
            return
            [
                .. from row in rows
                   from column in columns
                   let at = node.Expand(node.Plus(node.Times(row.Index, stride), column.Index), type.Shape[0], type.Shape[1], points)
                   let weight = node.Times(row.Weight, column.Weight)
                   select node.Times(node.Apply(new GatherElements(2), image, at), isNear is { } near ? node.Times(weight, near) : weight),
            ];
        }

        private ValueId Within(ValueId x, int extent) => node.As(
            node.Apply(new And(), node.Apply(new GreaterOrEqual(), x, node.Number(x, -1)), node.Apply(new LessOrEqual(), x, node.Number(x, extent))), ElementType.Float32);

        private ValueId Held(ValueId x, int extent) => node.Apply(new Clip(), x, node.Number(x, 0), node.Number(x, extent - 1));

        /// <summary>The pixel before a position and the one behind it, held to the image, with weights that are 0 outside.</summary>
        private (ValueId Index, ValueId Weight)[] Taps(ValueId x, int extent)
        {
            ValueId floor = node.Apply(new Floor(), x);
            ValueId ratio = node.Minus(x, floor);
            ValueId next = node.Plus(floor, node.Number(x, 1));
            return [Tap(floor, node.Minus(node.Number(x, 1), ratio), extent), Tap(next, ratio, extent)];
        }

        private (ValueId Index, ValueId Weight) Tap(ValueId pixel, ValueId weight, int extent)
        {
            ValueId held = Held(pixel, extent);
            ValueId isInside = node.As(node.Apply(new Equal(), held, pixel), ElementType.Float32);
            return (node.As(held, ElementType.Int64), node.Times(weight, isInside));
        }
    }
}
