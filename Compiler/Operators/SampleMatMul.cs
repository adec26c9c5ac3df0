using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// Small matrices, one pair for each sample: C[b] = A[b] · B[b], rows flattened into the sample's row; in the order of
/// <see cref="Linear"/> over k.
/// </summary>
/// <param name="M">Rows of C.</param>
/// <param name="N">Columns of C.</param>
/// <param name="K">Summed extent.</param>
/// <param name="TransposeA">A is stored [K, M], else [M, K].</param>
/// <param name="TransposeB">B is stored [N, K], else [K, N].</param>
public sealed record SampleMatMul(int M, int N, int K, bool TransposeA, bool TransposeB) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Rank == 2 && inputs[0].HasSamples && inputs[1].Rank == 2 && inputs[1].HasSamples
                && inputs[0].Shape[0] == inputs[1].Shape[0]
                && inputs[0].Shape[1] == (long)M * K && inputs[1].Shape[1] == (long)N * K,
            $"samples [B, {M}*{K}] and samples [B, {N}*{K}]");
        return TensorType.Samples(inputs[0].Shape[0], checked(M * N));
    }

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new SampleProductStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], this));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId a = node.Inputs[0];
        ValueId b = node.Inputs[1];
        // dA[M,K] = dC[M,N] · op(B)^T and dB[N,K] = dC^T · op(A), each stored the way its matrix is stored.
        scope.Add(a, TransposeA
            ? scope.Builder.Apply(new SampleMatMul(K, M, N, TransposeB, TransposeB: true), b, gradient)
            : scope.Builder.Apply(new SampleMatMul(M, K, N, TransposeA: false, !TransposeB), gradient, b));
        scope.Add(b, TransposeB
            ? scope.Builder.Apply(new SampleMatMul(N, K, M, TransposeA: true, TransposeA), gradient, a)
            : scope.Builder.Apply(new SampleMatMul(K, N, M, !TransposeA, TransposeB: false), a, gradient));
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Systolic(new GemmShape(output.Shape[0], M, N, K));
}
