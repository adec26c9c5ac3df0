using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// mean[c] = (sum over the rows of all samples of x[r, c]) / n, in the order of <see cref="SampleSum"/>. Inputs: samples [B, ..., C] and
/// the number of rows n as a whole value [1]; output: [C]. Its influence on a loss is part of <see cref="BatchNormalize"/>'s gradient.
/// </summary>
public sealed record BatchMean : Operator
{
    public override bool ReadsPairs(int input, IReadOnlyList<TensorType> inputs, TensorType output) => inputs[input].HasSamples;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0].Rank >= 2 && inputs[0].HasSamples && inputs[1] == TensorType.Whole(1), "samples [B, ..., C] and a count [1]");
        return TensorType.Whole(inputs[0].LastExtent);
    }

    public override long CountOperations(OperatorInputs inputs) => inputs[0].CountElements + inputs[0].LastExtent;

    public override SumRule? Shares(OperatorInputs inputs) => new(new SampleSum(), [0], Finish: new DivideByCount(), FinishInput: 1);

    public override void Lower(StageLowering lowering, Node node) => lowering.Emit(new SampleProgramStage(
        node.Name, node.Output, node.Inputs[0],
        new FusedProgram(new ProgramTree.Input(0, SlotAccess.Full), [node.Inputs[0]], [(int)SlotAccess.Full]),
        BatchVariance.Divide(node.Output, node.Inputs[1])));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
    }
}

/// <summary>
/// variance[c] = (sum over the rows of all samples of (x[r, c] - mean[c])²) / n, in the order of <see cref="SampleSum"/>; each square
/// is rounded. Inputs: samples [B, ..., C], the mean [C] and the number of rows n [1]; output: [C].
/// </summary>
public sealed record BatchVariance : Operator
{
    public override bool ReadsPairs(int input, IReadOnlyList<TensorType> inputs, TensorType output) => inputs[input].HasSamples;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(3);
        inputs.Require(
            inputs[0].Rank >= 2 && inputs[0].HasSamples && inputs[1] == TensorType.Whole(inputs[0].LastExtent) && inputs[2] == TensorType.Whole(1),
            "samples [B, ..., C], a mean [C] and a count [1]");
        return inputs[1];
    }

    public override long CountOperations(OperatorInputs inputs) => 3 * inputs[0].CountElements + inputs[0].LastExtent;

    public override SumRule? Shares(OperatorInputs inputs) => new(new SquaredDeviationSum(), [0, 1], Finish: new DivideByCount(), FinishInput: 2);

    public override void Lower(StageLowering lowering, Node node) => lowering.Emit(new SampleProgramStage(
        node.Name, node.Output, node.Inputs[0], Squares(node.Inputs[0], node.Inputs[1]), Divide(node.Output, node.Inputs[2])));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
    }

    /// <summary>(x - mean)².</summary>
    internal static FusedProgram Squares(ValueId x, ValueId mean) => new(
        new ProgramTree.Call2(
            typeof(SquaredErrorFunction), new ProgramTree.Input(0, SlotAccess.Full), new ProgramTree.Input(1, SlotAccess.PerColumn)),
        [x, mean], [(int)SlotAccess.Full, (int)SlotAccess.PerColumn]);

    /// <summary>The sums, divided by a count.</summary>
    internal static FusedProgram Divide(ValueId sums, ValueId count) => new(
        new ProgramTree.Call2(typeof(DivFunction), new ProgramTree.Input(0, SlotAccess.Full), new ProgramTree.Input(1, SlotAccess.Uniform)),
        [sums, count], [(int)SlotAccess.Full, (int)SlotAccess.Uniform]);
}

/// <summary>
/// y[c] = sum over the rows of all samples of (x[r, c] - mean[c])², as in a <see cref="BatchVariance"/> before the division: an RDU's
/// share of one. Inputs: samples [B, ..., C] and the mean [C]; output: [C].
/// </summary>
public sealed record SquaredDeviationSum : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Rank >= 2 && inputs[0].HasSamples && inputs[1] == TensorType.Whole(inputs[0].LastExtent), "samples [B, ..., C] and a mean [C]");
        return inputs[1];
    }

    public override long CountOperations(OperatorInputs inputs) => 3 * inputs[0].CountElements;

    public override int? SampleGroup(IReadOnlyList<TensorType> inputs) => SampleTree.GroupSamples(Sectioning.RowsPerItem(inputs[0]));

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new SampleProgramStage(node.Name, node.Output, node.Inputs[0], BatchVariance.Squares(node.Inputs[0], node.Inputs[1])));
}

/// <summary>
/// 1 / sqrt(variance[c] + epsilon). Inputs: variances [C] and epsilon [1]. Its influence on a loss is part of
/// <see cref="BatchNormalize"/>'s gradient.
/// </summary>
public sealed record ReciprocalDeviation : ElementwiseOperator
{
    public override Type Function => typeof(RsqrtFunction);

    public override SlotAccess Access(int input) => input == 0 ? SlotAccess.Full : SlotAccess.Uniform;

    public override ProgramTree Program(IReadOnlyList<ProgramTree> inputs) =>
        new ProgramTree.Call1(Function, new ProgramTree.Call2(typeof(AddFunction), inputs[0], inputs[1]));

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0].Rank == 1 && !inputs[0].HasSamples && inputs[1] == TensorType.Whole(1), "variances [C] and epsilon [1]");
        return inputs[0];
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
    }
}

/// <summary>
/// beta · r[i] + (1 - beta) · (s[i] · c), the last products rounded, then one FMA: a running statistic r and the batch's s, corrected by
/// c (of a variance n / (n - 1), of a mean 1). Inputs: r and s [C], beta and c [1].
/// </summary>
public sealed record RunningStatistic : ElementwiseOperator
{
    public override Type Function => typeof(MovingAverageFunction);

    public override SlotAccess Access(int input) => input < 2 ? SlotAccess.Full : SlotAccess.Uniform;

    public override ProgramTree Program(IReadOnlyList<ProgramTree> inputs) =>
        new ProgramTree.Call3(Function, inputs[0], new ProgramTree.Call2(typeof(MulFunction), inputs[1], inputs[3]), inputs[2]);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(4);
        inputs.Require(
            inputs[0] == inputs[1] && !inputs[0].HasSamples && inputs[2] == TensorType.Whole(1) && inputs[3] == inputs[2],
            "a running and a new statistic [C], a decay [1] and a correction [1]");
        return inputs[0];
    }
}
