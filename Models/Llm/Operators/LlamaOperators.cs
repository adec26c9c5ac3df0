using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Models.Llm.Operators;

/// <summary>
/// y = x / sqrt(mean(x²) + epsilon) · gamma along the last axis (Zhang and Sennrich, arXiv:1910.07467). Samples [B, ..., C] and gamma
/// [C]. For the machine model; it has no template.
/// </summary>
public sealed record RootMeanSquareNorm(float Epsilon) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0].HasSamples && inputs[0].Rank >= 2 && inputs[1] == TensorType.Whole(inputs[0].LastExtent), "samples [B, ..., C] and gamma [C]");
        return inputs[0];
    }

    public override long CountOperations(OperatorInputs inputs) => checked(4 * inputs[0].CountElements);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Reduce, output.CountElements, stages: 4);
}

/// <summary>
/// Pairs of columns of each head turned by an angle that grows with the token's position (Su et al., arXiv:2104.09864). Samples
/// [B, T, C]; the first position is that of the first token. For the machine model; it has no template.
/// </summary>
public sealed record RotaryEmbedding(int FirstPosition) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].HasSamples && inputs[0].Rank == 3 && inputs[0].LastExtent % 2 == 0, "samples [B, T, even]");
        return inputs[0];
    }

    /// <summary>Two products and a sum for each element.</summary>
    public override long CountOperations(OperatorInputs inputs) => checked(3 * inputs[0].CountElements);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Simd, output.CountElements, stages: 3);
}

/// <summary>
/// y = silu(gate) · up with silu(x) = x / (1 + exp(-x)): the middle of SwiGLU (Shazeer, arXiv:2002.05202). Two samples of one type. For
/// the machine model; it has no template.
/// </summary>
public sealed record SiluGate : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0] == inputs[1] && inputs[0].HasSamples, "a gate and what it lets through, samples of one type");
        return inputs[0];
    }

    public override long CountOperations(OperatorInputs inputs) => checked(5 * inputs[0].CountElements);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Simd, output.CountElements, stages: 4);
}

/// <summary>y[b, :] = x[b, T - 1, :]: the token that the next one is predicted from. For the machine model; it has no template.</summary>
public sealed record LastRow : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].HasSamples && inputs[0].Rank == 3 && inputs[0].Shape[1] > 0, "samples [B, T, H]");
        return TensorType.Samples(inputs[0].Shape[0], inputs[0].Shape[2]);
    }

    public override long CountOperations(OperatorInputs inputs) => 0;

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Layout(output) with { Accesses = [OperandAccess.Sample] };
}

/// <summary>
/// The sum of a value over RDUs that each hold a part of a weight's rows: the same on all of them after it. For the machine model; it
/// has no template.
/// </summary>
/// <param name="Sockets">RDUs that take part.</param>
public sealed record AllReduce(int Sockets) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(Sockets > 1, "at least two RDUs", $"{Sockets}");
        return inputs[0];
    }

    public override long CountOperations(OperatorInputs inputs) => checked((Sockets - 1) * inputs[0].CountElements);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Collective, output.CountElements, stages: 1) with { Sockets = Sockets };
}
