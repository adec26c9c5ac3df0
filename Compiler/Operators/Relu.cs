using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Operators;

/// <summary>x where x &gt; 0 or x is NaN, else +0.</summary>
public sealed record Relu : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        return inputs[0];
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        scope.Add(node.Inputs[0], scope.Builder.Apply(new ReluGradient(), node.Output, gradient));
}

/// <summary>The gradient of ReLU by its output y: dy where y &gt; 0, else +0.</summary>
public sealed record ReluGradient : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0] == inputs[1], "an output and its gradient, of one type");
        return inputs[0];
    }
}
