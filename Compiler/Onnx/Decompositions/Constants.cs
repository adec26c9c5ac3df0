using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>What is known without any element of an input: Constant, Shape, Size.</summary>
public static class Constants
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Constant", 1, OnnxTypes.All, Constant) { IsStructural = true },
        new("Shape", 1, OnnxTypes.All, Shape) { IsStructural = true },
        new("Size", 1, OnnxTypes.All, node => [HostTensor.Scalar(node.TypeOf(0).CountElements)]) { IsStructural = true },
    ];

    private static IReadOnlyList<OnnxValue> Constant(OnnxNode node)
    {
        if (node.Tensor("value") is { } tensor)
        {
            return [tensor];
        }

        if (node.HasAttribute("value_int"))
        {
            return [HostTensor.Scalar(node.Integer("value_int", 0))];
        }

        if (node.HasAttribute("value_float"))
        {
            return [HostTensor.Scalar(node.Float("value_float", 0f))];
        }

        if (node.Integers("value_ints") is { } integers)
        {
            return [HostTensor.Integers(integers)];
        }

        return node.Floats("value_floats") is { } floats
            ? [HostTensor.Create<float>(floats, floats.Length)]
            : throw node.Unsupported("a value of numbers", "another");
    }

    /// <summary>The extents from start to end, negative positions counted from the rank, both held to the axes there are.</summary>
    private static IReadOnlyList<OnnxValue> Shape(OnnxNode node)
    {
        int rank = node.TypeOf(0).Rank;
        int start = Clamp(node.Integer("start", 0), rank);
        int end = Clamp(node.Integer("end", rank), rank);
        long[] extents = [.. node.TypeOf(0).Shape.Skip(start).Take(Math.Max(0, end - start)).Select(extent => (long)extent)];
        return [HostTensor.Integers(extents)];
    }

    private static int Clamp(long position, int rank) => (int)Math.Clamp(position < 0 ? position + rank : position, 0, rank);
}
