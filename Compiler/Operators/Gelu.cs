using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>x · Φ(x) with Φ(x) = (1 + erf(x / sqrt(2))) / 2 (Hendrycks and Gimpel, arXiv:1606.08415), not its approximation by tanh.</summary>
public sealed record Gelu : ElementwiseOperator
{
    public override Type Function => typeof(GeluFunction);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        return inputs[0];
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        scope.Add(node.Inputs[0], scope.Builder.Apply(new GeluGradient(), node.Inputs[0], gradient));
}

/// <summary>dx = dy · (Φ(x) + x φ(x)), φ being the density of the standard normal distribution. Inputs: x and dy.</summary>
public sealed record GeluGradient : ElementwiseOperator
{
    public override Type Function => typeof(GeluGradientFunction);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0] == inputs[1], "an input and the gradient of its output, of one type");
        return inputs[0];
    }
}
