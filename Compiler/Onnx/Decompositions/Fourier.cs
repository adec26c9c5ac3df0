using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>Fourier transforms as products with matrices of cosines and sines, and the tables that go with them.</summary>
public static class Fourier
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("DFT", 17, OnnxTypes.Floats, Transform) { HasGradient = true },
        new("STFT", 17, OnnxTypes.Floats, ShortTime) { HasGradient = true },
        new("HannWindow", 17, OnnxTypes.Indices, node => Window(node, 0.5, 0.5, 0)) { IsStructural = true },
        new("HammingWindow", 17, OnnxTypes.Indices, node => Window(node, 25.0 / 46, 21.0 / 46, 0)) { IsStructural = true },
        new("BlackmanWindow", 17, OnnxTypes.Indices, node => Window(node, 0.42, 0.5, 0.08)) { IsStructural = true },
        new("MelWeightMatrix", 17, OnnxTypes.Indices, MelWeights) { IsStructural = true },
    ];

    private static IReadOnlyList<OnnxValue> Transform(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        long given = node.Opset < 20 ? node.Integer("axis", 1) : node.HasInput(2) ? node.KnownInteger(2, "an axis") : -2;
        int axis = node.Axis(given, type.Rank);
        if (axis == type.Rank - 1 || type.Shape[^1] is not (1 or 2))
        {
            throw node.Unsupported("an axis before the last, which has the real and the imaginary part", $"{type}, axis {axis}");
        }

        bool isOneSided = node.Flag("onesided");
        bool isInverse = node.Flag("inverse");
        bool isBack = isOneSided && isInverse;

        // Half a spectrum of N / 2 + 1 entries belongs to a signal of N, which is even unless the node says otherwise.
        int length = node.HasInput(1) ? node.Extent(node.KnownInteger(1, "a length")) : isBack ? checked(2 * (type.Shape[axis] - 1)) : type.Shape[axis];
        if (length <= 0)
        {
            throw node.Unsupported("a length of at least 1", $"{length}");
        }

        return [isBack ? Signal(node, node[0], axis, length) : Transformed(node, node[0], axis, length, isOneSided, isInverse)];
    }

    /// <summary>
    /// The real signal of half a spectrum: x[n] = 1/N · sum over k of c[k] (re[k] cos(2 pi n k / N) - im[k] sin(2 pi n k / N)), c being 1 for
    /// k = 0 and k = N / 2, else 2: the other half has the conjugates.
    /// </summary>
    private static ValueId Signal(OnnxNode node, ValueId value, int axis, int length)
    {
        TensorType type = node.TypeOf(value);
        ElementType computed = type.Element == ElementType.Float64 ? ElementType.Float64 : ElementType.Float32;
        int used = Math.Min((length / 2) + 1, type.Shape[axis]);
        if ((long)used * length > 1 << 24)
        {
            throw node.Unsupported("a transform of at most 16777216 terms", $"{used} times {length}");
        }

        var cosines = new double[used * length];
        var sines = new double[used * length];
        for (int i = 0; i < cosines.Length; i++)
        {
            (int k, int n) = (i / length, i % length);
            double angle = 2 * Math.PI * ((long)k * n % length) / length;
            double scale = (k == 0 || 2 * k == length ? 1.0 : 2.0) / length;
            (cosines[i], sines[i]) = (Math.Cos(angle) * scale, -Math.Sin(angle) * scale);
        }

        ValueId Matrix(double[] elements) => node.As(node.Constant(HostTensor.Create<double>(elements, used, length)), computed);
        int rank = type.Rank - 1;
        int[] toLast = [.. Enumerable.Range(0, rank).Where(at => at != axis), axis];
        ValueId cut = node.Part(node.As(value, computed), axis, 0, used);
        ValueId Part(int which) => node.Turn(node.Reshape(node.Part(cut, rank, which, 1), [.. node.TypeOf(cut).Shape.Take(rank)]), toLast);
        ValueId signal = node.Product(Part(0), Matrix(cosines));
        signal = type.Shape[^1] == 2 ? node.Plus(signal, node.Product(Part(1), Matrix(sines))) : signal;
        ValueId back = node.Turn(signal, [.. Enumerable.Range(0, rank).Select(at => Array.IndexOf(toLast, at))]);
        return node.As(node.Reshape(back, [.. node.TypeOf(back).Shape, 1]), type.Element);
    }

    /// <summary>Frames of the signal, times the window, transformed.</summary>
    private static IReadOnlyList<OnnxValue> ShortTime(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        int step = node.Extent(node.KnownInteger(1, "a step"));
        int length = node.HasInput(3) ? node.Extent(node.KnownInteger(3, "a length"))
            : node.HasInput(2) ? node.RequireRank(2, 1).Shape[0] : throw node.Unsupported("a window or a frame length", "neither");
        if (type.Rank != 3 || step == 0 || length == 0 || length > type.Shape[1])
        {
            throw node.Unsupported("a signal [B, T, 1 or 2] of at least a frame", type.ToString());
        }

        int frames = 1 + (type.Shape[1] - length) / step;
        int[] map = [.. Enumerable.Range(0, frames).SelectMany(frame => Enumerable.Range(frame * step, length))];
        ValueId cut = node.Reshape(node.Apply(new AxisMap(1, EquatableArray.Create<int>(map)), node[0]), type.Shape[0], frames, length, type.Shape[2]);
        cut = node.HasInput(2) ? node.Times(cut, node.Reshape(node[2], length, 1)) : cut;
        return [Transformed(node, cut, 2, length, node.Flag("onesided", true), isInverse: false)];
    }

    /// <summary>X[k] = sum over n of x[n] · exp(-2 pi i n k / N), or with + and divided by N; cut or padded with zeros to N.</summary>
    private static ValueId Transformed(OnnxNode node, ValueId value, int axis, int length, bool isOneSided, bool isInverse)
    {
        TensorType type = node.TypeOf(value);
        ElementType computed = type.Element == ElementType.Float64 ? ElementType.Float64 : ElementType.Float32;
        int used = Math.Min(length, type.Shape[axis]);
        int results = isOneSided ? length / 2 + 1 : length;
        if ((long)used * results > 1 << 24)
        {
            throw node.Unsupported("a transform of at most 16777216 terms", $"{used} times {results}");
        }

        var cosines = new double[used * results];
        var sines = new double[used * results];
        for (int i = 0; i < cosines.Length; i++)
        {
            double angle = (isInverse ? 2 : -2) * Math.PI * ((long)(i / results) * (i % results) % length) / length;
            double scale = isInverse ? 1.0 / length : 1;
            (cosines[i], sines[i]) = (Math.Cos(angle) * scale, Math.Sin(angle) * scale);
        }

        ValueId Matrix(double[] elements) => node.As(node.Constant(HostTensor.Create<double>(elements, used, results)), computed);
        (ValueId cosine, ValueId sine) = (Matrix(cosines), Matrix(sines));

        // The axis goes last, the parts apart.
        int rank = type.Rank - 1;
        int[] toLast = [.. Enumerable.Range(0, rank).Where(at => at != axis), axis];
        ValueId cut = node.Part(node.As(value, computed), axis, 0, used);
        ValueId Part(int which) => node.Turn(node.Reshape(node.Part(cut, rank, which, 1), [.. node.TypeOf(cut).Shape.Take(rank)]), toLast);
        ValueId real = Part(0);
        (ValueId re, ValueId im) = (node.Product(real, cosine), node.Product(real, sine));
        if (type.Shape[^1] == 2)
        {
            ValueId imaginary = Part(1);
            (re, im) = (node.Minus(re, node.Product(imaginary, sine)), node.Plus(im, node.Product(imaginary, cosine)));
        }

        int[] back = [.. Enumerable.Range(0, rank).Select(at => Array.IndexOf(toLast, at))];
        ValueId Whole(ValueId part)
        {
            ValueId turned = node.Turn(part, back);
            return node.Reshape(turned, [.. node.TypeOf(turned).Shape, 1]);
        }

        return node.As(node.Joined(rank, Whole(re), Whole(im)), type.Element);
    }

    /// <summary>a - b cos(2 pi n / N) + c cos(4 pi n / N), N being the size, or one less if it is not periodic.</summary>
    private static HostTensor[] Cosines(ElementType element, int size, double length, double a, double b, double c) =>
        [.. Enumerable.Range(0, size).Select(n => Expressions.ScalarOf(element, a - b * Math.Cos(2 * Math.PI * n / length) + c * Math.Cos(4 * Math.PI * n / length)))];

    private static OnnxValue[] Window(OnnxNode node, double a, double b, double c)
    {
        ElementType element = node.TypeAttribute("output_datatype") ?? ElementType.Float32;
        int size = node.Extent(node.KnownInteger(0, "a size"));
        double length = node.Flag("periodic", true) ? size : size - 1;
        if (size > 1 << 20)
        {
            throw node.Unsupported("a window of at most 1048576 elements", $"{size}");
        }

        byte[] bytes = [.. Cosines(element, size, length, a, b, c).SelectMany(value => value.Bytes.ToArray())];
        return [new HostTensor(TensorType.Whole(element, size), bytes)];
    }

    /// <summary>Triangles on the mel scale, 2595 log10(1 + f / 700), over the bins of a spectrum.</summary>
    private static IReadOnlyList<OnnxValue> MelWeights(OnnxNode node)
    {
        ElementType element = node.TypeAttribute("output_datatype") ?? ElementType.Float32;
        int bands = node.Extent(node.KnownInteger(0, "a number of bands"));
        int length = node.Extent(node.KnownInteger(1, "a length"));
        long rate = node.KnownInteger(2, "a rate");
        double low = Mel(node.KnownNumber(3, "a lower edge"));
        double high = Mel(node.KnownNumber(4, "an upper edge"));
        int bins = length / 2 + 1;
        if (rate <= 0 || bands > 1 << 24 || (long)bins * bands > 1 << 24)
        {
            throw node.Unsupported("a positive rate and at most 16777216 weights", $"{rate}, {bins} times {bands}");
        }

        double step = (high - low) / (bands + 2);
        long[] edges = [.. Enumerable.Range(0, bands + 2).Select(i => (long)Math.Floor((length + 1) * (700 * (Math.Pow(10, (i * step + low) / 2595) - 1)) / rate))];
        var weights = new double[bins * bands];
        void Set(long bin, int band, double weight)
        {
            if (bin >= 0 && bin < bins)
            {
                weights[bin * bands + band] = weight;
            }
        }

        for (int band = 0; band < bands; band++)
        {
            (long from, long centre, long to) = (edges[band], edges[band + 1], edges[band + 2]);
            if (centre == from)
            {
                Set(centre, band, 1);
            }

            for (long bin = from; centre > from && bin <= Math.Min(centre, bins); bin++)
            {
                Set(bin, band, (bin - from) / (double)(centre - from));
            }

            for (long bin = centre; to > centre && bin < Math.Min(to, bins); bin++)
            {
                Set(bin, band, (to - bin) / (double)(to - centre));
            }
        }

        byte[] bytes = [.. weights.SelectMany(weight => Expressions.ScalarOf(element, weight).Bytes.ToArray())];
        return [new HostTensor(TensorType.Whole(element, bins, bands), bytes)];
    }

    private static double Mel(double frequency) => 2595 * Math.Log10(1 + frequency / 700);
}
