using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>
/// Operators whose result has a shape that depends on elements, and masks and ranges: what they select is known when the model is
/// compiled.
/// </summary>
public static class StaticSelections
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Range", 11, OnnxTypes.Numbers, Range) { IsStructural = true },
        new("EyeLike", 9, OnnxTypes.All, EyeLike) { IsStructural = true },
        new("Trilu", 14, OnnxTypes.All, Trilu) { HasGradient = true },
        new("NonZero", 9, OnnxTypes.All, NonZero) { IsStructural = true },
        new("Compress", 9, OnnxTypes.All, Compress) { HasGradient = true },
        new("Unique", 11, OnnxTypes.All, Unique) { IsStructural = true },
        new("ReverseSequence", 10, OnnxTypes.All, ReverseSequence) { HasGradient = true },
        new("NonMaxSuppression", 10, [ElementType.Float32], NonMaxSuppression) { IsStructural = true },
    ];

    /// <summary>start, start + step, ... before the limit; each rounded once from its exact value, integers exact.</summary>
    private static IReadOnlyList<OnnxValue> Range(OnnxNode node)
    {
        node.Ignore("stash_type");
        ElementType element = node.TypeOf(0).Element;
        HostTensor start = node.Known(0, "a start");
        HostTensor limit = node.Known(1, "a limit");
        HostTensor step = node.Known(2, "a step");
        if (start.Type.CountElements == 0 || limit.Type.CountElements == 0 || step.Type.CountElements == 0)
        {
            throw node.Unsupported("one number each for start, limit and step", $"{start.Type}; {limit.Type}; {step.Type}");
        }

        if (element.IsInteger())
        {
            (Int128 from, Int128 to, Int128 by) = (start.ToIntegers()[0], limit.ToIntegers()[0], step.ToIntegers()[0]);
            if (by == 0)
            {
                throw node.Unsupported("a step other than 0", "0");
            }

            Int128 count = by > 0 ? (to - from + by - 1) / by : (from - to - by - 1) / -by;
            int length = node.RequireTable((long)Int128.Clamp(count, 0, long.MaxValue));
            long[] values = [.. Enumerable.Range(0, length).Select(i => (long)(from + i * by))];
            return [Integers(element, values, length)];
        }

        (double first, double end, double each) = (start.ToDoubles()[0], limit.ToDoubles()[0], step.ToDoubles()[0]);
        double exact = Math.Max(0, Math.Ceiling((end - first) / each));
        int elements = node.RequireTable(double.IsFinite(exact) ? (long)Math.Min(exact, 1L << 40) : -1);
        return [Floats(element, [.. Enumerable.Range(0, elements).Select(i => first + i * each)], elements)];
    }

    private static IReadOnlyList<OnnxValue> EyeLike(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        ElementType element = node.TypeAttribute("dtype") ?? type.Element;
        long k = node.Integer("k", 0);
        if (type.Rank != 2 || type.CountElements > 1 << 22)
        {
            throw node.Unsupported("a matrix of at most 4194304 elements", type.ToString());
        }

        int columns = type.Shape[1];
        double[] values = [.. Enumerable.Range(0, (int)type.CountElements).Select(i => i % columns - i / columns == k ? 1.0 : 0.0)];
        return [Floats(element, values, type.Shape[0], columns)];
    }

    private static IReadOnlyList<OnnxValue> Trilu(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        if (type.Rank < 2)
        {
            throw node.Unsupported("matrices", type.ToString());
        }

        long k = node.HasInput(1) ? node.KnownInteger(1, "a diagonal") : 0;
        bool isUpper = node.Flag("upper", true);
        (int rows, int columns) = (type.Shape[^2], type.Shape[^1]);
        if ((long)rows * columns > 1 << 24)
        {
            throw node.Unsupported("matrices of at most 16777216 elements", type.ToString());
        }

        var kept = new bool[rows * columns];
        for (int i = 0; i < kept.Length; i++)
        {
            long diagonal = i % columns - i / columns;
            kept[i] = isUpper ? diagonal >= k : diagonal <= k;
        }

        return [node.Choose(node.Constant(HostTensor.Create<bool>(kept, rows, columns)), node[0], node.NumberOf(type.Element, 0))];
    }

    /// <summary>The indices of elements other than 0, a row for each axis.</summary>
    private static IReadOnlyList<OnnxValue> NonZero(OnnxNode node)
    {
        HostTensor x = node.Known(0, "an input");
        double[] values = x.ToDoubles();
        int[] positions = [.. Enumerable.Range(0, values.Length).Where(i => values[i] != 0 || double.IsNaN(values[i]))];
        int rank = x.Type.Rank;
        var indices = new long[rank * positions.Length];
        for (int i = 0; i < positions.Length; i++)
        {
            int rest = positions[i];
            for (int axis = rank - 1; axis >= 0; axis--)
            {
                indices[axis * positions.Length + i] = rest % x.Shape[axis];
                rest /= x.Shape[axis];
            }
        }

        return [HostTensor.Create<long>(indices, rank, positions.Length)];
    }

    private static IReadOnlyList<OnnxValue> Compress(OnnxNode node)
    {
        long[] condition = node.KnownIntegers(1, "a condition");
        bool isFlat = !node.HasAttribute("axis");
        ValueId value = isFlat ? node.Reshape(node[0], node.Extent(node.TypeOf(0).CountElements)) : node[0];
        TensorType type = node.TypeOf(value);
        int axis = isFlat ? 0 : node.Axis(node.Integer("axis", 0), type.Rank);
        int[] kept = [.. Enumerable.Range(0, Math.Min(condition.Length, type.Shape[axis])).Where(i => condition[i] != 0)];
        return [node.Apply(new AxisMap(axis, EquatableArray.Create<int>(kept)), value)];
    }

    /// <summary>Distinct slices along an axis (or distinct elements), with the first index, the inverse and the count of each.</summary>
    private static IReadOnlyList<OnnxValue> Unique(OnnxNode node)
    {
        HostTensor x = node.Known(0, "an input");
        bool isSorted = node.Flag("sorted", true);
        bool isFlat = !node.HasAttribute("axis");
        int axis = isFlat ? 0 : node.Axis(node.Integer("axis", 0), x.Type.Rank);
        int[] shape = isFlat ? [x.Count] : [.. x.Shape];
        int outer = shape.Take(axis).Aggregate(1, (count, extent) => count * extent);
        int inner = shape.Skip(axis + 1).Aggregate(1, (count, extent) => count * extent);
        double[] values = x.Element.IsInteger() ? [] : x.ToDoubles();
        long[] integers = x.Element.IsInteger() ? x.ToIntegers() : [];
        int Compare(int a, int b)
        {
            for (int i = 0; i < outer * inner; i++)
            {
                (int at, int other) = ((i / inner * shape[axis] + a) * inner + i % inner, (i / inner * shape[axis] + b) * inner + i % inner);
                int order = x.Element == ElementType.UInt64 ? ((ulong)integers[at]).CompareTo((ulong)integers[other])
                    : integers.Length > 0 ? integers[at].CompareTo(integers[other]) : values[at].CompareTo(values[other]);
                if (order != 0)
                {
                    return order;
                }
            }

            return 0;
        }

        int[] sorted = [.. Enumerable.Range(0, shape[axis]).Order(Comparer<int>.Create((a, b) => Compare(a, b) is not 0 and var order ? order : a.CompareTo(b)))];
        var groups = new List<List<int>>();
        foreach (int index in sorted)
        {
            if (groups.Count > 0 && Compare(groups[^1][0], index) == 0)
            {
                groups[^1].Add(index);
            }
            else
            {
                groups.Add([index]);
            }
        }

        if (!isSorted)
        {
            groups.Sort((a, b) => a[0].CompareTo(b[0]));
        }

        var inverse = new long[shape[axis]];
        for (int i = 0; i < groups.Count; i++)
        {
            groups[i].ForEach(index => inverse[index] = i);
        }

        ValueId flat = node.Reshape(node[0], shape);
        OnnxValue y = node.Apply(new AxisMap(axis, EquatableArray.Create<int>([.. groups.Select(group => group[0])])), flat);
        return
        [
            y, HostTensor.Integers([.. groups.Select(group => (long)group[0])]), HostTensor.Integers(inverse),
            HostTensor.Integers([.. groups.Select(group => (long)group.Count)]),
        ];
    }

    /// <summary>The first elements of each sequence turned round, as many as its length says.</summary>
    private static IReadOnlyList<OnnxValue> ReverseSequence(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        int timeAxis = node.Axis(node.Integer("time_axis", 0), type.Rank);
        int batchAxis = node.Axis(node.Integer("batch_axis", 1), type.Rank);
        long[] lengths = node.KnownIntegers(1, "lengths of sequences");
        if (type.Rank < 2 || timeAxis > 1 || batchAxis > 1 || timeAxis == batchAxis || lengths.Length != type.Shape[batchAxis])
        {
            throw node.Unsupported("time and batch as the first two axes and a length for each sequence", $"{type}, {lengths.Length} lengths");
        }

        (int first, int second) = (type.Shape[0], type.Shape[1]);
        var map = new int[node.RequireTable((long)first * second)];
        for (int i = 0; i < map.Length; i++)
        {
            (int t, int b) = timeAxis == 0 ? (i / second, i % second) : (i % second, i / second);
            int from = t < lengths[b] ? (int)Math.Min(lengths[b], type.Shape[timeAxis]) - 1 - t : t;
            map[i] = timeAxis == 0 ? from * second + b : b * second + from;
        }

        ValueId joined = node.Reshape(node[0], [first * second, .. type.Shape.Skip(2)]);
        return [node.Reshape(node.Apply(new AxisMap(0, EquatableArray.Create<int>(map)), joined), [.. type.Shape])];
    }

    /// <summary>Boxes of each batch and class by falling score, without those that overlap a chosen one by more than the threshold.</summary>
    private static IReadOnlyList<OnnxValue> NonMaxSuppression(OnnxNode node)
    {
        HostTensor boxes = node.Known(0, "boxes");
        HostTensor scores = node.Known(1, "scores");
        long most = node.HasInput(2) ? node.KnownInteger(2, "a number of boxes") : 0;
        float overlap = node.HasInput(3) ? (float)node.KnownNumber(3, "a threshold") : 0f;
        float least = node.HasInput(4) ? (float)node.KnownNumber(4, "a threshold") : float.NegativeInfinity;
        bool isCentred = node.Flag("center_point_box");
        if (scores.Type.Rank != 3 || boxes.Type.Shape != EquatableArray.Create<int>([scores.Shape[0], scores.Shape[2], 4]) || scores.Element != ElementType.Float32 || boxes.Element != ElementType.Float32)
        {
            throw node.Unsupported("boxes f32 [B, N, 4] and scores f32 [B, C, N]", $"{boxes.Type}; {scores.Type}");
        }

        (int batches, int classes, int count) = (scores.Shape[0], scores.Shape[1], scores.Shape[2]);
        var chosen = new List<long>();
        for (int batch = 0; batch < batches; batch++)
        {
            Box[] all = [.. Enumerable.Range(0, count).Select(i => Box.Of(boxes.Span<float>().Slice((batch * count + i) * 4, 4), isCentred))];
            for (int of = 0; of < classes; of++)
            {
                float[] values = scores.Span<float>().Slice((batch * classes + of) * count, count).ToArray();
                var kept = new List<int>();
                foreach (int i in Enumerable.Range(0, count).Where(i => values[i] > least).OrderByDescending(i => values[i]))
                {
                    if (kept.Count < most && kept.TrueForAll(other => all[i].Overlap(all[other]) <= overlap))
                    {
                        kept.Add(i);
                        chosen.AddRange([batch, of, i]);
                    }
                }
            }
        }

        return [HostTensor.Create<long>([.. chosen], chosen.Count / 3, 3)];
    }

    private static HostTensor Integers(ElementType element, long[] values, params int[] shape)
    {
        byte[] bytes = [.. values.SelectMany(value => BitConverter.GetBytes(value).Take(element.SizeBytes()))];
        return new HostTensor(TensorType.Whole(element, shape), bytes);
    }

    private static HostTensor Floats(ElementType element, double[] values, params int[] shape)
    {
        byte[] bytes = [.. values.SelectMany(value => Expressions.ScalarOf(element, value).Bytes.ToArray())];
        return new HostTensor(TensorType.Whole(element, shape), bytes);
    }

    private readonly record struct Box(float Top, float Left, float Bottom, float Right)
    {
        public static Box Of(ReadOnlySpan<float> given, bool isCentred) => isCentred
            ? new Box(given[1] - given[3] / 2, given[0] - given[2] / 2, given[1] + given[3] / 2, given[0] + given[2] / 2)
            : new Box(Math.Min(given[0], given[2]), Math.Min(given[1], given[3]), Math.Max(given[0], given[2]), Math.Max(given[1], given[3]));

        /// <summary>The common area divided by that of both.</summary>
        public float Overlap(Box other)
        {
            float height = Math.Max(0, Math.Min(Bottom, other.Bottom) - Math.Max(Top, other.Top));
            float width = Math.Max(0, Math.Min(Right, other.Right) - Math.Max(Left, other.Left));
            float common = height * width;
            float both = (Bottom - Top) * (Right - Left) + (other.Bottom - other.Top) * (other.Right - other.Left) - common;
            return both <= 0 ? 0 : common / both;
        }
    }
}
