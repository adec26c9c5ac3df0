using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>The loss of each sample; its mean over the batch is what training lowers.</summary>
public enum LossKind
{
    /// <summary>(p - t)^2.</summary>
    SquaredError,

    /// <summary>max(z, 0) - z·t + log(1 + exp(-|z|)) of a logit z: binary cross-entropy.</summary>
    BinaryCrossEntropyWithLogits,
}

/// <summary>l[b, ..., 0] of predictions and targets, samples [B, ..., 1].</summary>
public sealed record SampleLoss(LossKind Kind) : ElementwiseOperator
{
    public override Type Function => Kind == LossKind.SquaredError ? typeof(SquaredErrorFunction) : typeof(BinaryCrossEntropyFunction);

    public override TensorType Infer(OperatorInputs inputs) => LossShape.Of(inputs);
}

/// <summary>
/// The gradient of the mean loss by the prediction, the third input being scale = 1 / B: (2 (p - t)) · scale for the squared
/// error, (sigmoid(z) - t) · scale for the cross-entropy.
/// </summary>
public sealed record SampleLossGradient(LossKind Kind) : ElementwiseOperator
{
    public override Type Function =>
        Kind == LossKind.SquaredError ? typeof(SquaredErrorGradientFunction) : typeof(BinaryCrossEntropyGradientFunction);

    public override SlotAccess Access(int input) => input == 2 ? SlotAccess.Uniform : SlotAccess.Full;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(3);
        inputs.Require(inputs[2] == TensorType.Whole(1), "a scale [1] as third input");
        return LossShape.Of(inputs with { Types = [inputs[0], inputs[1]] });
    }
}

internal static class LossShape
{
    public static TensorType Of(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0] == inputs[1] && inputs[0].Rank >= 2 && inputs[0].HasSamples && inputs[0].LastExtent == 1,
            "predictions and targets, samples [B, ..., 1]");
        return inputs[0];
    }
}
