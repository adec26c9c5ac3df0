using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>Losses of classes: scores [N, C, d1, ...] and class numbers [N, d1, ...].</summary>
public static class LossTranslations
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("NegativeLogLikelihoodLoss", 12, OnnxTypes.Floats, node => [Loss(node, node[0])]) { HasGradient = true },
        new("SoftmaxCrossEntropyLoss", 12, OnnxTypes.Floats, CrossEntropy) { HasGradient = true },
    ];

    private static IReadOnlyList<OnnxValue> CrossEntropy(OnnxNode node)
    {
        ValueId logarithms = node.LogSoftmaxOf(node[0], 1);
        return [Loss(node, logarithms), logarithms];
    }

    /// <summary>-w[target] · x[target], 0 where the target is the one that is ignored; summed, or divided by the sum of weights, or neither.</summary>
    private static ValueId Loss(OnnxNode node, ValueId logarithms)
    {
        TensorType type = node.TypeOf(logarithms);
        ValueId targets = node.As(node[1], ElementType.Int64);
        int[] shape = [.. node.TypeOf(1).Shape];
        if (shape.Length == 0 || type.Rank != shape.Length + 1)
        {
            throw node.Unsupported("inputs [N, C, ...] and targets [N, ...]", $"{type}; {node.TypeOf(1)}");
        }

        ValueId? isIgnored = null;
        if (node.HasAttribute("ignore_index"))
        {
            isIgnored = node.Apply(new Equal(), targets, node.Constant(HostTensor.Scalar(node.Integer("ignore_index", 0))));
            targets = node.Choose(isIgnored.Value, node.Constant(HostTensor.Scalar(0L)), targets);
        }

        int[] inserted = [shape[0], 1, .. shape.Skip(1)];
        ValueId picked = node.Reshape(node.Apply(new GatherElements(1), logarithms, node.Reshape(targets, inserted)), shape);
        ValueId zero = node.NumberOf(type.Element, 0);
        ValueId? weights = node.HasInput(2) ? node.Apply(new Gather(0), node[2], targets) : null;
        if (isIgnored is { } ignored)
        {
            weights = node.Choose(ignored, zero, weights ?? node.NumberOf(type.Element, 1));
        }

        ValueId losses = node.Apply(new Negate(), weights is { } each ? node.Times(picked, each) : picked);
        ValueId All(ValueId value, ReduceKind kind) =>
            node.Apply(new Reduce(kind, EquatableArray.Create<int>(Expressions.AxesFrom(0, node.TypeOf(value).Rank)), KeepAxes: false), value);
        return node.Text("reduction", "mean") switch
        {
            "none" => losses,
            "sum" => All(losses, ReduceKind.Sum),
            "mean" => weights is { } divisor ? node.Over(All(losses, ReduceKind.Sum), All(node.Expand(divisor, shape), ReduceKind.Sum)) : All(losses, ReduceKind.Mean),
            string other => throw node.Unsupported("reduction none, sum or mean", other),
        };
    }
}
