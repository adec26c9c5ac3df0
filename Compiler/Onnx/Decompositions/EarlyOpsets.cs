using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>
/// Before opset 7 the second input is repeated to the first one's shape only where attribute broadcast says so, its axes beginning
/// at attribute axis, or ending with the last.
/// </summary>
public static class EarlyOpsets
{
    private const int LastOpset = 6;

    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        Binary("Add", OnnxTypes.Numbers, new Add()),
        Binary("Sub", OnnxTypes.Numbers, new Subtract()),
        Binary("Mul", OnnxTypes.Numbers, new Multiply()),
        Binary("Div", OnnxTypes.Numbers, new Divide()),
        Binary("Pow", OnnxTypes.ShortFloats, new Power()),
        Binary("And", OnnxTypes.Bool, new And()),
        Binary("Or", OnnxTypes.Bool, new Or()),
        Binary("Xor", OnnxTypes.Bool, new ExclusiveOr()),
        Binary("Equal", OnnxTypes.Numbers, new Equal()),
        Binary("Less", OnnxTypes.Numbers, new Less()),
        Binary("Greater", OnnxTypes.Numbers, new Greater()),
        new("PRelu", 1, OnnxTypes.ShortFloats, Slopes) { LastOpset = LastOpset, HasGradient = true },
        new("Gemm", 1, OnnxTypes.ShortFloats, Gemm) { LastOpset = LastOpset, HasGradient = true },
    ];

    private static OnnxTranslation Binary(string opType, ImmutableArray<ElementType> types, Operator op) =>
        new(opType, 1, types, node => [node.Apply(op, node[0], Second(node))]) { LastOpset = LastOpset, HasGradient = op is Add or Subtract or Multiply or Divide or Power };

    private static ValueId Second(OnnxNode node)
    {
        node.Ignore("consumed_inputs");
        (TensorType x, TensorType y) = (node.TypeOf(0), node.TypeOf(1));
        if (!node.Flag("broadcast"))
        {
            node.Ignore("axis");
            return x.Shape == y.Shape ? node[1] : throw node.Unsupported($"inputs of one shape {x.Shape}", $"{y.Shape}");
        }

        long axis = node.Integer("axis", x.Rank - y.Rank);
        axis = axis < 0 ? axis + x.Rank : axis;
        return axis >= 0 && axis + y.Rank <= x.Rank
            ? node.Reshape(node[1], [.. y.Shape, .. Enumerable.Repeat(1, (int)(x.Rank - axis - y.Rank))])
            : throw node.Unsupported($"an axis that {y.Rank} axes of {x.Rank} begin at", $"{axis}");
    }

    /// <summary>One slope, or one for each channel.</summary>
    private static IReadOnlyList<OnnxValue> Slopes(OnnxNode node)
    {
        node.Ignore("consumed_inputs");
        (TensorType x, TensorType slopes) = (node.TypeOf(0), node.TypeOf(1));
        ValueId slope = slopes.Rank == 1 && slopes.Shape[0] > 1 && x.Rank > 2
            ? node.Reshape(node[1], [slopes.Shape[0], .. Enumerable.Repeat(1, x.Rank - 2)])
            : node[1];
        return [node.Apply(new LeakyRelu(), node[0], slope)];
    }

    /// <summary>alpha · A · B + beta · C, either matrix transposed.</summary>
    private static IReadOnlyList<OnnxValue> Gemm(OnnxNode node)
    {
        node.Ignore("broadcast");
        ValueId a = node.Flag("transA") ? node.Transposed(node[0]) : node[0];
        ValueId b = node.Flag("transB") ? node.Transposed(node[1]) : node[1];
        ValueId product = node.Product(a, b);
        (float alpha, float beta) = (node.Float("alpha", 1f), node.Float("beta", 1f));
        product = alpha == 1f ? product : node.Times(product, node.Number(product, alpha));
        return [node.Plus(product, beta == 1f ? node[2] : node.Times(node[2], node.Number(node[2], beta)))];
    }
}
