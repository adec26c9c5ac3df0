using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// The reduction of each window of an image with any number of axes, channels first, without padding: y[b, c, p] over the taps t of
/// x[b, c, p · stride + t · dilation], flattened in row-major order. Pools are made of it.
/// </summary>
/// <param name="Kind">Max, Min, Sum, L1, L2 or SumSquare.</param>
/// <param name="Taps">For each axis after the channels, as the next two.</param>
public sealed record WindowReduce(ReduceKind Kind, EquatableArray<int> Taps, EquatableArray<int> Strides, EquatableArray<int> Dilations) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        int axes = Taps.Count;
        ElementType element = inputs[0].Element;
        inputs.Require(inputs[0].Rank == axes + 2 && Strides.Count == axes && Dilations.Count == axes && axes <= 3, $"an image over {axes} axes, three at most");
        inputs.Require(
            IsShortFloat(element) ? Kind is not (ReduceKind.Mean or ReduceKind.Product or ReduceKind.LogSum) : element != ElementType.Bool && Kind is ReduceKind.Max or ReduceKind.Min or ReduceKind.Sum,
            $"an element type that {Kind} of windows is defined for", $"{element}");
        int[] shape = [.. inputs[0].Shape];
        for (int axis = 0; axis < axes; axis++)
        {
            shape[axis + 2] = Windows.Count(inputs, shape[axis + 2], Taps[axis], Strides[axis], Dilations[axis]);
        }

        return inputs[0] with { Shape = EquatableArray.Create<int>(shape) };
    }

    public override long CountOperations(OperatorInputs inputs) =>
        Infer(inputs).CountElements * Taps.Aggregate(1L, (product, taps) => product * taps);

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType type = lowering.Graph[node.Output].Type;
        ProgramTree x = new ProgramTree.Input(0, SlotAccess.Full);
        ProgramTree prologue = Kind == ReduceKind.L1 ? new ProgramTree.Call1(typeof(AbsFunction), x) : x;
        ProgramTree epilogue = new ProgramTree.TemplateResult();
        epilogue = ReducedShape.Rounded(type.Element, Kind == ReduceKind.L2 ? new ProgramTree.Call1(typeof(SqrtFunction), epilogue) : epilogue);
        Type? reduction = !IsShortFloat(type.Element) ? null : Kind switch
        {
            ReduceKind.Max => typeof(RowMax),
            ReduceKind.Min => typeof(RowMin),
            ReduceKind.L2 or ReduceKind.SumSquare => typeof(RowSumOfSquares),
            _ => typeof(RowSum),
        };
        (Type combine, long identity) = Reduce.Combination(Kind, type.Element);
        lowering.Emit(new WindowStage(
            node.Name, node.Output, node.Inputs[0], Taps, Strides, Dilations, !type.HasSamples, reduction, prologue, epilogue, combine, identity));
    }

    /// <summary>Of a sum: the convolution back with filters of ones, each channel by itself.</summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        if (Kind != ReduceKind.Sum)
        {
            base.Differentiate(scope, node, gradient);
            return;
        }

        TensorType x = scope.Builder[node.Inputs[0]];
        ValueId ones = scope.Builder.Constant("ones", x with { Shape = EquatableArray.Create<int>([x.Shape[1], 1, .. Taps]), HasSamples = false }, 1f);
        scope.Add(node.Inputs[0], Convolution.InputGradient(scope.Builder, x, gradient, ones, new Convolution(Strides, Dilations, Groups: x.Shape[1])));
    }

    private static bool IsShortFloat(ElementType element) => element is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16;
}
