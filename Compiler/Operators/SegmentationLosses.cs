using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[c] = sum over the rows of all samples of a[r, c] · b[r, c], in the order of <see cref="SampleSum"/>, products rounded. Inputs:
/// two samples of one type [B, ..., C].
/// </summary>
public sealed record SampleProductSum : Operator
{
    public override bool ReadsPairs(int input, IReadOnlyList<TensorType> inputs, TensorType output) => inputs[input].HasSamples;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0] == inputs[1] && inputs[0].Rank >= 2 && inputs[0].HasSamples, "two samples [B, ..., C] of one type");
        return TensorType.Whole(inputs[0].LastExtent);
    }

    public override long CountOperations(OperatorInputs inputs) => 2 * inputs[0].CountElements;

    public override int? SampleGroup(IReadOnlyList<TensorType> inputs) => SampleTree.GroupSamples(Sectioning.RowsPerItem(inputs[0]));

    public override void Lower(StageLowering lowering, Node node) => lowering.Emit(new SampleProgramStage(
        node.Name, node.Output, node.Inputs[0],
        new FusedProgram(
            new ProgramTree.Call2(typeof(MulFunction), new ProgramTree.Input(0, SlotAccess.Full), new ProgramTree.Input(1, SlotAccess.Full)),
            node.Inputs, [(int)SlotAccess.Full, (int)SlotAccess.Full])));
}

/// <summary>
/// 1 - (2 i + 1) / ((p + t) + 1): the Dice loss over a whole batch, smoothed by 1, of the sums i of p · t, p of probabilities and t of
/// targets, each [1].
/// </summary>
public sealed record DiceLoss : ElementwiseOperator
{
    public override Type Function => typeof(DiceLossFunction);

    public override TensorType Infer(OperatorInputs inputs) => DiceShape.OfSums(inputs, 3);
}

/// <summary>-2 / ((p + t) + 1) of the sums p and t [1]: the gradient of the Dice loss by the sum of products.</summary>
public sealed record DiceSlope : ElementwiseOperator
{
    public override Type Function => typeof(DiceSlopeFunction);

    public override TensorType Infer(OperatorInputs inputs) => DiceShape.OfSums(inputs, 2);
}

/// <summary>((2 i + 1) / s) / s with s = (p + t) + 1, of the sums i, p and t [1]: the gradient of the Dice loss by the sum of probabilities.</summary>
public sealed record DiceOffset : ElementwiseOperator
{
    public override Type Function => typeof(DiceOffsetFunction);

    public override TensorType Infer(OperatorInputs inputs) => DiceShape.OfSums(inputs, 3);
}

/// <summary>
/// dp[r] = fma(t[r], slope, offset): the gradient of the Dice loss by the probabilities. Inputs: targets [B, ..., 1], slope and offset [1].
/// </summary>
public sealed record DiceGradient : ElementwiseOperator
{
    public override Type Function => typeof(FmaFunction);

    public override SlotAccess Access(int input) => input == 0 ? SlotAccess.Full : SlotAccess.Uniform;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(3);
        inputs.Require(
            inputs[0].HasSamples && inputs[0].LastExtent == 1 && inputs[1] == TensorType.Whole(1) && inputs[2] == inputs[1],
            "targets [B, ..., 1], a slope [1] and an offset [1]");
        return inputs[0];
    }
}

/// <summary>
/// (1 - s)² · l of logits and targets of 0 and 1, samples [B, ..., 1]: the focal loss (Lin et al., ICCV 2017) with gamma 2;
/// l is the binary cross-entropy and s the probability of the target.
/// </summary>
public sealed record FocalLoss : ElementwiseOperator
{
    public override Type Function => typeof(FocalLossFunction);

    public override TensorType Infer(OperatorInputs inputs) => LossShape.Of(inputs);
}

/// <summary>The gradient of the sum of <see cref="FocalLoss"/> times a scale [1] by the logits. Inputs: logits, targets, scale.</summary>
public sealed record FocalLossGradient : ElementwiseOperator
{
    public override Type Function => typeof(FocalLossGradientFunction);

    public override SlotAccess Access(int input) => input == 2 ? SlotAccess.Uniform : SlotAccess.Full;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(3);
        inputs.Require(inputs[2] == TensorType.Whole(1), "a scale [1] as third input");
        return LossShape.Of(inputs with { Types = [inputs[0], inputs[1]] });
    }
}

internal static class DiceShape
{
    public static TensorType OfSums(OperatorInputs inputs, int count)
    {
        inputs.RequireCount(count);
        inputs.Require(inputs.Types.All(type => type == TensorType.Whole(1)), "sums [1]");
        return inputs[0];
    }
}
