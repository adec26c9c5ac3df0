using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>x where x &gt; 0 or x is NaN, else +0.</summary>
public sealed record Relu : UnaryOperator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Relu", 1, OnnxTypes.Numbers, node => node.TypeOf(0).Element is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16
            ? [node.Apply(new Relu(), node[0])]
            : [node.Apply(new Maximum(), node[0], node.ScalarOf(node.TypeOf(0).Element, 0f))])
        { HasGradient = true },
    ];

    public override Type Function => typeof(ReluFunction);

    public override bool OnlyMoves => true;

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        scope.Add(node.Inputs[0], scope.Builder.Apply(new ReluGradient(), node.Output, gradient));
}

/// <summary>The gradient of ReLU by its output y: dy where y &gt; 0, else +0.</summary>
public sealed record ReluGradient : ElementwiseOperator
{
    public override Type Function => typeof(ReluGradientFunction);

    public override bool OnlyMoves => true;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0] == inputs[1], "an output and its gradient, of one type");
        return inputs[0];
    }
}
