using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Operators;

/// <summary>The loss of each sample; its mean over the batch is what training lowers.</summary>
public enum LossKind
{
    /// <summary>(p - t)^2.</summary>
    SquaredError,

    /// <summary>max(z, 0) - z·t + log(1 + exp(-|z|)) of a logit z: binary cross-entropy.</summary>
    BinaryCrossEntropyWithLogits,
}

/// <summary>l[b, 0] of predictions [B, 1] and targets [B, 1].</summary>
public sealed record SampleLoss(LossKind Kind) : Operator
{
    public override TensorType Infer(OperatorInputs inputs) => LossShape.Of(inputs);
}

/// <summary>
/// The gradient of the mean loss by the prediction: 2 (p - t) / B for the squared error, (sigmoid(z) - t) / B for the
/// cross-entropy.
/// </summary>
public sealed record SampleLossGradient(LossKind Kind) : Operator
{
    public override TensorType Infer(OperatorInputs inputs) => LossShape.Of(inputs);
}

internal static class LossShape
{
    public static TensorType Of(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0] == inputs[1] && inputs[0].Rank == 2 && inputs[0].HasSamples && inputs[0].Shape[1] == 1,
            "predictions and targets, samples [B, 1]");
        return inputs[0];
    }
}
