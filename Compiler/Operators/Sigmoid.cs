using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>1 / (1 + exp(-x)).</summary>
public sealed record Sigmoid : UnaryOperator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
        [new("Sigmoid", 6, OnnxTypes.ShortFloats, node => [node.Apply(new Sigmoid(), node[0])]) { HasGradient = true }];

    public override Type Function => typeof(SigmoidFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        scope.Add(node.Inputs[0], scope.Builder.Apply(new SigmoidGradient(), node.Output, gradient));
}

/// <summary>The gradient of the sigmoid by its output y: (dy · y) · (1 - y).</summary>
public sealed record SigmoidGradient : ElementwiseOperator
{
    public override Type Function => typeof(SigmoidGradientFunction);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0] == inputs[1], "an output and its gradient, of one type");
        return inputs[0];
    }
}
