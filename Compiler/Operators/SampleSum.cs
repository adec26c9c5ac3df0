using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[n] = sum over samples b of x[b, n]: leaves of 32 rows in ascending order from +0, combined by the binary tree over the
/// leaf index. The gradient of a bias.
/// </summary>
public sealed record SampleSum : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].Rank == 2 && inputs[0].HasSamples, "samples [B, N]");
        return TensorType.Whole(inputs[0].Shape[1]);
    }
}
