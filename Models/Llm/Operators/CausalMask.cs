using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Models.Llm.Operators;

/// <summary>
/// y[b, a, i, j] = x[b, a, i, j] where j is at most i, else -infinity: a token sees none that follow it. Samples [B, A, T, T]. For the
/// machine model; it has no template.
/// </summary>
public sealed record CausalMask : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].HasSamples && inputs[0].Rank == 4, "samples [B, A, T, T]");
        return inputs[0];
    }

    public override long CountOperations(OperatorInputs inputs) => inputs[0].CountElements;

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) =>
        OperatorProfile.Program(TemplateKind.Simd, output.CountElements, stages: 1);

    /// <summary>The gradient passes as it is: behind a mask stands a softmax, whose gradient is zero where its result is.</summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) => scope.Add(node.Inputs[0], gradient);
}
