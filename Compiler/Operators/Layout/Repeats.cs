using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Templates.Layout;

namespace RduEmu.Compiler.Operators.Layout;

/// <summary>The value repeated along axes of extent 1, and along new axes in front.</summary>
/// <param name="Shape">The shape of the output.</param>
public sealed record Expand(EquatableArray<int> Shape) : LayoutOperator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Expand", 8, OnnxTypes.All, FromOnnx) { HasGradient = true },
        new("Tile", 6, OnnxTypes.All, Tile) { HasGradient = true },
        new("ConstantOfShape", 9, OnnxTypes.Indices, ConstantOfShape) { IsStructural = true },
    ];

    protected override int[] ShapeOf(OperatorInputs inputs)
    {
        int added = Shape.Count - inputs[0].Rank;
        inputs.Require(
            added >= 0 && inputs[0].Shape.Select((extent, axis) => extent == 1 || extent == Shape[axis + added]).All(fits => fits),
            $"a shape that broadcasts to {Shape}");
        return [.. Shape];
    }

    protected override StridedView ViewOf(TensorType input)
    {
        int added = Shape.Count - input.Rank;
        long[] strides = StridesOf(input.Shape);
        return Inside(input, Shape, Shape.Select((_, axis) => axis < added || input.Shape[axis - added] == 1 ? 0 : strides[axis - added]));
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        scope.Add(node.Inputs[0], BroadcastShape.SumTo(scope, gradient, scope.Builder[node.Inputs[0]]));

    private static IReadOnlyList<OnnxValue> FromOnnx(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        long[] wanted = node.KnownIntegers(1, "a shape");
        int rank = Math.Max(type.Rank, wanted.Length);
        var shape = new int[rank];
        for (int axis = 0; axis < rank; axis++)
        {
            int own = axis - (rank - type.Rank) is >= 0 and var a ? type.Shape[a] : 1;
            int other = axis - (rank - wanted.Length) is >= 0 and var b ? node.Extent(wanted[b]) : 1;
            shape[axis] = own == 1 ? other : other == 1 || other == own ? own : throw node.Unsupported($"a shape that broadcasts with {type.Shape}", $"[{string.Join(", ", wanted)}]");
        }

        return [node.Expand(node[0], shape)];
    }

    /// <summary>Axis by axis as (repetition, index), the repetitions a new axis of extent 1 that is expanded.</summary>
    private static IReadOnlyList<OnnxValue> Tile(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        long[] repeats = node.KnownIntegers(1, "repetitions");
        if (repeats.Length != type.Rank)
        {
            throw node.Unsupported($"{type.Rank} repetitions", $"{repeats.Length}");
        }

        ValueId tiled = node[0];
        List<int> shape = [.. type.Shape];
        for (int axis = 0; axis < shape.Count; axis++)
        {
            if (repeats[axis] == 1)
            {
                continue;
            }

            // The innermost first would copy more.
            List<int> split = [.. shape];
            split.Insert(axis, 1);
            List<int> expanded = [.. shape];
            expanded.Insert(axis, node.Extent(repeats[axis]));
            shape[axis] = checked(shape[axis] * node.Extent(repeats[axis]));
            tiled = node.Reshape(node.Expand(node.Reshape(tiled, [.. split]), [.. expanded]), [.. shape]);
        }

        return [tiled];
    }

    private static IReadOnlyList<OnnxValue> ConstantOfShape(OnnxNode node)
    {
        HostTensor value = node.Tensor("value") ?? HostTensor.Create<float>([0f], 1);
        int[] shape = [.. node.KnownIntegers(0, "a shape").Select(node.Extent)];
        if (value.Count != 1)
        {
            throw node.Unsupported("a value of one element", value.Type.ToString());
        }

        return [node.Filled(value, shape)];
    }
}

/// <summary>
/// Index i of one axis of the output is index map[i] of the input's, or zeros where that is -1: pads that repeat, reversals,
/// nearest-neighbour resizing, gathers with indices that are known.
/// </summary>
/// <param name="Axis">The axis.</param>
/// <param name="Map">For each index of the output the index of the input, or -1.</param>
public sealed record AxisMap(int Axis, EquatableArray<int> Map) : Operator
{
    private const int MaximumTableWords = 1 << 26;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(!inputs[0].HasSamples && Axis >= 0 && Axis < inputs[0].Rank, $"a whole value with an axis {Axis}");
        foreach (int index in Map)
        {
            inputs.Require(index >= -1 && index < inputs[0].Shape[Axis], $"indices below {inputs[0].Shape[Axis]}", $"{index}");
        }

        int[] shape = [.. inputs[0].Shape];
        shape[Axis] = Map.Count;
        return inputs[0] with { Shape = EquatableArray.Create<int>(shape) };
    }

    public override long CountOperations(OperatorInputs inputs) => 0;

    /// <summary>As rows of the axes from this one on: a column map over them, its table spelt out.</summary>
    public override void Lower(Lowering.StageLowering lowering, Node node)
    {
        TensorType input = lowering.Graph[node.Inputs[0]].Type;
        int inner = checked((int)(input.Shape.Skip(Axis + 1).Aggregate(1L, (count, extent) => count * extent) * input.Element.WordsPerElement()));
        if ((long)Map.Count * inner > MaximumTableWords)
        {
            throw new Kernels.Errors.RduException(
                Kernels.Errors.ErrorCatalogue.GraphIllegal, $"node {node.Name} ({Name})", $"a map of at most {MaximumTableWords} words", $"{(long)Map.Count * inner}",
                "map a smaller axis, or one further in");
        }

        int outer = checked((int)input.Shape.Take(Axis).Aggregate(1L, (count, extent) => count * extent));
        var words = new int[checked(Map.Count * inner)];
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = Map[i / inner] < 0 ? -1 : checked(Map[i / inner] * inner + i % inner);
        }

        lowering.Emit(new Lowering.Stages.WholeColumnMapStage(
            node.Name, node.Output, node.Inputs[0], EquatableArray.Create<int>(words), outer, checked(input.Shape[Axis] * inner)));
    }

    /// <summary>
    /// Each index of the input gets the gradients of the places that it was taken to: a map back for the first place of each, one for
    /// the second, and so on, added in that order.
    /// </summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        var places = new List<int>[scope.Builder[node.Inputs[0]].Shape[Axis]];
        for (int at = 0; at < Map.Count; at++)
        {
            if (Map[at] >= 0)
            {
                (places[Map[at]] ??= []).Add(at);
            }
        }

        int most = places.Max(of => of?.Count ?? 0);
        for (int place = 0; place < most; place++)
        {
            int[] back = [.. places.Select(of => of is not null && place < of.Count ? of[place] : -1)];
            scope.Add(node.Inputs[0], scope.Builder.Apply(new AxisMap(Axis, EquatableArray.Create<int>(back)), gradient));
        }
    }

    public override string ToString() => $"{Name}[axis {Axis}, {Map.Count} indices]";

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);
}
