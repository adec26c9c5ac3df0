using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// log(sum over the axes of exp(x - m)) + m of inputs x and m, m having the axes with extent 1: the logarithm of the sum of
/// exponentials whatever m is, without overflow if m is the maximum.
/// </summary>
public sealed record LogSumExp(EquatableArray<int> Axes, bool KeepAxes) : Operator
{
    /// <summary>With the maximum as m, or 0 where that is infinite.</summary>
    public static ValueId Apply(GraphBuilder builder, ValueId x, EquatableArray<int> axes, bool keepAxes)
    {
        ValueId most = builder.Apply(new Reduce(ReduceKind.Max, axes, KeepAxes: true), x);
        ElementType element = builder[x].Element;
        ValueId zero = builder.Constant("zero", TensorType.Whole(), 0f);
        zero = element == ElementType.Float32 ? zero : builder.Apply(new Cast(element), zero);
        ValueId shift = builder.Apply(new Where(), builder.Apply(new IsInfinity(), most), zero, most);
        if (element != ElementType.Float64)
        {
            return builder.Apply(new LogSumExp(axes, keepAxes), x, shift);
        }

        ValueId powers = builder.Apply(new Exponential(), builder.Apply(new Subtract(), x, shift));
        ValueId log = builder.Apply(new Logarithm(), builder.Apply(new Reduce(ReduceKind.Sum, axes, keepAxes), powers));
        return builder.Apply(new Add(), log, keepAxes ? shift : builder.Apply(new Reduce(ReduceKind.Sum, axes, keepAxes), shift));
    }

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0].Element is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16, "floats of at most 32 bits");
        inputs.Require(ReducedShape.Of(inputs, inputs[0], Axes, keepAxes: true) == inputs[1], "a second input with extent 1 along the axes");
        return ReducedShape.Of(inputs, inputs[0], Axes, KeepAxes);
    }

    public override long CountOperations(OperatorInputs inputs) => 3 * inputs[0].CountElements;

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType input = lowering.Graph[node.Inputs[0]].Type;
        ProgramTree x = new ProgramTree.Input(0, SlotAccess.Full);
        ProgramTree m = new ProgramTree.Input(1, SlotAccess.Full);
        ProgramTree log = new ProgramTree.Call1(typeof(LogFunction), new ProgramTree.TemplateResult());
        lowering.Emit(new StridedReduceStage(
            node.Name, node.Output, node.Inputs, Axes, KeepAxes, !input.HasSamples, typeof(RowSum),
            new ProgramTree.Call1(typeof(ExpFunction), new ProgramTree.Call2(typeof(SubFunction), x, m)),
            ReducedShape.Rounded(input.Element, new ProgramTree.Call2(typeof(AddFunction), log, new ProgramTree.Input(0, SlotAccess.Full)))));
    }

    /// <summary>dx = dy · exp(x - y); m has no influence.</summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        GraphBuilder builder = scope.Builder;
        ValueId x = node.Inputs[0];
        ValueId Spread(ValueId value) => builder.Apply(new Repeat(builder[x].Shape, KeepAxes ? [] : Axes), value);
        ValueId share = builder.Apply(new Exponential(), builder.Apply(new Subtract(), x, Spread(node.Output)));
        scope.Add(x, builder.Apply(new Multiply(), Spread(gradient), share));
    }
}

/// <summary>
/// The elements repeated to a shape: axes of extent 1 as often as it takes, and whole axes that the input has not (Added, positions
/// in the result). The gradient of a sum.
/// </summary>
public sealed record Repeat(EquatableArray<int> Shape, EquatableArray<int> Added) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        int[] own = [.. Enumerable.Range(0, Shape.Count).Where(axis => !Added.Contains(axis)).Select(axis => Shape[axis])];
        inputs.Require(
            Shape.Count <= BroadcastShape.MaximumRank && own.Length == inputs[0].Rank && own.Select((extent, axis) => inputs[0].Shape[axis] == extent || inputs[0].Shape[axis] == 1).All(fits => fits),
            $"a shape that repeats to {Shape} with new axes {Added}");
        return inputs[0] with { Shape = Shape };
    }

    public override long CountOperations(OperatorInputs inputs) => 0;

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new RepeatStage(node.Name, node.Output, node.Inputs[0], Added, !lowering.Graph[node.Output].Type.HasSamples));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        GraphBuilder builder = scope.Builder;
        if (Added.Count > 0)
        {
            gradient = builder.Apply(new Reduce(ReduceKind.Sum, Added, KeepAxes: false), gradient);
        }

        scope.Add(node.Inputs[0], BroadcastShape.SumTo(scope, gradient, builder[node.Inputs[0]]));
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);
}
