using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Onnx.Import;

namespace RduEmu.Compiler.Operators.Layout;

/// <summary>The same elements in row-major order in another shape: nothing is moved.</summary>
/// <param name="Shape">The shape of the output.</param>
public sealed record Reshape(EquatableArray<int> Shape) : Operator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Reshape", 5, OnnxTypes.All, FromOnnx) { HasGradient = true },
        new("Reshape", 1, OnnxTypes.All, node => [node.Reshape(node.Value(0), Resolve(node, node.Integers("shape") ?? []))]) { LastOpset = 4, HasGradient = true },
        new("Flatten", 1, OnnxTypes.All, Flatten) { HasGradient = true },
        new("Squeeze", 1, OnnxTypes.All, Squeeze) { HasGradient = true },
        new("Unsqueeze", 1, OnnxTypes.All, Unsqueeze) { HasGradient = true },
        new("Identity", 1, OnnxTypes.All, node => [node.Value(0)]) { HasGradient = true, IsStructural = true },
    ];

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        TensorType type = inputs[0] with { Shape = Shape };
        inputs.Require(!inputs[0].HasSamples && type.CountElements == inputs[0].CountElements, $"a whole value of as many elements as {Shape}");
        return type;
    }

    public override long CountOperations(OperatorInputs inputs) => 0;

    public override void Lower(StageLowering lowering, Node node) => lowering.Reshape(node.Output, node.Inputs[0]);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        scope.Add(node.Inputs[0], scope.Builder.Apply(new Reshape(scope.Builder[node.Inputs[0]].Shape), gradient));

    private static IReadOnlyList<OnnxValue> FromOnnx(OnnxNode node) => [node.Reshape(node.Value(0), Resolve(node, node.KnownIntegers(1, "a shape")))];

    /// <summary>0 takes the input's extent over (unless zeros are allowed), -1 is what is left.</summary>
    private static int[] Resolve(OnnxNode node, long[] wanted)
    {
        TensorType type = node.TypeOf(0);
        bool allowsZero = node.Flag("allowzero");
        var shape = new int[wanted.Length];
        long known = 1;
        int free = -1;
        for (int axis = 0; axis < shape.Length; axis++)
        {
            if (wanted[axis] == -1 && free < 0)
            {
                free = axis;
                continue;
            }

            shape[axis] = wanted[axis] != 0 || allowsZero ? node.Extent(wanted[axis])
                : axis < type.Rank ? type.Shape[axis] : throw node.Unsupported($"an extent to take over for axis {axis}", type.ToString());
            known = checked(known * shape[axis]);
        }

        if (free >= 0)
        {
            shape[free] = known != 0 && type.CountElements % known == 0
                ? node.Extent(type.CountElements / known)
                : throw node.Unsupported($"a shape for {type.CountElements} elements", $"[{string.Join(", ", wanted)}]");
        }

        return shape;
    }

    private static IReadOnlyList<OnnxValue> Flatten(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        long axis = node.Integer("axis", 1);
        axis = axis < 0 ? axis + type.Rank : axis;
        if (axis < 0 || axis > type.Rank)
        {
            throw node.Unsupported($"an axis of {type.Rank}", $"{axis}");
        }

        return [node.Reshape(node.Value(0), CountOf(type.Shape.Take((int)axis)), CountOf(type.Shape.Skip((int)axis)))];
    }

    private static IReadOnlyList<OnnxValue> Squeeze(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        long[]? axes = node.Opset < 13 ? node.Integers("axes") : node.HasInput(1) ? node.KnownIntegers(1, "axes") : null;
        HashSet<int> removed = axes is null
            ? [.. Enumerable.Range(0, type.Rank).Where(axis => type.Shape[axis] == 1)]
            : [.. axes.Select(axis => node.Axis(axis, type.Rank))];
        return removed.All(axis => type.Shape[axis] == 1)
            ? [node.Reshape(node.Value(0), [.. type.Shape.Where((_, axis) => !removed.Contains(axis))])]
            : throw node.Unsupported("axes of extent 1", $"{type}");
    }

    private static IReadOnlyList<OnnxValue> Unsqueeze(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        long[] axes = node.Opset < 13 ? node.Integers("axes") ?? [] : node.KnownIntegers(1, "axes");
        int rank = type.Rank + axes.Length;
        HashSet<int> added = [.. axes.Select(axis => node.Axis(axis, rank))];
        if (added.Count != axes.Length)
        {
            throw node.Unsupported("axes that differ", string.Join(", ", axes));
        }

        var extents = new Queue<int>(type.Shape);
        return [node.Reshape(node.Value(0), [.. Enumerable.Range(0, rank).Select(axis => added.Contains(axis) ? 1 : extents.Dequeue())])];
    }

    private static int CountOf(IEnumerable<int> extents) => extents.Aggregate(1, (count, extent) => checked(count * extent));

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);
}
