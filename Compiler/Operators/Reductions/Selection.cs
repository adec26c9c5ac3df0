using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// The positions, as int64, of the Count largest or smallest elements along an axis, the first of them first. A NaN comes before all
/// numbers; of equal elements the one with the lower position, or the higher if LastOfEqual.
/// </summary>
public sealed record SelectPositions(int Axis, int Count, bool Largest, bool LastOfEqual = false) : Operator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("ArgMax", 6, OnnxTypes.Numbers, node => Best(node, largest: true)),
        new("ArgMin", 6, OnnxTypes.Numbers, node => Best(node, largest: false)),
        new("TopK", 6, OnnxTypes.Numbers, Top) { HasGradient = true },
    ];

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(Axis >= 0 && Axis < inputs[0].Rank, $"axis {Axis}");
        inputs.Require(Count >= 0 && Count <= inputs[0].Shape[Axis], $"at least {Count} elements along axis {Axis}");
        inputs.Require(!inputs[0].HasSamples || Axis > 0, "no selection among samples");
        inputs.Require(inputs[0].Element != ElementType.Bool && inputs[0].Rank < BroadcastShape.MaximumRank, $"numbers, a rank below {BroadcastShape.MaximumRank}");
        int[] shape = [.. inputs[0].Shape];
        shape[Axis] = Count;
        return inputs[0] with { Element = ElementType.Int64, Shape = EquatableArray.Create<int>(shape) };
    }

    public override long CountOperations(OperatorInputs inputs) => inputs[0].CountElements;

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType input = lowering.Graph[node.Inputs[0]].Type;
        Type order = input.Element switch
        {
            ElementType.Float64 => Largest ? typeof(LargestFloat64) : typeof(SmallestFloat64),
            ElementType.UInt64 => Largest ? typeof(LargestUnsigned) : typeof(SmallestUnsigned),
            _ when input.Element.IsFloat() => Largest ? typeof(LargestFloat32) : typeof(SmallestFloat32),
            _ => Largest ? typeof(LargestInteger) : typeof(SmallestInteger),
        };
        lowering.Emit(new SelectStage(node.Name, node.Output, node.Inputs, [Axis], !input.HasSamples, order, LastOfEqual));
    }

    private static IReadOnlyList<OnnxValue> Best(OnnxNode node, bool largest)
    {
        int axis = node.Axis(node.Integer("axis", 0), node.TypeOf(0).Rank);
        ValueId positions = node.Apply(new SelectPositions(axis, 1, largest, node.Flag("select_last_index")), node[0]);
        return [node.Flag("keepdims", true) ? positions : node.Apply(new Reduce(ReduceKind.Sum, [axis], KeepAxes: false), positions)];
    }

    /// <summary>Unsorted results may be in any order: these are sorted.</summary>
    private static IReadOnlyList<OnnxValue> Top(OnnxNode node)
    {
        node.Ignore("sorted");
        int axis = node.Axis(node.Integer("axis", -1), node.TypeOf(0).Rank);
        long count = node.Opset >= 10 ? node.KnownInteger(1, "k") : node.Integer("k", 1);
        bool largest = node.Opset < 11 || node.Flag("largest", true);
        ValueId positions = node.Apply(new SelectPositions(axis, checked((int)count), largest), node[0]);
        return [node.Apply(new GatherElements(axis), node[0], positions), positions];
    }
}
