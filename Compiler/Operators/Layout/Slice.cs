using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Templates.Layout;

namespace RduEmu.Compiler.Operators.Layout;

/// <summary>y[i] = x[start + i · step] along each axis.</summary>
/// <param name="Starts">First index of each axis.</param>
/// <param name="Counts">How many.</param>
/// <param name="Steps">From one to the next; negative steps run backwards.</param>
public sealed record Slice(EquatableArray<int> Starts, EquatableArray<int> Counts, EquatableArray<int> Steps) : LayoutOperator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Slice", 1, OnnxTypes.All, FromAttributes) { LastOpset = 9, HasGradient = true },
        new("Slice", 10, OnnxTypes.All, FromInputs) { HasGradient = true },
        new("Split", 2, OnnxTypes.All, Split) { HasGradient = true },
    ];

    /// <summary>A range of one axis, the others whole.</summary>
    public static Slice Of(TensorType type, int axis, int start, int count, int step = 1)
    {
        var starts = new int[type.Rank];
        int[] counts = [.. type.Shape];
        var steps = new int[type.Rank];
        Array.Fill(steps, 1);
        (starts[axis], counts[axis], steps[axis]) = (start, count, step);
        return new Slice(EquatableArray.Create<int>(starts), EquatableArray.Create<int>(counts), EquatableArray.Create<int>(steps));
    }

    /// <exception cref="Kernels.Errors.RduException">RDU0401: steps other than 1 and -1, whose gradient is not one view.</exception>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        TensorType input = scope.Builder[node.Inputs[0]];
        TensorType type = scope.Builder[gradient];
        var before = new int[input.Rank];
        var after = new int[input.Rank];
        for (int axis = 0; axis < input.Rank; axis++)
        {
            if (Math.Abs(Steps[axis]) != 1 && Counts[axis] > 1)
            {
                base.Differentiate(scope, node, gradient);
                return;
            }

            bool isTurned = Steps[axis] == -1 && Counts[axis] > 1;
            gradient = isTurned ? scope.Builder.Apply(Of(type, axis, type.Shape[axis] - 1, type.Shape[axis], -1), gradient) : gradient;
            before[axis] = isTurned ? Starts[axis] - Counts[axis] + 1 : Starts[axis];
            after[axis] = input.Shape[axis] - before[axis] - Counts[axis];
        }

        scope.Add(node.Inputs[0], scope.Builder.Apply(new Pad(EquatableArray.Create<int>(before), EquatableArray.Create<int>(after), 0), gradient));
    }

    protected override int[] ShapeOf(OperatorInputs inputs)
    {
        TensorType type = inputs[0];
        inputs.Require(Starts.Count == type.Rank && Counts.Count == type.Rank && Steps.Count == type.Rank, $"a range for each of {type.Rank} axes");
        for (int axis = 0; axis < type.Rank; axis++)
        {
            long last = Starts[axis] + (Counts[axis] - 1L) * Steps[axis];
            inputs.Require(
                Counts[axis] == 0 || Counts[axis] > 0 && Starts[axis] >= 0 && Starts[axis] < type.Shape[axis] && last >= 0 && last < type.Shape[axis],
                $"indices of axis {axis} within the value", $"{Starts[axis]} to {last} of {type.Shape[axis]}");
        }

        return [.. Counts];
    }

    protected override StridedView ViewOf(TensorType input)
    {
        long[] strides = StridesOf(input.Shape);
        return Inside(input, Counts, strides.Select((stride, axis) => stride * Steps[axis]), strides.Select((stride, axis) => stride * Starts[axis]).Sum());
    }

    private static OnnxValue[] FromAttributes(OnnxNode node) => Apply(
        node, node.Integers("starts") ?? [], node.Integers("ends") ?? [], node.Integers("axes"), null);

    private static OnnxValue[] FromInputs(OnnxNode node) => Apply(
        node, node.KnownIntegers(1, "starts"), node.KnownIntegers(2, "ends"),
        node.HasInput(3) ? node.KnownIntegers(3, "axes") : null, node.HasInput(4) ? node.KnownIntegers(4, "steps") : null);

    private static OnnxValue[] Apply(OnnxNode node, long[] starts, long[] ends, long[]? axes, long[]? steps)
    {
        TensorType type = node.TypeOf(0);
        axes ??= [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        steps ??= [.. starts.Select(_ => 1L)];
        if (ends.Length != starts.Length || axes.Length != starts.Length || steps.Length != starts.Length)
        {
            throw node.Unsupported("as many ends, axes and steps as starts", $"{starts.Length}, {ends.Length}, {axes.Length}, {steps.Length}");
        }

        var first = new int[type.Rank];
        int[] counts = [.. type.Shape];
        var strides = new int[type.Rank];
        Array.Fill(strides, 1);
        for (int i = 0; i < starts.Length; i++)
        {
            int axis = node.Axis(axes[i], type.Rank);
            long extent = type.Shape[axis];
            long step = steps[i] is not 0 ? Math.Clamp(steps[i], -int.MaxValue, int.MaxValue) : throw node.Unsupported("steps other than 0", "0");
            long start = Bound(starts[i], extent, step);
            long end = Bound(ends[i], extent, step);
            long count = step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step;
            first[axis] = count > 0 ? (int)start : 0;
            counts[axis] = (int)Math.Max(0, count);
            strides[axis] = (int)step;
        }

        return [node.Apply(new Slice(EquatableArray.Create<int>(first), EquatableArray.Create<int>(counts), EquatableArray.Create<int>(strides)), node[0])];
    }

    /// <summary>A position counted from the end if negative, held to the axis: forwards 0 to extent, backwards -1 to extent - 1.</summary>
    private static long Bound(long position, long extent, long step)
    {
        long from = position < 0 ? Math.Max(position, -extent - 1) + extent : position;
        return step > 0 ? Math.Clamp(from, 0, extent) : Math.Clamp(from, -1, extent - 1);
    }

    private static OnnxValue[] Split(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        int axis = node.Axis(node.Integer("axis", 0), type.Rank);
        long extent = type.Shape[axis];
        long[]? parts = node.Opset < 13 ? node.Integers("split") : node.HasInput(1) ? node.KnownIntegers(1, "the parts of a split") : null;
        if (parts is null)
        {
            long count = node.Integer("num_outputs", node.OutputCount);
            if (count <= 0 || count != node.OutputCount)
            {
                throw node.Unsupported($"{node.OutputCount} parts", $"{count}");
            }

            long each = (extent + count - 1) / count;
            parts = [.. Enumerable.Range(0, (int)count).Select(i => Math.Clamp(extent - i * each, 0, each))];
        }

        if (parts.Any(part => part < 0 || part > extent) || parts.Sum() != extent || parts.Length < node.OutputCount)
        {
            throw node.Unsupported($"parts that sum to {extent}", string.Join(", ", parts));
        }

        var outputs = new List<OnnxValue>();
        int start = 0;
        for (int i = 0; i < node.OutputCount; i++)
        {
            outputs.Add(node.Apply(Of(type, axis, parts[i] == 0 ? 0 : start, (int)parts[i]), node[0]));
            start += (int)parts[i];
        }

        return [.. outputs];
    }
}
