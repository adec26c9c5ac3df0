using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>ONNX's activations; their parameters become scalars of the graph.</summary>
public static class Activations
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("LeakyRelu", 6, OnnxTypes.ShortFloats, node => [node.Apply(new LeakyRelu(), node[0], node.Parameter("alpha", 0.01f))]) { HasGradient = true },
        new("PRelu", 7, OnnxTypes.ShortFloats, node => [node.Apply(new LeakyRelu(), node[0], node[1])]) { HasGradient = true },
        new("Elu", 6, OnnxTypes.ShortFloats, node => [node.Apply(new Elu(), node[0], node.Parameter("alpha", 1f))]) { HasGradient = true },
        new("Celu", 12, OnnxTypes.ShortFloats, node => [node.Apply(new Celu(), node[0], node.Parameter("alpha", 1f))]) { HasGradient = true },
        new("Selu", 6, OnnxTypes.ShortFloats, node => [node.Apply(new Selu(), node[0], node.Parameter("alpha", 1.67326324f), node.Parameter("gamma", 1.05070102f))]) { HasGradient = true },
        new("HardSigmoid", 6, OnnxTypes.ShortFloats, node => [node.Apply(new HardSigmoid(), node[0], node.Parameter("alpha", 0.2f), node.Parameter("beta", 0.5f))]) { HasGradient = true },
        new("HardSwish", 14, OnnxTypes.ShortFloats, node => [node.Apply(new HardSwish(), node[0])]) { HasGradient = true },
        new("Softplus", 1, OnnxTypes.ShortFloats, node => [node.Apply(new Softplus(), node[0])]) { HasGradient = true },
        new("Softsign", 1, OnnxTypes.ShortFloats, node => [node.Apply(new Softsign(), node[0])]) { HasGradient = true },
        new("Mish", 18, OnnxTypes.ShortFloats, node => [node.Apply(new Mish(), node[0])]) { HasGradient = true },
        new("Swish", 24, OnnxTypes.ShortFloats, node => [node.Apply(new Swish(), node[0], node.Parameter("alpha", 1f))]) { HasGradient = true },
        new("ThresholdedRelu", 10, OnnxTypes.ShortFloats, node => [node.Apply(new ThresholdedRelu(), node[0], node.Parameter("alpha", 1f))]) { HasGradient = true },
        new("Shrink", 9, OnnxTypes.ShortFloats, node => [node.Apply(new Shrink(), node[0], node.Parameter("bias", 0f), node.Parameter("lambd", 0.5f))]) { HasGradient = true },
    ];
}

/// <summary>x where x &gt;= 0, else slope · x; the slope is the second input.</summary>
public sealed record LeakyRelu : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(LeakyReluFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId zero = BroadcastShape.Scalar(scope, 0f);
        ValueId negative = scope.Builder.Apply(new Less(), node.Inputs[0], zero);
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Where(), negative, scope.Builder.Apply(new Multiply(), gradient, node.Inputs[1]), gradient));
        BroadcastShape.Add(scope, node, 1, () => scope.Builder.Apply(new Where(), negative, scope.Builder.Apply(new Multiply(), gradient, node.Inputs[0]), zero));
    }
}

/// <summary>x where x &gt; 0, else alpha (exp(x) - 1); alpha is the second input.</summary>
public sealed record Elu : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(EluFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId positive = scope.Builder.Apply(new Greater(), node.Inputs[0], BroadcastShape.Scalar(scope, 0f));
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Where(), positive, gradient, scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Add(), node.Output, node.Inputs[1]))));
    }
}

/// <summary>max(x, 0) + min(0, alpha (exp(x / alpha) - 1)); alpha is the second input.</summary>
public sealed record Celu : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(CeluFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId positive = scope.Builder.Apply(new Greater(), node.Inputs[0], BroadcastShape.Scalar(scope, 0f));
        ValueId slope = scope.Builder.Apply(new Exponential(), scope.Builder.Apply(new Divide(), node.Inputs[0], node.Inputs[1]));
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Where(), positive, gradient, scope.Builder.Apply(new Multiply(), gradient, slope)));
    }
}

/// <summary>gamma x where x &gt; 0, else gamma alpha (exp(x) - 1); inputs x, alpha, gamma.</summary>
public sealed record Selu : BroadcastOperator
{
    public override int Arity => 3;

    public override Type Function => typeof(SeluFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId positive = scope.Builder.Apply(new Greater(), node.Inputs[0], BroadcastShape.Scalar(scope, 0f));
        ValueId lower = scope.Builder.Apply(new Add(), node.Output, scope.Builder.Apply(new Multiply(), node.Inputs[1], node.Inputs[2]));
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Where(), positive, node.Inputs[2], lower)));
    }
}

/// <summary>max(0, min(1, alpha x + beta)); inputs x, alpha, beta.</summary>
public sealed record HardSigmoid : BroadcastOperator
{
    public override int Arity => 3;

    public override Type Function => typeof(HardSigmoidFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId inside = scope.Builder.Apply(new And(), scope.Builder.Apply(new Greater(), node.Output, BroadcastShape.Scalar(scope, 0f)), scope.Builder.Apply(new Less(), node.Output, BroadcastShape.Scalar(scope, 1f)));
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Where(), inside, scope.Builder.Apply(new Multiply(), gradient, node.Inputs[1]), BroadcastShape.Scalar(scope, 0f)));
    }
}

/// <summary>x max(0, min(1, x / 6 + 1/2)).</summary>
public sealed record HardSwish : UnaryOperator
{
    public override Type Function => typeof(HardSwishFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId x = node.Inputs[0];
        ValueId slope = scope.Builder.Apply(new Add(), scope.Builder.Apply(new Multiply(), x, BroadcastShape.Scalar(scope, 1f / 3f)), BroadcastShape.Scalar(scope, 0.5f));
        ValueId upper = scope.Builder.Apply(new Where(), scope.Builder.Apply(new GreaterOrEqual(), x, BroadcastShape.Scalar(scope, 3f)), BroadcastShape.Scalar(scope, 1f), slope);
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Where(), scope.Builder.Apply(new LessOrEqual(), x, BroadcastShape.Scalar(scope, -3f)), BroadcastShape.Scalar(scope, 0f), upper)));
    }
}

/// <summary>log(1 + exp(x)).</summary>
public sealed record Softplus : UnaryOperator
{
    public override Type Function => typeof(SoftplusFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Sigmoid(), node.Inputs[0])));
}

/// <summary>x / (1 + |x|).</summary>
public sealed record Softsign : UnaryOperator
{
    public override Type Function => typeof(SoftsignFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Divide(), gradient, scope.Builder.Apply(new Square(), scope.Builder.Apply(new Add(), scope.Builder.Apply(new Absolute(), node.Inputs[0]), BroadcastShape.Scalar(scope, 1f)))));
}

/// <summary>x tanh(log(1 + exp(x))).</summary>
public sealed record Mish : UnaryOperator
{
    public override Type Function => typeof(MishFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId x = node.Inputs[0];
        ValueId tanh = scope.Builder.Apply(new HyperbolicTangent(), scope.Builder.Apply(new Softplus(), x));
        ValueId slope = scope.Builder.Apply(new Multiply(), scope.Builder.Apply(new Subtract(), BroadcastShape.Scalar(scope, 1f), scope.Builder.Apply(new Multiply(), tanh, tanh)), scope.Builder.Apply(new Sigmoid(), x));
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Add(), tanh, scope.Builder.Apply(new Multiply(), x, slope))));
    }
}

/// <summary>x sigmoid(alpha x); alpha is the second input.</summary>
public sealed record Swish : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(SwishFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId s = scope.Builder.Apply(new Sigmoid(), scope.Builder.Apply(new Multiply(), node.Inputs[0], node.Inputs[1]));
        ValueId slope = scope.Builder.Apply(new Multiply(), scope.Builder.Apply(new Multiply(), node.Output, node.Inputs[1]), scope.Builder.Apply(new Subtract(), BroadcastShape.Scalar(scope, 1f), s));
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Add(), s, slope)));
    }
}

/// <summary>x where x &gt; alpha, else 0; alpha is the second input.</summary>
public sealed record ThresholdedRelu : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(ThresholdedReluFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Where(), scope.Builder.Apply(new Greater(), node.Inputs[0], node.Inputs[1]), gradient, BroadcastShape.Scalar(scope, 0f)));
}

/// <summary>x + bias below -limit, x - bias above limit, else 0; inputs x, bias, limit.</summary>
public sealed record Shrink : BroadcastOperator
{
    public override int Arity => 3;

    public override Type Function => typeof(ShrinkFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Where(), scope.Builder.Apply(new Greater(), scope.Builder.Apply(new Absolute(), node.Inputs[0]), node.Inputs[2]), gradient, BroadcastShape.Scalar(scope, 0f)));
}
