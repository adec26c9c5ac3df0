using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Operators.Layout;
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

    /// <summary>
    /// Of a sum: the convolution back with filters of ones, each channel by itself; of L1, L2 and squares that of dy by what the sum has
    /// of x. Of a largest or smallest element: dy goes to the first of them.
    /// </summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        GraphBuilder builder = scope.Builder;
        ValueId x = node.Inputs[0];
        ValueId Times(ValueId a, ValueId b) => builder.Apply(new Multiply(), a, b);
        scope.Add(x, Kind switch
        {
            ReduceKind.Sum => OfSum(builder, builder[x], gradient),
            ReduceKind.L1 => Times(OfSum(builder, builder[x], gradient), builder.Apply(new Sign(), x)),
            ReduceKind.L2 => Times(OfSum(builder, builder[x], builder.Apply(new Divide(), gradient, node.Output)), x),
            ReduceKind.SumSquare => Times(OfSum(builder, builder[x], gradient), Times(x, BroadcastShape.Scalar(scope, 2f))),
            _ => OfBest(builder, x, gradient),
        });
    }

    private ValueId OfSum(GraphBuilder builder, TensorType x, ValueId gradient)
    {
        ValueId ones = builder.Constant("ones", x with { Shape = EquatableArray.Create<int>([x.Shape[1], 1, .. Taps]), HasSamples = false }, 1f);
        return Convolution.InputGradient(builder, x, gradient, ones, new Convolution(Strides, Dilations, Groups: x.Shape[1]));
    }

    /// <summary>The windows side by side; in each the first best tap takes dy, and what windows share is added up.</summary>
    private ValueId OfBest(GraphBuilder builder, ValueId x, ValueId gradient)
    {
        TensorType type = builder[x];
        int planes = checked(type.Shape[0] * type.Shape[1]);
        int[] image = [.. type.Shape.Skip(2)];
        int[] counts = [.. builder[gradient].Shape.Skip(2)];
        int windows = counts.Aggregate(planes, (product, count) => checked(product * count));
        int taps = Taps.Aggregate(1, (product, count) => checked(product * count));
        int axes = image.Length;
        int indices = 1 + 2 * axes;
        var factors = new int[(1 + axes) * indices];
        factors[0] = 1;
        for (int axis = 0; axis < axes; axis++)
        {
            factors[(1 + axis) * indices + 1 + axis] = Strides[axis];
            factors[(1 + axis) * indices + 1 + axes + axis] = Dilations[axis];
        }

        ValueId As(ValueId value, params int[] shape) => builder.Apply(new Reshape(EquatableArray.Create<int>(shape)), value);
        var view = new IndexView(EquatableArray.Create<int>([planes, .. counts, .. Taps]), EquatableArray.Create<int>(factors), EquatableArray.Create<int>(new int[1 + axes]));
        ValueId flat = As(x, [planes, .. image]);
        ValueId side = As(builder.Apply(view, flat), windows, taps);
        ValueId best = builder.Apply(new SelectPositions(1, 1, Kind == ReduceKind.Max), side);
        ValueId isBest = builder.Apply(new Equal(), best, Ordinals.Of(builder, taps));
        ValueId zero = Ordinals.Fill(builder, TensorType.Whole(type.Element), 0f);
        ValueId shares = builder.Apply(new Where(), isBest, As(gradient, windows, 1), zero);
        ValueId back = builder.Apply(new IndexViewGradient(builder[flat], view), As(shares, [.. view.Shape]));
        return As(back, [.. type.Shape]);
    }

    private static bool IsShortFloat(ElementType element) => element is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16;
}
