using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Operators;

/// <summary>y[b, n] = sum over k of x[b, k] · w[n, k]: chunks of 256 in k, an FMA chain from +0 in each, added left to right.</summary>
public sealed record Linear : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Rank == 2 && inputs[0].HasSamples && inputs[1].Rank == 2 && !inputs[1].HasSamples
                && inputs[0].Shape[1] == inputs[1].Shape[1],
            "samples [B, K] and a weight [N, K]");
        return TensorType.Samples(inputs[0].Shape[0], inputs[1].Shape[0]);
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        if (scope.IsNeeded(node.Inputs[0]))
        {
            scope.Add(node.Inputs[0], scope.Builder.Apply(new LinearInputGradient(), gradient, node.Inputs[1]));
        }

        scope.Add(node.Inputs[1], scope.Builder.Apply(new LinearWeightGradient(), gradient, node.Inputs[0]));
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        long n = output.Shape[^1];
        long m = output.CountElements / Math.Max(1, n);
        return OperatorProfile.Systolic(new GemmShape(1, m, n, inputs[0].CountElements / Math.Max(1, m)));
    }
}

/// <summary>dx[b, k] = sum over n of dy[b, n] · w[n, k], in the order of <see cref="Linear"/> with n in the place of k.</summary>
public sealed record LinearInputGradient : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Rank == 2 && inputs[0].HasSamples && inputs[1].Rank == 2 && !inputs[1].HasSamples
                && inputs[0].Shape[1] == inputs[1].Shape[0],
            "samples [B, N] and a weight [N, K]");
        return TensorType.Samples(inputs[0].Shape[0], inputs[1].Shape[1]);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        long k = output.Shape[^1];
        long m = output.CountElements / Math.Max(1, k);
        return OperatorProfile.Systolic(new GemmShape(1, m, k, inputs[0].CountElements / Math.Max(1, m)));
    }
}

/// <summary>
/// dw[n, k] = sum over samples b of dy[b, n] · x[b, k]: an FMA chain from +0 over the 32 rows of a leaf, leaves combined by the
/// binary tree over the leaf index.
/// </summary>
public sealed record LinearWeightGradient : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Rank == 2 && inputs[0].HasSamples && inputs[1].Rank == 2 && inputs[1].HasSamples
                && inputs[0].Shape[0] == inputs[1].Shape[0],
            "samples [B, N] and samples [B, K]");
        return TensorType.Whole(inputs[0].Shape[1], inputs[1].Shape[1]);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        long n = output.Shape[0];
        return OperatorProfile.Systolic(new GemmShape(1, n, output.CountElements / Math.Max(1, n), inputs[0].CountElements / Math.Max(1, n)));
    }
}
