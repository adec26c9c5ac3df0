using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>tanh(x).</summary>
public sealed record Tanh : ElementwiseOperator
{
    public override Type Function => typeof(TanhFunction);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        return inputs[0];
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        scope.Add(node.Inputs[0], scope.Builder.Apply(new TanhGradient(), node.Output, gradient));
}

/// <summary>The gradient of tanh by its output y: dy · (1 - y²).</summary>
public sealed record TanhGradient : ElementwiseOperator
{
    public override Type Function => typeof(TanhGradientFunction);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0] == inputs[1], "an output and its gradient, of one type");
        return inputs[0];
    }
}
