using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Templates.Layout;

namespace RduEmu.Compiler.Operators.Layout;

/// <summary>y[i_p0, i_p1, ...] = x[i_0, i_1, ...]: axis a of the output is axis p_a of the input.</summary>
/// <param name="Permutation">For each axis of the output the axis of the input.</param>
public sealed record Transpose(EquatableArray<int> Permutation) : LayoutOperator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Transpose", 1, OnnxTypes.All, FromOnnx) { HasGradient = true },
        new("DepthToSpace", 1, OnnxTypes.All, DepthToSpace) { HasGradient = true },
        new("SpaceToDepth", 1, OnnxTypes.All, SpaceToDepth) { HasGradient = true },
    ];

    public static Transpose Of(params ReadOnlySpan<int> permutation) => new(EquatableArray.Create(permutation));

    /// <summary>The value with two axes in each other's place.</summary>
    public static Transpose Swap(int rank, int a, int b)
    {
        int[] permutation = [.. Enumerable.Range(0, rank)];
        (permutation[a], permutation[b]) = (b, a);
        return Of(permutation);
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        var inverse = new int[Permutation.Count];
        for (int axis = 0; axis < inverse.Length; axis++)
        {
            inverse[Permutation[axis]] = axis;
        }

        scope.Add(node.Inputs[0], scope.Builder.Apply(Of(inverse), gradient));
    }

    protected override int[] ShapeOf(OperatorInputs inputs)
    {
        inputs.Require(
            Permutation.Order().SequenceEqual(Enumerable.Range(0, inputs[0].Rank)), $"an order of {inputs[0].Rank} axes", Permutation.ToString());
        return [.. Permutation.Select(axis => inputs[0].Shape[axis])];
    }

    protected override StridedView ViewOf(TensorType input)
    {
        long[] strides = StridesOf(input.Shape);
        return Inside(input, [.. Permutation.Select(axis => input.Shape[axis])], Permutation.Select(axis => strides[axis]));
    }

    private static IReadOnlyList<OnnxValue> FromOnnx(OnnxNode node)
    {
        int rank = node.TypeOf(0).Rank;
        long[] permutation = node.Integers("perm") ?? [.. Enumerable.Range(0, rank).Reverse().Select(axis => (long)axis)];
        return [node.Apply(Of([.. permutation.Select(axis => node.Axis(axis, rank))]), node[0])];
    }

    /// <summary>[N, C, H, W] to [N, C / b², H · b, W · b]; the channel counts (b, b, c), or (c, b, b) in mode CRD.</summary>
    private static IReadOnlyList<OnnxValue> DepthToSpace(OnnxNode node)
    {
        (int n, int c, int h, int w, int b) = Blocks(node);
        bool isDcr = node.Text("mode", "DCR") switch
        {
            "DCR" => true,
            "CRD" => false,
            string mode => throw node.Unsupported("mode DCR or CRD", mode),
        };
        if (c % (b * b) != 0)
        {
            throw node.Unsupported($"channels in multiples of {b * b}", $"{c}");
        }

        int channels = c / (b * b);
        ValueId split = node.Reshape(node[0], isDcr ? [n, b, b, channels, h, w] : [n, channels, b, b, h, w]);
        ValueId turned = node.Apply(isDcr ? Of(0, 3, 4, 1, 5, 2) : Of(0, 1, 4, 2, 5, 3), split);
        return [node.Reshape(turned, n, channels, checked(h * b), checked(w * b))];
    }

    /// <summary>[N, C, H, W] to [N, C · b², H / b, W / b]; the new channel counts (row in block, column in block, c).</summary>
    private static IReadOnlyList<OnnxValue> SpaceToDepth(OnnxNode node)
    {
        (int n, int c, int h, int w, int b) = Blocks(node);
        if (h % b != 0 || w % b != 0)
        {
            throw node.Unsupported($"an image in blocks of {b}", $"{h} x {w}");
        }

        ValueId split = node.Reshape(node[0], n, c, h / b, b, w / b, b);
        return [node.Reshape(node.Apply(Of(0, 3, 5, 1, 2, 4), split), n, checked(c * b * b), h / b, w / b)];
    }

    private static (int N, int C, int H, int W, int Block) Blocks(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        long block = node.Integer("blocksize", 0);
        return type.Rank == 4 && block is > 0 and < 1 << 15
            ? (type.Shape[0], type.Shape[1], type.Shape[2], type.Shape[3], (int)block)
            : throw node.Unsupported("images [N, C, H, W] and a block size", $"{type}, {block}");
    }
}
