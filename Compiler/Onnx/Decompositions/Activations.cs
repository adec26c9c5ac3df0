using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>Gelu, and dropout as it is when a model is not trained.</summary>
public static class Activations
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Gelu", 20, OnnxTypes.ShortFloats, Gelu) { HasGradient = true },
        new("Dropout", 1, OnnxTypes.Floats, Dropout) { HasGradient = true },
    ];

    /// <summary>x / 2 · (1 + erf(x / sqrt 2)), or with tanh(sqrt(2 / pi) (x + 0.044715 x³)) in the place of erf.</summary>
    private static IReadOnlyList<OnnxValue> Gelu(OnnxNode node)
    {
        ValueId x = node[0];
        ValueId inner = node.Text("approximate", "none") switch
        {
            "none" => node.Apply(new ErrorFunction(), node.Times(x, node.Number(x, Math.Sqrt(0.5)))),
            "tanh" => node.Apply(
                new HyperbolicTangent(),
                node.Times(node.Number(x, Math.Sqrt(2 / Math.PI)), node.Plus(x, node.Times(node.Number(x, 0.044715), node.Times(x, node.Times(x, x)))))),
            string other => throw node.Unsupported("approximation none or tanh", other),
        };
        return [node.Times(node.Times(x, node.Number(x, 0.5)), node.Plus(inner, node.Number(x, 1)))];
    }

    /// <summary>The input and a mask that keeps everything; with a ratio in training ONNX fixes no numbers, and that is refused.</summary>
    private static IReadOnlyList<OnnxValue> Dropout(OnnxNode node)
    {
        node.Ignore("seed", "is_test", "consumed_inputs");
        double ratio = node.Opset < 12 ? node.Float("ratio", 0.5f) : node.HasInput(1) ? node.KnownNumber(1, "a ratio") : 0.5;
        bool isTraining = node.Opset >= 12 && node.HasInput(2) && node.KnownInteger(2, "whether it trains") != 0;
        if (isTraining && ratio != 0)
        {
            throw node.Unsupported("dropout outside of training, or with a ratio of 0", "random numbers");
        }

        TensorType type = node.TypeOf(0);
        ElementType mask = node.Opset < 10 ? type.Element : ElementType.Bool;
        return node.OutputCount < 2 ? [node.Value(0)] : [node.Value(0), node.Filled(Expressions.ScalarOf(mask, 1), [.. type.Shape])];
    }
}
