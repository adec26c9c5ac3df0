using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// Sums or products along an axis up to each element, one after the other from the first element (reversed: the last); exclusive
/// ones leave the element itself out.
/// </summary>
public sealed record Scan(int Axis, bool IsProduct, bool Exclusive, bool Reverse) : Operator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("CumSum", 11, OnnxTypes.Numbers, node => Cumulative(node, isProduct: false)) { HasGradient = true },
        new("CumProd", 26, OnnxTypes.Numbers, node => Cumulative(node, isProduct: true)) { HasGradient = true },
    ];

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(Axis >= 0 && Axis < inputs[0].Rank && (!inputs[0].HasSamples || Axis > 0), $"axis {Axis}, not of samples");
        inputs.Require(inputs[0].Element != ElementType.Bool && inputs[0].Rank < BroadcastShape.MaximumRank, $"numbers, a rank below {BroadcastShape.MaximumRank}");
        return inputs[0];
    }

    public override long CountOperations(OperatorInputs inputs) => inputs[0].CountElements;

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType type = lowering.Graph[node.Output].Type;
        (Type combine, long one) = type.Element switch
        {
            ElementType.Float64 => (IsProduct ? typeof(MulFloat64Word) : typeof(AddFloat64Word), BitConverter.DoubleToInt64Bits(1)),
            ElementType.Float16 => (IsProduct ? typeof(ThenWord<MulFloat32Word, RoundToFloat16Word>) : typeof(ThenWord<AddFloat32Word, RoundToFloat16Word>), BitConverter.SingleToInt32Bits(1)),
            ElementType.BFloat16 => (IsProduct ? typeof(ThenWord<MulFloat32Word, RoundToBFloat16Word>) : typeof(ThenWord<AddFloat32Word, RoundToBFloat16Word>), BitConverter.SingleToInt32Bits(1)),
            ElementType.Float32 => (IsProduct ? typeof(MulFloat32Word) : typeof(AddFloat32Word), BitConverter.SingleToInt32Bits(1)),
            _ => (IsProduct ? typeof(MulWord) : typeof(AddWord), 1L),
        };
        lowering.Emit(new ScanStage(node.Name, node.Output, node.Inputs, [Axis], !type.HasSamples, combine, IsProduct ? one : 0, Exclusive, Reverse));
    }

    /// <summary>
    /// The gradient of a sum is the sum from the other end. That of a product y[k] is p[i] · r[i], p[i] being the product before i and
    /// r[i] = dy[i] + x[i + 1] · r[i + 1], the sum of what stands behind it.
    /// </summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        GraphBuilder builder = scope.Builder;
        ValueId x = node.Inputs[0];
        if (!IsProduct)
        {
            scope.Add(x, builder.Apply(this with { Reverse = !Reverse }, gradient));
            return;
        }

        int step = Reverse ? -1 : 1;
        gradient = Exclusive ? ProductGradients.Shifted(builder, gradient, Axis, step) : gradient;
        ValueId behind = ProductGradients.Recurrence(builder, gradient, ProductGradients.Shifted(builder, x, Axis, step), Axis, step);
        scope.Add(x, builder.Apply(new Multiply(), builder.Apply(this with { Exclusive = true }, x), behind));
    }

    private static IReadOnlyList<OnnxValue> Cumulative(OnnxNode node, bool isProduct)
    {
        int axis = node.Axis(node.KnownInteger(1, "axis"), node.TypeOf(0).Rank);
        return [node.Apply(new Scan(axis, isProduct, node.Flag("exclusive"), node.Flag("reverse")), node[0])];
    }
}
