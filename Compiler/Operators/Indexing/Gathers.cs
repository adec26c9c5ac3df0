using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Onnx.Import;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// An operator that takes elements of its first input at the positions in its second, int32 or int64: negative ones count from the
/// end; elements at positions outside their axis are 0.
/// </summary>
public abstract record GatherOperator : Operator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Gather", 6, OnnxTypes.All, node => [node.Apply(new Gather(node.Axis(node.Integer("axis", 0), node.TypeOf(0).Rank)), node[0], node[1])]) { HasGradient = true },
        new("GatherElements", 11, OnnxTypes.All, node => [node.Apply(new GatherElements(node.Axis(node.Integer("axis", 0), node.TypeOf(0).Rank)), node[0], node[1])]) { HasGradient = true },
        new("GatherND", 11, OnnxTypes.All, node => [node.Apply(new GatherND((int)node.Integer("batch_dims", 0)), node[0], node[1])]) { HasGradient = true },
        new("OneHot", 9, OnnxTypes.Numbers, OneHot) { HasGradient = true },
    ];

    /// <summary>The shape of the result, checked.</summary>
    public abstract int[] ShapeOf(OperatorInputs inputs);

    /// <summary>How the result goes with data and indices.</summary>
    public abstract IndexMap Map(TensorType data, TensorType indices);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[1].Element is ElementType.Int32 or ElementType.Int64, "positions as int32 or int64", $"{inputs[1].Element}");
        int[] shape = ShapeOf(inputs);
        inputs.Require(shape.Length <= BroadcastShape.MaximumRank, $"a result of rank {BroadcastShape.MaximumRank} at most", $"{shape.Length}");
        bool hasSamples = inputs.Types.Any(type => type.HasSamples);
        IndexMap map = Map(inputs[0], inputs[1]);
        inputs.Require(
            !hasSamples || (!inputs[0].HasSamples || map.DataAxes is [0, ..]) && (!inputs[1].HasSamples || map.IndexAxes is [0, ..]), "samples in axis 0 of the result");
        return new TensorType(inputs[0].Element, EquatableArray.Create<int>(shape), hasSamples);
    }

    public override long CountOperations(OperatorInputs inputs) => 0;

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType data = lowering.Graph[node.Inputs[0]].Type;
        TensorType indices = lowering.Graph[node.Inputs[1]].Type;
        bool whole = !lowering.Graph[node.Output].Type.HasSamples;
        lowering.Emit(new IndexedCopyStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], Map(data, indices), whole));
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        TensorType data = scope.Builder[node.Inputs[0]];
        IndexMap map = Map(data, scope.Builder[node.Inputs[1]]);
        scope.Add(node.Inputs[0], scope.Builder.Apply(new SumAtPositions(data, map), node.Inputs[1], gradient));
    }

    private static IReadOnlyList<OnnxValue> OneHot(OnnxNode node)
    {
        TensorType positions = node.TypeOf(0);
        long depth = node.RequireTable(node.KnownInteger(1, "depth"));
        int axis = node.Axis(node.Integer("axis", -1), positions.Rank + 1);
        ValueId index = positions.Element == ElementType.Int64 ? node[0] : node.Apply(new Cast(ElementType.Int64), node[0]);
        ValueId zero = node.Constant(HostTensor.Scalar(0L));
        ValueId wrapped = node.Apply(new Where(), node.Apply(new Less(), index, zero), node.Apply(new Add(), index, node.Constant(HostTensor.Scalar(depth))), index);
        int[] shape = [.. positions.Shape.Take(axis), checked((int)depth), .. positions.Shape.Skip(axis)];
        int[] line = [.. shape.Select((_, at) => at == axis ? (int)depth : 1)];
        var steps = HostTensor.Create<long>([.. Enumerable.Range(0, (int)depth).Select(i => (long)i)], line);
        ValueId isHot = node.Apply(new Equal(), node.Apply(new Repeat(EquatableArray.Create<int>(shape), [axis]), wrapped), node.Constant(steps));
        ValueId Value(long at) => node.Apply(new Gather(0), node[2], node.Constant(HostTensor.Scalar(at)));
        return [node.Apply(new Where(), isHot, Value(1), Value(0))];
    }
}

/// <summary>y[before, i, after] = x[before, indices[i], after]: whole slices along an axis.</summary>
public sealed record Gather(int Axis) : GatherOperator
{
    public override int[] ShapeOf(OperatorInputs inputs)
    {
        inputs.Require(Axis >= 0 && Axis < inputs[0].Rank, $"axis {Axis}");
        return [.. inputs[0].Shape.Take(Axis), .. inputs[1].Shape, .. inputs[0].Shape.Skip(Axis + 1)];
    }

    public override IndexMap Map(TensorType data, TensorType indices)
    {
        int after = data.Rank - Axis - 1;
        return new IndexMap(
            [.. Enumerable.Range(0, Axis), .. Enumerable.Repeat(-1, indices.Rank), .. Enumerable.Range(Axis + 1, after)],
            [.. Enumerable.Repeat(-1, Axis), .. Enumerable.Range(0, indices.Rank), .. Enumerable.Repeat(-1, after)],
            [Axis], HasComponentAxis: false);
    }
}

/// <summary>y[i] = x[i with its coordinate along the axis replaced by indices[i]]; y has the shape of the indices.</summary>
public sealed record GatherElements(int Axis) : GatherOperator
{
    public override int[] ShapeOf(OperatorInputs inputs)
    {
        inputs.Require(Axis >= 0 && Axis < inputs[0].Rank && inputs[1].Rank == inputs[0].Rank, $"indices of the data's rank, axis {Axis}");
        for (int axis = 0; axis < inputs[0].Rank; axis++)
        {
            inputs.Require(axis == Axis || inputs[1].Shape[axis] <= inputs[0].Shape[axis], "indices within the data's shape");
        }

        return [.. inputs[1].Shape];
    }

    public override IndexMap Map(TensorType data, TensorType indices) => new(
        [.. Enumerable.Range(0, data.Rank).Select(axis => axis == Axis ? -1 : axis)], [.. Enumerable.Range(0, data.Rank)], [Axis], HasComponentAxis: false);
}

/// <summary>y[b, i, after] = x[b, indices[b, i, 0], indices[b, i, 1], ..., after], b running over the batch axes.</summary>
public sealed record GatherND(int BatchAxes = 0) : GatherOperator
{
    public override int[] ShapeOf(OperatorInputs inputs)
    {
        int rank = inputs[1].Rank;
        inputs.Require(rank >= 1 && BatchAxes < rank, "indices with an axis of components");
        int components = inputs[1].Shape[rank - 1];
        inputs.Require(BatchAxes + components <= inputs[0].Rank, $"positions of at most {inputs[0].Rank - BatchAxes} components", $"{components}");
        for (int axis = 0; axis < BatchAxes; axis++)
        {
            inputs.Require(inputs[0].Shape[axis] == inputs[1].Shape[axis], "equal batch axes");
        }

        return [.. inputs[1].Shape.Take(rank - 1), .. inputs[0].Shape.Skip(BatchAxes + components)];
    }

    public override IndexMap Map(TensorType data, TensorType indices)
    {
        int outer = indices.Rank - 1;
        int components = indices.Shape[outer];
        int first = BatchAxes + components;
        return new IndexMap(
            [.. Enumerable.Range(0, BatchAxes), .. Enumerable.Repeat(-1, outer - BatchAxes), .. Enumerable.Range(first, data.Rank - first)],
            [.. Enumerable.Range(0, outer), .. Enumerable.Repeat(-1, data.Rank - first)],
            [.. Enumerable.Range(BatchAxes, components)], HasComponentAxis: true);
    }
}
