using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Compiler.Operators;

/// <summary>What is computed of the reduced elements.</summary>
public enum ReduceKind
{
    Sum,

    /// <summary>The sum divided by the number of elements; of integers cut towards zero.</summary>
    Mean,

    /// <summary>NaN if any is; the lowest value of the type of nothing.</summary>
    Max,

    /// <summary>NaN if any is; the highest value of the type of nothing.</summary>
    Min,
    Product,

    /// <summary>The sum of magnitudes.</summary>
    L1,

    /// <summary>The root of the sum of squares.</summary>
    L2,
    SumSquare,

    /// <summary>The logarithm of the sum.</summary>
    LogSum,
}

/// <summary>
/// The reduction of a tensor over some axes, which leave the shape or stay with extent 1. The reduced elements, flattened in
/// row-major order, go to 16 lanes and a tree as a row's do.
/// </summary>
public sealed record Reduce(ReduceKind Kind, EquatableArray<int> Axes, bool KeepAxes) : Operator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        Translation("ReduceSum", ReduceKind.Sum, 13),
        Translation("ReduceMean", ReduceKind.Mean, 18),
        Translation("ReduceMax", ReduceKind.Max, 18),
        Translation("ReduceMin", ReduceKind.Min, 18),
        Translation("ReduceProd", ReduceKind.Product, 18),
        Translation("ReduceL1", ReduceKind.L1, 18),
        Translation("ReduceL2", ReduceKind.L2, 18),
        Translation("ReduceSumSquare", ReduceKind.SumSquare, 18),
        Translation("ReduceLogSum", ReduceKind.LogSum, 18),
        new("ReduceLogSumExp", 6, OnnxTypes.Floats, node => AxesOf(node, 18) is { } axes
            ? [LogSumExp.Apply(node.Builder, node[0], axes, node.Flag("keepdims", true))]
            : [node[0]])
        { HasGradient = true },
    ];

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        ElementType element = inputs[0].Element;
        inputs.Require(
            element.IsFloat()
            || (element.IsInteger() && Kind is not (ReduceKind.L2 or ReduceKind.LogSum))
            || (element == ElementType.Bool && Kind is ReduceKind.Max or ReduceKind.Min),
            $"an element type that {Kind} is defined for", $"{element}");
        return ReducedShape.Of(inputs, inputs[0], Axes, KeepAxes);
    }

    public override long CountOperations(OperatorInputs inputs) => inputs[0].CountElements;

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType input = lowering.Graph[node.Inputs[0]].Type;
        if (input.Element is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16)
        {
            ProgramTree x = new ProgramTree.Input(0, SlotAccess.Full);
            ProgramTree prologue = Kind == ReduceKind.L1 ? new ProgramTree.Call1(typeof(AbsFunction), x) : x;
            ProgramTree epilogue = ReducedShape.Rounded(input.Element, Kind switch
            {
                ReduceKind.L2 => new ProgramTree.Call1(typeof(SqrtFunction), new ProgramTree.TemplateResult()),
                ReduceKind.LogSum => new ProgramTree.Call1(typeof(LogFunction), new ProgramTree.TemplateResult()),
                _ => new ProgramTree.TemplateResult(),
            });
            lowering.Emit(new StridedReduceStage(
                node.Name, node.Output, node.Inputs, Axes, KeepAxes, !input.HasSamples, Reduction(), prologue, epilogue));
            return;
        }

        (Type[] functions, long identity, long finish) = Words(input);
        lowering.Emit(new WordReduceStage(
            node.Name, node.Output, node.Inputs, Axes, KeepAxes, !input.HasSamples, functions[0], functions[1], functions[2], identity, finish));
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        GraphBuilder builder = scope.Builder;
        ValueId x = node.Inputs[0];
        ValueId Spread(ValueId value) => builder.Apply(new Repeat(builder[x].Shape, KeepAxes ? [] : Axes), value);
        ValueId spread = Spread(gradient);
        float count = builder[x].CountElements / (float)Math.Max(1, builder[node.Output].CountElements);
        scope.Add(x, Kind switch
        {
            ReduceKind.Sum => spread,
            ReduceKind.Mean => builder.Apply(new Divide(), spread, BroadcastShape.Scalar(scope, count)),
            ReduceKind.Max or ReduceKind.Min =>
                builder.Apply(new Where(), builder.Apply(new Equal(), x, Spread(node.Output)), spread, BroadcastShape.Scalar(scope, 0f)),
            ReduceKind.Product => Axes.Count == 0 ? spread : builder.Apply(new Multiply(), spread, ProductGradients.Others(builder, x, Axes)),
            ReduceKind.L1 => builder.Apply(new Multiply(), spread, builder.Apply(new Sign(), x)),
            ReduceKind.L2 => builder.Apply(new Divide(), builder.Apply(new Multiply(), spread, x), Spread(node.Output)),
            ReduceKind.SumSquare => builder.Apply(new Multiply(), spread, builder.Apply(new Multiply(), x, BroadcastShape.Scalar(scope, 2f))),
            _ => builder.Apply(new Divide(), spread, Spread(builder.Apply(new Exponential(), node.Output))),
        });
    }

    /// <summary>
    /// The axes of an ONNX reduction: an attribute, or from some opset on an input that must be known. Null if there are none and the
    /// node says that it is then the identity.
    /// </summary>
    internal static EquatableArray<int>? AxesOf(OnnxNode node, int inputFrom)
    {
        int rank = node.TypeOf(0).Rank;
        long[]? axes = node.Opset >= inputFrom ? (node.HasInput(1) ? node.KnownIntegers(1, "axes") : null) : node.Integers("axes");
        node.Ignore("keepdims");
        bool emptyIsNothing = node.Flag("noop_with_empty_axes");
        if (axes is null or [])
        {
            return emptyIsNothing ? null : EquatableArray.Create<int>([.. Enumerable.Range(0, rank)]);
        }

        return EquatableArray.Create<int>([.. axes.Select(axis => node.Axis(axis, rank)).Distinct().Order()]);
    }

    private static OnnxTranslation Translation(string name, ReduceKind kind, int axesInputFrom) =>
        new(name, 6, kind is ReduceKind.Max or ReduceKind.Min ? OnnxTypes.All : OnnxTypes.Numbers, node => AxesOf(node, axesInputFrom) is { } axes
            ? [node.Apply(new Reduce(kind, axes, node.Flag("keepdims", true)), node[0])]
            : [Elementwise(node, kind)])
        { HasGradient = true };

    /// <summary>A reduction over no axes still takes magnitudes, squares and logarithms.</summary>
    private static ValueId Elementwise(OnnxNode node, ReduceKind kind) => kind switch
    {
        ReduceKind.L1 or ReduceKind.L2 => node.Apply(new Absolute(), node[0]),
        ReduceKind.SumSquare => node.Apply(new Square(), node[0]),
        ReduceKind.LogSum => node.Apply(new Logarithm(), node[0]),
        _ => node[0],
    };

    /// <summary>What two lanes of words become, and what they start from.</summary>
    internal static (Type Combine, long Identity) Combination(ReduceKind kind, ElementType element)
    {
        bool isFloat = element == ElementType.Float64;
        bool isUnsigned = element == ElementType.UInt64;
        return kind switch
        {
            ReduceKind.Max => (isFloat ? typeof(MaxFloat64Word) : isUnsigned ? typeof(MaxUnsignedWord) : typeof(MaxWord), Lowest(element)),
            ReduceKind.Min => (isFloat ? typeof(MinFloat64Word) : isUnsigned ? typeof(MinUnsignedWord) : typeof(MinWord), Highest(element)),
            ReduceKind.Product => (isFloat ? typeof(MulFloat64Word) : typeof(MulWord), isFloat ? BitConverter.DoubleToInt64Bits(1) : 1),
            _ => (isFloat ? typeof(AddFloat64Word) : typeof(AddWord), 0),
        };
    }

    private Type Reduction() => Kind switch
    {
        ReduceKind.Mean => typeof(RowMean),
        ReduceKind.Max => typeof(RowMax),
        ReduceKind.Min => typeof(RowMin),
        ReduceKind.Product => typeof(RowProduct),
        ReduceKind.L2 or ReduceKind.SumSquare => typeof(RowSumOfSquares),
        _ => typeof(RowSum),
    };

    private (Type[] Functions, long Identity, long Finish) Words(TensorType input)
    {
        bool isFloat = input.Element == ElementType.Float64;
        bool isUnsigned = input.Element == ElementType.UInt64;
        long count = Axes.Aggregate(1L, (product, axis) => product * input.Shape[axis]);
        (Type combine, long identity) = Combination(Kind, input.Element);
        Type square = isFloat ? typeof(MulFloat64Word) : typeof(MulWord);
        Type magnitude = isFloat ? typeof(AbsFloat64Word) : isUnsigned ? typeof(CopyWord) : typeof(AbsWord);
        Type divide = isFloat ? typeof(DivFloat64Word) : isUnsigned ? typeof(DivUnsignedWord) : typeof(DivWord);
        Type copy = typeof(CopyWord);
        return Kind switch
        {
            ReduceKind.L1 => ([magnitude, combine, copy], identity, 0),
            ReduceKind.L2 => ([square, combine, typeof(SqrtFloat64Word)], identity, 0),
            ReduceKind.SumSquare => ([square, combine, copy], identity, 0),
            ReduceKind.LogSum => ([copy, combine, typeof(LogFloat64Word)], identity, 0),
            ReduceKind.Mean => ([copy, combine, divide], identity, isFloat ? BitConverter.DoubleToInt64Bits(count) : count),
            _ => ([copy, combine, copy], identity, 0),
        };
    }

    private static long Lowest(ElementType element) => element switch
    {
        ElementType.Float64 => BitConverter.DoubleToInt64Bits(double.NegativeInfinity),
        ElementType.Int8 => sbyte.MinValue,
        ElementType.Int16 => short.MinValue,
        ElementType.Int32 => int.MinValue,
        ElementType.Int64 => long.MinValue,
        _ => 0,
    };

    private static long Highest(ElementType element) => element switch
    {
        ElementType.Float64 => BitConverter.DoubleToInt64Bits(double.PositiveInfinity),
        ElementType.Bool => 1,
        ElementType.Int8 => sbyte.MaxValue,
        ElementType.UInt8 => byte.MaxValue,
        ElementType.Int16 => short.MaxValue,
        ElementType.UInt16 => ushort.MaxValue,
        ElementType.Int32 => int.MaxValue,
        ElementType.UInt32 => uint.MaxValue,
        ElementType.Int64 => long.MaxValue,
        _ => -1,
    };
}

/// <summary>Rules that reductions share.</summary>
internal static class ReducedShape
{
    public static TensorType Of(OperatorInputs inputs, TensorType input, EquatableArray<int> axes, bool keepAxes)
    {
        inputs.Require(axes.All(axis => axis >= 0 && axis < input.Rank), $"axes of rank {input.Rank}", $"{axes}");
        inputs.Require(!input.HasSamples || !axes.Contains(0), "no reduction over samples here");
        inputs.Require(input.Rank < BroadcastShape.MaximumRank, $"a rank below {BroadcastShape.MaximumRank}");
        IEnumerable<int> shape = Enumerable.Range(0, input.Rank)
            .Where(axis => keepAxes || !axes.Contains(axis))
            .Select(axis => axes.Contains(axis) ? 1 : input.Shape[axis]);
        return input with { Shape = EquatableArray.Create<int>([.. shape]) };
    }

    /// <summary>The program's result rounded to its type.</summary>
    public static ProgramTree Rounded(ElementType element, ProgramTree tree) => element switch
    {
        ElementType.Float16 => new ProgramTree.Call1(typeof(RoundFloat16Function), tree),
        ElementType.BFloat16 => new ProgramTree.Call1(typeof(RoundBFloat16Function), tree),
        _ => tree,
    };
}
