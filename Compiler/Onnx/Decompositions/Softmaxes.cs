using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>The softmax family along an axis; before opset 13 over all axes from one on.</summary>
public static class Softmaxes
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Softmax", 1, OnnxTypes.Floats, node => Over(node, node.SoftmaxOf)) { HasGradient = true },
        new("LogSoftmax", 1, OnnxTypes.Floats, node => Over(node, node.LogSoftmaxOf)) { HasGradient = true },
        new("Hardmax", 1, OnnxTypes.Floats, node => Over(node, (value, axis) => Hardmax(node, value, axis))),
    ];

    private static OnnxValue[] Over(OnnxNode node, Func<ValueId, int, ValueId> function)
    {
        TensorType type = node.TypeOf(0);
        int axis = node.Axis(node.Integer("axis", node.Opset < 13 ? 1 : -1), Math.Max(1, type.Rank));
        if (node.Opset >= 13)
        {
            if (type.Rank == 0)
            {
                throw node.Unsupported("an axis", type.ToString());
            }

            return [function(node[0], axis)];
        }

        int outer = type.Shape.Take(axis).Aggregate(1, (count, extent) => checked(count * extent));
        int inner = type.Shape.Skip(axis).Aggregate(1, (count, extent) => checked(count * extent));
        return [node.Reshape(function(node.Reshape(node[0], outer, inner), 1), [.. type.Shape])];
    }

    /// <summary>1 at the first of the largest elements, 0 elsewhere.</summary>
    private static ValueId Hardmax(OnnxNode node, ValueId value, int axis)
    {
        TensorType type = node.TypeOf(value);
        int[] shape = [.. type.Shape.Select((extent, at) => at == axis ? extent : 1)];
        ValueId positions = node.Positions(type.Shape[axis], shape);
        ValueId isMost = node.Apply(new Equal(), value, node.MostOf(value, axis));
        ValueId first = node.Apply(
            new Reduce(ReduceKind.Min, [axis], KeepAxes: true), node.Choose(isMost, positions, node.Constant(HostTensor.Scalar((long)type.Shape[axis]))));
        return node.As(node.Apply(new Equal(), positions, first), type.Element);
    }
}
