using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx.Recognition;

/// <summary>Formulas over the last axis, written out, --> the row templates; GELU written out --> one function.</summary>
internal static class NormRules
{
    private const double RootOfTwo = 1.4142135623730951;

    /// <summary>What exporters' constants may be off by: they are rounded to float32, or to float16.</summary>
    private const double ConstantTolerance = 1e-3;

    /// <summary>
    /// (x - mean) / sqrt(mean of (x - mean)² + epsilon) · gamma + beta --> LayerNorm; gamma and beta may be left out, the quotient be a product
    /// with the reciprocal, the square a power.
    /// </summary>
    public static bool TryLayerNorm(RecognizedGraph graph, Node node)
    {
        TensorType type = graph.TypeOf(node.Output);
        if (node.Operator is not (Add or Multiply or Divide) || type is not { Rank: >= 2, Element: ElementType.Float32, LastExtent: > 0 } || !(graph.IsBatch(node.Output) || graph.IsFolded(node.Output)))
        {
            return false;
        }

        ValueId body = node.Output;
        ValueId? beta = TakeRow<Add>(graph, ref body, type.LastExtent);
        ValueId? gamma = TakeRow<Multiply>(graph, ref body, type.LastExtent);
        if (Normal(graph, body) is not { } normal || beta is null && gamma is null && graph.IsScaledLater(node.Output))
        {
            return false;
        }

        ValueId x = graph.Samples(normal.X);
        ValueId Row(ValueId? given, float otherwise, string name) => given is { } known
            ? graph.Parameter(known, "row", tensor => tensor.Reshape(type.LastExtent))
            : graph.Parameter($"{name} of {type.LastExtent}", HostTensor.Create<float>([.. Enumerable.Repeat(otherwise, type.LastExtent)], type.LastExtent));
        var op = new LayerNorm((float)normal.Epsilon);
        ValueId[] inputs = [x, Row(gamma, 1f, "ones"), Row(beta, 0f, "zeros")];
        if (graph.Infer(op, inputs) is null)
        {
            return false;
        }

        graph.SetSamples(node.Output, graph.Apply(op, inputs));
        return true;
    }

    /// <summary>exp(z - max) / sum of exp(z - max), z = x · scale + mask --> Softmax.</summary>
    public static bool TrySoftmax(RecognizedGraph graph, Node node)
    {
        TensorType type = graph.TypeOf(node.Output);
        if (node.Operator is not Divide || type is not { Rank: >= 2, Element: ElementType.Float32, LastExtent: > 0 } || !graph.IsBatch(node.Output)
            || graph.Producer<Exponential>(node.Inputs[0]) is not { } shares || !IsReduced(graph, node.Inputs[1], ReduceKind.Sum, node.Inputs[0])
            || graph.Producer<Subtract>(shares.Node.Inputs[0]) is not { } shifted || !IsReduced(graph, shifted.Node.Inputs[1], ReduceKind.Max, shifted.Node.Inputs[0]))
        {
            return false;
        }

        ValueId z = shifted.Node.Inputs[0];
        ValueId x = z;
        ValueId? mask = null;
        if (graph.Producer<Add>(z) is { } sum)
        {
            for (int i = 0; i < 2; i++)
            {
                if (MaskOf(graph, sum.Node.Inputs[i], type) is { } found && graph.TypeOf(sum.Node.Inputs[1 - i]) == type)
                {
                    (x, mask) = (sum.Node.Inputs[1 - i], found);
                }
            }
        }

        // Below a mask, or alone, the scale is part of the template; an order of both the other way round is left as it is.
        (ValueId scaled, double scale) = Scaled(graph, x);
        ValueId[] inputs = mask is { } keys ? [graph.Samples(scaled), keys] : [graph.Samples(scaled)];
        var op = new Softmax((float)scale);
        if (graph.Infer(op, inputs) is null)
        {
            return false;
        }

        graph.SetSamples(node.Output, graph.Apply(op, inputs));
        return true;
    }

    /// <summary>x · 0.5 · (1 + erf(x / sqrt(2))), its factors in any order --> Gelu.</summary>
    public static bool TryGelu(RecognizedGraph graph, Node node)
    {
        TensorType type = graph.TypeOf(node.Output);
        if (node.Operator is not Multiply || type is not { Rank: >= 2, Element: ElementType.Float32 } || !(graph.IsBatch(node.Output) || graph.IsFolded(node.Output)))
        {
            return false;
        }

        var factors = new List<ValueId>();
        AddFactors(graph, node.Output, factors, 2);
        ValueId? x = null;
        double product = 1;
        bool hasPhi = false;
        ValueId? argument = null;
        foreach (ValueId factor in factors)
        {
            if (Number(graph, factor) is { } number)
            {
                product *= number;
            }
            else if (!hasPhi && PlusOne(graph, factor) is { } error && graph.Producer<ErrorFunction>(error) is { } erf)
            {
                (ValueId inner, double scale) = Scaled(graph, erf.Node.Inputs[0]);
                hasPhi = Math.Abs(scale * RootOfTwo - 1) < ConstantTolerance;
                argument = inner;
            }
            else if (x is null)
            {
                x = factor;
            }
            else
            {
                return false;
            }
        }

        if (!hasPhi || x is not { } own || argument != x || Math.Abs(product - 0.5) > ConstantTolerance)
        {
            return false;
        }

        graph.SetSamples(node.Output, graph.Apply(new Gelu(), graph.Samples(own)));
        return true;
    }

    private static void AddFactors(RecognizedGraph graph, ValueId value, List<ValueId> factors, int depth)
    {
        if (depth > 0 && graph.Producer<Multiply>(value) is { } product)
        {
            AddFactors(graph, product.Node.Inputs[0], factors, depth - 1);
            AddFactors(graph, product.Node.Inputs[1], factors, depth - 1);
        }
        else
        {
            factors.Add(value);
        }
    }

    private static ValueId? PlusOne(RecognizedGraph graph, ValueId value) => graph.Producer<Add>(value) is not { } sum ? null
        : Number(graph, sum.Node.Inputs[0]) == 1 ? sum.Node.Inputs[1]
        : Number(graph, sum.Node.Inputs[1]) == 1 ? sum.Node.Inputs[0]
        : null;

    /// <summary>A value as another one times a number.</summary>
    private static (ValueId X, double Scale) Scaled(RecognizedGraph graph, ValueId value)
    {
        if (graph.Producer<Multiply>(value) is { } product)
        {
            for (int i = 0; i < 2; i++)
            {
                if (Number(graph, product.Node.Inputs[i]) is { } number && graph.TypeOf(product.Node.Inputs[1 - i]) == graph.TypeOf(value))
                {
                    return (product.Node.Inputs[1 - i], number);
                }
            }
        }

        return graph.Producer<Divide>(value) is { } quotient && Number(graph, quotient.Node.Inputs[1]) is { } divisor && graph.TypeOf(quotient.Node.Inputs[0]) == graph.TypeOf(value)
            ? (quotient.Node.Inputs[0], 1 / divisor)
            : (value, 1);
    }

    private static double? Number(RecognizedGraph graph, ValueId value) => graph.Number(value);

    /// <summary>What is added to all rows of a sample, [B, 1, ..., C], as samples [B, C]; null if it is no such value.</summary>
    private static ValueId? MaskOf(RecognizedGraph graph, ValueId value, TensorType type)
    {
        TensorType mask = graph.TypeOf(value);
        bool fits = mask.Rank == type.Rank && mask.Rank > 2 && mask.LastExtent == type.LastExtent && mask.Element == ElementType.Float32
            && mask.CountElements == (long)graph.Batch * type.LastExtent && graph.IsBatch(value);
        return fits ? graph.ReshapedSamples(graph.Samples(value), type.LastExtent) : null;
    }

    /// <summary>A reduction of a value along its last axis, which stays.</summary>
    private static bool IsReduced(RecognizedGraph graph, ValueId value, ReduceKind kind, ValueId of) =>
        graph.Producer<Reduce>(value) is { } reduced && reduced.Operator.Kind == kind && reduced.Operator.KeepAxes && reduced.Node.Inputs[0] == of
        && reduced.Operator.Axes.Count == 1 && reduced.Operator.Axes[0] == graph.TypeOf(of).Rank - 1;

    /// <summary>A known row that a node adds to, or multiplies, another value by: then the value is that other one.</summary>
    private static ValueId? TakeRow<T>(RecognizedGraph graph, ref ValueId value, int columns)
        where T : Operator
    {
        if (graph.Producer<T>(value) is { } found)
        {
            for (int i = 0; i < 2; i++)
            {
                ValueId row = found.Node.Inputs[i];
                TensorType type = graph.TypeOf(row);
                if (graph.IsKnown(row) && type.CountElements == columns && type.Rank >= 1 && type.LastExtent == columns && graph.TypeOf(found.Node.Inputs[1 - i]) == graph.TypeOf(value))
                {
                    value = found.Node.Inputs[1 - i];
                    return row;
                }
            }
        }

        return null;
    }

    /// <summary>x and epsilon of a value that is x without its mean, divided by its deviation, along the last axis.</summary>
    private static (ValueId X, double Epsilon)? Normal(RecognizedGraph graph, ValueId value)
    {
        ValueId centred;
        ValueId root;
        if (graph.Producer<Divide>(value) is { } quotient)
        {
            (centred, root) = (quotient.Node.Inputs[0], quotient.Node.Inputs[1]);
        }
        else if (graph.Producer<Multiply>(value) is { } product && graph.Producer<Reciprocal>(product.Node.Inputs[1]) is { } inverse)
        {
            (centred, root) = (product.Node.Inputs[0], inverse.Node.Inputs[0]);
        }
        else
        {
            return null;
        }

        if (graph.Producer<Subtract>(centred) is not { } difference || !IsReduced(graph, difference.Node.Inputs[1], ReduceKind.Mean, difference.Node.Inputs[0])
            || graph.Producer<SquareRoot>(root) is not { } deviation || graph.Producer<Add>(deviation.Node.Inputs[0]) is not { } sum)
        {
            return null;
        }

        for (int i = 0; i < 2; i++)
        {
            if (Number(graph, sum.Node.Inputs[i]) is { } epsilon && graph.Producer<Reduce>(sum.Node.Inputs[1 - i]) is { } variance
                && IsReduced(graph, sum.Node.Inputs[1 - i], ReduceKind.Mean, variance.Node.Inputs[0]) && IsSquare(graph, variance.Node.Inputs[0], difference.Node))
            {
                return (difference.Node.Inputs[0], epsilon);
            }
        }

        return null;
    }

    /// <summary>True of the square of a difference, which may be computed twice.</summary>
    private static bool IsSquare(RecognizedGraph graph, ValueId value, Node difference)
    {
        bool IsIt(ValueId other) => other == difference.Output
            || (graph.Producer<Subtract>(other) is { } same && same.Node.Inputs[0] == difference.Inputs[0]
                && IsReduced(graph, same.Node.Inputs[1], ReduceKind.Mean, difference.Inputs[0]));
        return graph.Producer<Multiply>(value) is { } product ? IsIt(product.Node.Inputs[0]) && IsIt(product.Node.Inputs[1])
            : graph.Producer<Square>(value) is { } square ? IsIt(square.Node.Inputs[0])
            : graph.Producer<Power>(value) is { } power && Number(graph, power.Node.Inputs[1]) == 2 && IsIt(power.Node.Inputs[0]);
    }
}
