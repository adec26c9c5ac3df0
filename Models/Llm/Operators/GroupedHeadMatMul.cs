using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Models.Llm.Operators;

/// <summary>
/// The products of an attention whose queries share keys and values in groups (Ainslie et al., arXiv:2305.13245), over a cache of L
/// tokens. Scores: p[b, a, i, j] = sum over d of q[b, i, a, d] · k[b, j, a / group, d], tokens [B, T, A·d] and a cache [B, L, G·d] to a
/// map [B, A, T, L]. Context: y[b, i, a, d] = sum over j of p[b, a, i, j] · v[b, j, a / group, d], a map and a cache to tokens. For the
/// machine model; it has no template.
/// </summary>
/// <param name="Heads">A, of the queries.</param>
/// <param name="KeyHeads">G, of keys and values; divides A.</param>
/// <param name="IsScores">True for the scores, false for the context.</param>
public sealed record GroupedHeadMatMul(int Heads, int KeyHeads, bool IsScores) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(KeyHeads > 0 && Heads % KeyHeads == 0, "query heads in groups of one size", $"{Heads} and {KeyHeads}");
        TensorType cache = inputs[1];
        inputs.Require(cache.HasSamples && cache.Rank == 3 && cache.Shape[2] % KeyHeads == 0, $"a cache, samples [B, L, multiple of {KeyHeads}]");
        int width = cache.Shape[2] / KeyHeads;
        TensorType left = inputs[0];
        if (IsScores)
        {
            inputs.Require(left.HasSamples && left.Rank == 3 && left.Shape[2] == Heads * width && left.Shape[0] == cache.Shape[0], $"tokens, samples [B, T, {Heads * width}]");
            return TensorType.Samples(left.Shape[0], Heads, left.Shape[1], cache.Shape[1]);
        }

        inputs.Require(
            left.HasSamples && left.Rank == 4 && left.Shape[1] == Heads && left.Shape[3] == cache.Shape[1] && left.Shape[0] == cache.Shape[0],
            $"a map, samples [B, {Heads}, T, L]");
        return TensorType.Samples(left.Shape[0], left.Shape[2], Heads * width);
    }

    public override long CountOperations(OperatorInputs inputs) => checked(2 * GemmOf(inputs).MultiplyAdds);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Systolic(GemmOf(inputs)) with { Accesses = [OperandAccess.Rows, OperandAccess.Sample] };

    /// <summary>Query heads of a group are rows of one product: they share its keys.</summary>
    private GemmShape GemmOf(OperatorInputs inputs)
    {
        long cached = inputs[1].Shape[1];
        long width = inputs[1].Shape[2] / KeyHeads;
        long tokens = IsScores ? inputs[0].Shape[1] : inputs[0].Shape[2];
        long batch = (long)inputs[0].Shape[0] * KeyHeads;
        long rows = tokens * (Heads / KeyHeads);
        return IsScores ? new GemmShape(batch, rows, cached, width) : new GemmShape(batch, rows, width, cached);
    }
}
