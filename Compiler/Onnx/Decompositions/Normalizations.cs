using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>Normalisations by their formulas: means over axes, then elementwise.</summary>
public static class Normalizations
{
    private const double DefaultEpsilon = 1e-5;

    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("LayerNormalization", 17, OnnxTypes.Floats, LayerNormalization) { HasGradient = true },
        new("RMSNormalization", 23, OnnxTypes.Floats, RootMeanSquare) { HasGradient = true },
        new("BatchNormalization", 1, OnnxTypes.Floats, BatchNormalization) { HasGradient = true },
        new("InstanceNormalization", 1, OnnxTypes.Floats, InstanceNormalization) { HasGradient = true },
        new("GroupNormalization", 18, OnnxTypes.Floats, GroupNormalization) { HasGradient = true },
        new("MeanVarianceNormalization", 9, OnnxTypes.Floats, MeanVariance) { HasGradient = true },
        new("LpNormalization", 1, OnnxTypes.Floats, LpNormalization) { HasGradient = true },
        new("LRN", 1, OnnxTypes.ShortFloats, LocalResponse) { HasGradient = true },
    ];

    /// <summary>(x - mean) / sqrt(variance + epsilon) · scale + bias over the axes from one on; mean and 1/sqrt are outputs too.</summary>
    private static IReadOnlyList<OnnxValue> LayerNormalization(OnnxNode node)
    {
        ElementType element = node.TypeOf(0).Element;
        ElementType computed = StashType(node);
        int rank = node.TypeOf(0).Rank;
        int[] axes = Expressions.AxesFrom(node.Axis(node.Integer("axis", -1), rank), rank);
        ValueId x = node.As(node[0], computed);
        ValueId mean = node.Mean(x, axes);
        ValueId centred = node.Minus(x, mean);
        ValueId variance = node.Mean(node.Times(centred, centred), axes);
        ValueId deviation = node.Root(node.Plus(variance, node.Number(variance, node.Float("epsilon", (float)DefaultEpsilon))));
        ValueId inverse = node.Apply(new Reciprocal(), deviation);
        ValueId y = node.Times(node.As(node.Over(centred, deviation), element), node[1]);
        y = node.HasInput(2) ? node.Plus(y, node[2]) : y;
        return [y, mean, inverse];
    }

    /// <summary>x / sqrt(mean(x²) + epsilon) · scale.</summary>
    private static IReadOnlyList<OnnxValue> RootMeanSquare(OnnxNode node)
    {
        ElementType element = node.TypeOf(0).Element;
        ElementType computed = StashType(node);
        int rank = node.TypeOf(0).Rank;
        int[] axes = Expressions.AxesFrom(node.Axis(node.Integer("axis", -1), rank), rank);
        ValueId x = node.As(node[0], computed);
        ValueId square = node.Mean(node.Times(x, x), axes);
        ValueId root = node.Root(node.Plus(square, node.Number(square, node.Float("epsilon", (float)DefaultEpsilon))));
        return [node.As(node.Times(node.Over(x, root), node.As(node[1], computed)), element)];
    }

    /// <summary>
    /// By running means and variances; in training mode by those of the batch, from which the running ones follow:
    /// running · momentum + batch · (1 - momentum).
    /// </summary>
    private static IReadOnlyList<OnnxValue> BatchNormalization(OnnxNode node)
    {
        // Before opset 14 a model in training had more outputs; one for inference has one.
        node.Ignore("spatial", "is_test", "consumed_inputs");
        TensorType type = node.TypeOf(0);
        bool isTraining = node.Opset >= 14 && node.Flag("training_mode");
        float momentum = node.Float("momentum", 0.9f);
        float epsilon = node.Float("epsilon", (float)DefaultEpsilon);
        if (node.Opset < 14 && node.OutputCount > 1)
        {
            throw node.Unsupported("a model for inference", "one for training");
        }

        int[] perChannel = [.. Enumerable.Range(0, Math.Max(type.Rank, 2)).Skip(1).Select(axis => axis == 1 ? -1 : 1)];
        if (type.Rank == 0)
        {
            throw node.Unsupported("samples with channels", type.ToString());
        }

        ValueId Spread(ValueId value) => node.Reshape(value, [.. perChannel.Select(extent => extent == -1 && type.Rank > 1 ? type.Shape[1] : 1)]);
        ElementType computed = node.TypeOf(3).Element;
        ValueId x = node.As(node[0], computed);
        ValueId mean = Spread(node[3]);
        ValueId variance = Spread(node[4]);
        if (isTraining)
        {
            int[] axes = [.. Enumerable.Range(0, type.Rank).Where(axis => axis != 1)];
            mean = node.Mean(x, axes);
            ValueId fromMean = node.Minus(x, mean);
            variance = node.Mean(node.Times(fromMean, fromMean), axes);
        }

        ValueId deviation = node.Root(node.Plus(variance, node.Number(variance, epsilon)));
        ValueId normal = node.Over(node.Minus(x, mean), deviation);
        ValueId y = node.Plus(node.Times(normal, node.As(Spread(node[1]), computed)), node.As(Spread(node[2]), computed));
        y = node.As(y, type.Element);
        if (!isTraining)
        {
            return [y];
        }

        ValueId Running(ValueId old, ValueId batch) => node.Plus(
            node.Times(old, node.Number(old, momentum)), node.Times(node.Reshape(batch, type.Shape[1]), node.Number(old, 1 - (double)momentum)));
        return [y, Running(node[3], mean), Running(node[4], variance)];
    }

    private static IReadOnlyList<OnnxValue> InstanceNormalization(OnnxNode node)
    {
        node.Ignore("consumed_inputs");
        TensorType type = node.TypeOf(0);
        if (type.Rank < 3)
        {
            throw node.Unsupported("samples [N, C, ...] with axes after the channels", type.ToString());
        }

        ValueId normal = Normal(node, node[0], node.Float("epsilon", (float)DefaultEpsilon), Expressions.AxesFrom(2, type.Rank));
        int[] shape = [type.Shape[1], .. Enumerable.Repeat(1, type.Rank - 2)];
        return [node.Plus(node.Times(normal, node.Reshape(node[1], shape)), node.Reshape(node[2], shape))];
    }

    /// <summary>Channels in groups, each with the mean and variance of its elements; from opset 21 on a scale for each channel, before one for each group.</summary>
    private static IReadOnlyList<OnnxValue> GroupNormalization(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        ElementType computed = node.Opset >= 21 ? StashType(node) : type.Element;
        int groups = node.Extent(node.Integer("num_groups", 0));
        if (type.Rank < 2 || groups == 0 || type.Shape[1] % groups != 0)
        {
            throw node.Unsupported("channels in whole groups", $"{type} in {groups}");
        }

        int[] grouped = [type.Shape[0], groups, type.Shape[1] / groups, .. type.Shape.Skip(2)];
        ValueId x = node.Reshape(node.As(node[0], computed), grouped);
        ValueId normal = Normal(node, x, node.Float("epsilon", (float)DefaultEpsilon), Expressions.AxesFrom(2, grouped.Length));
        bool isPerChannel = node.RequireRank(1, 1).Shape[0] == type.Shape[1];
        int[] shape = isPerChannel
            ? [type.Shape[1], .. Enumerable.Repeat(1, type.Rank - 2)]
            : [groups, .. Enumerable.Repeat(1, grouped.Length - 2)];
        normal = isPerChannel ? node.Reshape(normal, [.. type.Shape]) : normal;
        ValueId scaled = node.Plus(node.Times(node.As(normal, type.Element), node.Reshape(node[1], shape)), node.Reshape(node[2], shape));
        return [node.Reshape(scaled, [.. type.Shape])];
    }

    /// <summary>(x - mean) / (sqrt(variance) + 1e-9), the variance as the mean of squares less the square of the mean, as ONNX defines it.</summary>
    private static IReadOnlyList<OnnxValue> MeanVariance(OnnxNode node)
    {
        const double added = 1e-9;
        int rank = node.TypeOf(0).Rank;
        int[] axes = [.. (node.Integers("axes") ?? [0, 2, 3]).Select(axis => node.Axis(axis, rank))];
        ValueId x = node[0];
        ValueId mean = node.Mean(x, axes);
        ValueId variance = node.Minus(node.Mean(node.Times(x, x), axes), node.Times(mean, mean));
        ValueId deviation = node.Root(variance);
        return [node.Over(node.Minus(x, mean), node.Plus(deviation, node.Number(deviation, added)))];
    }

    private static IReadOnlyList<OnnxValue> LpNormalization(OnnxNode node)
    {
        long p = node.Integer("p", 2);
        int axis = node.Axis(node.Integer("axis", -1), node.TypeOf(0).Rank);
        ReduceKind kind = p switch
        {
            1 => ReduceKind.L1,
            2 => ReduceKind.L2,
            _ => throw node.Unsupported("a norm of 1 or 2", $"{p}"),
        };
        ValueId norm = node.Apply(new Reduce(kind, [axis], KeepAxes: true), node[0]);
        ValueId zero = node.Number(norm, 0);

        // Where all elements are 0 the result is 0.
        return [node.Choose(node.Apply(new Equal(), norm, zero), zero, node.Over(node[0], norm))];
    }

    /// <summary>x / (bias + alpha / size · sum of x² over size channels around it) ^ beta.</summary>
    private static IReadOnlyList<OnnxValue> LocalResponse(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        int size = node.Extent(node.Integer("size", 0));
        float alpha = node.Float("alpha", 0.0001f);
        if (size == 0 || type.Rank < 2)
        {
            throw node.Unsupported("a size of at least 1", $"{size}");
        }

        var before = new int[type.Rank];
        var after = new int[type.Rank];
        before[1] = (size - 1) / 2;
        after[1] = size - 1 - before[1];
        ValueId squares = node.Apply(
            new Operators.Layout.Pad(EquatableArray.Create<int>(before), EquatableArray.Create<int>(after), 0), node.Times(node[0], node[0]));
        ValueId sum = node.Part(squares, 1, 0, type.Shape[1]);
        for (int i = 1; i < size; i++)
        {
            sum = node.Plus(sum, node.Part(squares, 1, i, type.Shape[1]));
        }

        ValueId divisor = node.Plus(node.Times(sum, node.Number(sum, (double)alpha / size)), node.Number(sum, node.Float("bias", 1f)));
        return [node.Over(node[0], node.Apply(new Power(), divisor, node.Number(divisor, node.Float("beta", 0.75f))))];
    }

    private static ValueId Normal(OnnxNode node, ValueId x, double epsilon, int[] axes)
    {
        ValueId centred = node.Minus(x, node.Mean(x, axes));
        ValueId variance = node.Mean(node.Times(centred, centred), axes);
        return node.Over(centred, node.Root(node.Plus(variance, node.Number(variance, epsilon))));
    }

    /// <summary>The type that statistics are computed in: float32 unless the node says otherwise, and never less than the input's 64 bits.</summary>
    private static ElementType StashType(OnnxNode node)
    {
        ElementType stash = node.TypeAttribute("stash_type") ?? ElementType.Float32;
        return node.TypeOf(0).Element == ElementType.Float64 ? ElementType.Float64 : stash;
    }
}
