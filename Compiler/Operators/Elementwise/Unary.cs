using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>ONNX's functions of one number.</summary>
public static class Unary
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Neg", 6, OnnxTypes.Numbers, node => [node.Apply(new Negate(), node[0])]) { HasGradient = true },
        new("Abs", 6, OnnxTypes.Numbers, node => [node.Apply(new Absolute(), node[0])]) { HasGradient = true },
        new("Sign", 9, OnnxTypes.Numbers, node => [node.Apply(new Sign(), node[0])]) { HasGradient = true },
        new("Reciprocal", 6, OnnxTypes.Floats, node => [node.Apply(new Reciprocal(), node[0])]) { HasGradient = true },
        new("Sqrt", 6, OnnxTypes.Floats, node => [node.Apply(new SquareRoot(), node[0])]) { HasGradient = true },
        new("Floor", 6, OnnxTypes.ShortFloats, node => [node.Apply(new Floor(), node[0])]) { HasGradient = true },
        new("Ceil", 6, OnnxTypes.ShortFloats, node => [node.Apply(new Ceiling(), node[0])]) { HasGradient = true },
        new("Round", 11, OnnxTypes.ShortFloats, node => [node.Apply(new Round(), node[0])]) { HasGradient = true },
        new("Exp", 6, OnnxTypes.Floats, node => [node.Apply(new Exponential(), node[0])]) { HasGradient = true },
        new("Log", 6, OnnxTypes.Floats, node => [node.Apply(new Logarithm(), node[0])]) { HasGradient = true },
        new("Erf", 9, OnnxTypes.ShortFloats, node => [node.Apply(new ErrorFunction(), node[0])]) { HasGradient = true },
        new("Tanh", 6, OnnxTypes.ShortFloats, node => [node.Apply(new HyperbolicTangent(), node[0])]) { HasGradient = true },
        new("Sin", 7, OnnxTypes.ShortFloats, node => [node.Apply(new Sine(), node[0])]) { HasGradient = true },
        new("Cos", 7, OnnxTypes.ShortFloats, node => [node.Apply(new Cosine(), node[0])]) { HasGradient = true },
        new("Tan", 7, OnnxTypes.ShortFloats, node => [node.Apply(new Tangent(), node[0])]) { HasGradient = true },
        new("Asin", 7, OnnxTypes.ShortFloats, node => [node.Apply(new ArcSine(), node[0])]) { HasGradient = true },
        new("Acos", 7, OnnxTypes.ShortFloats, node => [node.Apply(new ArcCosine(), node[0])]) { HasGradient = true },
        new("Atan", 7, OnnxTypes.ShortFloats, node => [node.Apply(new ArcTangent(), node[0])]) { HasGradient = true },
        new("Sinh", 9, OnnxTypes.ShortFloats, node => [node.Apply(new HyperbolicSine(), node[0])]) { HasGradient = true },
        new("Cosh", 9, OnnxTypes.ShortFloats, node => [node.Apply(new HyperbolicCosine(), node[0])]) { HasGradient = true },
        new("Asinh", 9, OnnxTypes.ShortFloats, node => [node.Apply(new ArcHyperbolicSine(), node[0])]) { HasGradient = true },
        new("Acosh", 9, OnnxTypes.ShortFloats, node => [node.Apply(new ArcHyperbolicCosine(), node[0])]) { HasGradient = true },
        new("Atanh", 9, OnnxTypes.ShortFloats, node => [node.Apply(new ArcHyperbolicTangent(), node[0])]) { HasGradient = true },
    ];
}

/// <summary>An elementwise operator of one input.</summary>
public abstract record UnaryOperator : BroadcastOperator
{
    public override int Arity => 1;
}

/// <summary>Functions that are flat between steps: their gradient is 0.</summary>
internal static class Steps
{
    public static void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, BroadcastShape.Scalar(scope, 0f)));
}

/// <summary>-x; integers wrap.</summary>
public sealed record Negate : UnaryOperator
{
    public override Type Function => typeof(NegFunction);

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(NegWord), typeof(NegWord), typeof(NegFloat64Word));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Negate(), gradient));
}

/// <summary>|x|; its gradient at 0 is 0.</summary>
public sealed record Absolute : UnaryOperator
{
    public override Type Function => typeof(AbsFunction);

    public override Type? WordFunction(ElementType element) => element == ElementType.UInt64 ? typeof(CopyWord) : Pick(element, typeof(AbsWord), typeof(AbsWord), typeof(AbsFloat64Word));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Sign(), node.Inputs[0])));
}

/// <summary>-1, 0 or +1; NaN of NaN.</summary>
public sealed record Sign : UnaryOperator
{
    public override Type Function => typeof(SignFunction);

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(SignWord), typeof(SignUnsignedWord), typeof(SignFloat64Word));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, BroadcastShape.Scalar(scope, 0f)));
}

/// <summary>1 / x.</summary>
public sealed record Reciprocal : UnaryOperator
{
    public override Type Function => typeof(ReciprocalFunction);

    public override Type? WordFunction(ElementType element) => element == ElementType.Float64 ? typeof(ReciprocalFloat64Word) : null;

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Negate(), scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Multiply(), node.Output, node.Output))));
}

/// <summary>The square root.</summary>
public sealed record SquareRoot : UnaryOperator
{
    public override Type Function => typeof(SqrtFunction);

    public override Type? WordFunction(ElementType element) => element == ElementType.Float64 ? typeof(SqrtFloat64Word) : null;

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Divide(), gradient, scope.Builder.Apply(new Multiply(), node.Output, BroadcastShape.Scalar(scope, 2f))));
}

/// <summary>x².</summary>
public sealed record Square : UnaryOperator
{
    public override Type Function => typeof(SquareFunction);

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(MulWord), typeof(MulWord), typeof(MulFloat64Word));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Multiply(), node.Inputs[0], BroadcastShape.Scalar(scope, 2f))));
}

/// <summary>The largest integer not above x.</summary>
public sealed record Floor : UnaryOperator
{
    public override Type Function => typeof(FloorFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) => Steps.Differentiate(scope, node, gradient);
}

/// <summary>The smallest integer not below x.</summary>
public sealed record Ceiling : UnaryOperator
{
    public override Type Function => typeof(CeilFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) => Steps.Differentiate(scope, node, gradient);
}

/// <summary>The integer next to x, of two the even one.</summary>
public sealed record Round : UnaryOperator
{
    public override Type Function => typeof(RoundEvenFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) => Steps.Differentiate(scope, node, gradient);
}

/// <summary>exp(x).</summary>
public sealed record Exponential : UnaryOperator
{
    public override Type Function => typeof(ExpFunction);

    public override Type? WordFunction(ElementType element) => element == ElementType.Float64 ? typeof(ExpFloat64Word) : null;

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, node.Output));
}

/// <summary>log(x).</summary>
public sealed record Logarithm : UnaryOperator
{
    public override Type Function => typeof(LogFunction);

    public override Type? WordFunction(ElementType element) => element == ElementType.Float64 ? typeof(LogFloat64Word) : null;

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Divide(), gradient, node.Inputs[0]));
}

/// <summary>erf(x).</summary>
public sealed record ErrorFunction : UnaryOperator
{
    public override Type Function => typeof(ErfFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Multiply(), scope.Builder.Apply(new Exponential(), scope.Builder.Apply(new Negate(), scope.Builder.Apply(new Multiply(), node.Inputs[0], node.Inputs[0]))), BroadcastShape.Scalar(scope, 1.12837917f))));
}

/// <summary>tanh(x).</summary>
public sealed record HyperbolicTangent : UnaryOperator
{
    public override Type Function => typeof(TanhFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Subtract(), BroadcastShape.Scalar(scope, 1f), scope.Builder.Apply(new Multiply(), node.Output, node.Output))));
}

/// <summary>sin(x), x in radians.</summary>
public sealed record Sine : UnaryOperator
{
    public override Type Function => typeof(SinFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Cosine(), node.Inputs[0])));
}

/// <summary>cos(x), x in radians.</summary>
public sealed record Cosine : UnaryOperator
{
    public override Type Function => typeof(CosFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Negate(), scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Sine(), node.Inputs[0]))));
}

/// <summary>tan(x), x in radians.</summary>
public sealed record Tangent : UnaryOperator
{
    public override Type Function => typeof(TanFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new Add(), scope.Builder.Apply(new Multiply(), node.Output, node.Output), BroadcastShape.Scalar(scope, 1f))));
}

/// <summary>asin(x), in radians.</summary>
public sealed record ArcSine : UnaryOperator
{
    public override Type Function => typeof(AsinFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Divide(), gradient, scope.Builder.Apply(new SquareRoot(), scope.Builder.Apply(new Subtract(), BroadcastShape.Scalar(scope, 1f), scope.Builder.Apply(new Multiply(), node.Inputs[0], node.Inputs[0])))));
}

/// <summary>acos(x), in radians.</summary>
public sealed record ArcCosine : UnaryOperator
{
    public override Type Function => typeof(AcosFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Negate(), scope.Builder.Apply(new Divide(), gradient, scope.Builder.Apply(new SquareRoot(), scope.Builder.Apply(new Subtract(), BroadcastShape.Scalar(scope, 1f), scope.Builder.Apply(new Multiply(), node.Inputs[0], node.Inputs[0]))))));
}

/// <summary>atan(x), in radians.</summary>
public sealed record ArcTangent : UnaryOperator
{
    public override Type Function => typeof(AtanFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Divide(), gradient, scope.Builder.Apply(new Add(), scope.Builder.Apply(new Multiply(), node.Inputs[0], node.Inputs[0]), BroadcastShape.Scalar(scope, 1f))));
}

/// <summary>sinh(x).</summary>
public sealed record HyperbolicSine : UnaryOperator
{
    public override Type Function => typeof(SinhFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new HyperbolicCosine(), node.Inputs[0])));
}

/// <summary>cosh(x).</summary>
public sealed record HyperbolicCosine : UnaryOperator
{
    public override Type Function => typeof(CoshFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, scope.Builder.Apply(new HyperbolicSine(), node.Inputs[0])));
}

/// <summary>asinh(x).</summary>
public sealed record ArcHyperbolicSine : UnaryOperator
{
    public override Type Function => typeof(AsinhFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Divide(), gradient, scope.Builder.Apply(new SquareRoot(), scope.Builder.Apply(new Add(), scope.Builder.Apply(new Multiply(), node.Inputs[0], node.Inputs[0]), BroadcastShape.Scalar(scope, 1f)))));
}

/// <summary>acosh(x).</summary>
public sealed record ArcHyperbolicCosine : UnaryOperator
{
    public override Type Function => typeof(AcoshFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Divide(), gradient, scope.Builder.Apply(new SquareRoot(), scope.Builder.Apply(new Subtract(), scope.Builder.Apply(new Multiply(), node.Inputs[0], node.Inputs[0]), BroadcastShape.Scalar(scope, 1f)))));
}

/// <summary>atanh(x).</summary>
public sealed record ArcHyperbolicTangent : UnaryOperator
{
    public override Type Function => typeof(AtanhFunction);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Divide(), gradient, scope.Builder.Apply(new Subtract(), BroadcastShape.Scalar(scope, 1f), scope.Builder.Apply(new Multiply(), node.Inputs[0], node.Inputs[0]))));
}
