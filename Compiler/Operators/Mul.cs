using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>x · y of equal shapes, rounded once.</summary>
public sealed record Mul : ElementwiseOperator
{
    public override Type Function => typeof(MulFunction);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0] == inputs[1], "two inputs of one type");
        return inputs[0];
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        scope.Add(node.Inputs[0], scope.Builder.Apply(new Mul(), gradient, node.Inputs[1]));
        scope.Add(node.Inputs[1], scope.Builder.Apply(new Mul(), gradient, node.Inputs[0]));
    }
}
