using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>ONNX's arithmetic on the operators of this file and their like.</summary>
public static class Arithmetic
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Add", 7, OnnxTypes.Numbers, node => [node.Apply(new Add(), node[0], node[1])]) { HasGradient = true },
        new("Sub", 7, OnnxTypes.Numbers, node => [node.Apply(new Subtract(), node[0], node[1])]) { HasGradient = true },
        new("Mul", 7, OnnxTypes.Numbers, node => [node.Apply(new Multiply(), node[0], node[1])]) { HasGradient = true },
        new("Div", 7, OnnxTypes.Numbers, node => [node.Apply(new Divide(), node[0], node[1])]) { HasGradient = true },
        new("Pow", 7, OnnxTypes.Numbers, Pow) { HasGradient = true },
        new("Mod", 10, OnnxTypes.Numbers, Mod) { HasGradient = true },
        new("Max", 6, OnnxTypes.Numbers, node => [Fold(node, new Maximum())]) { HasGradient = true },
        new("Min", 6, OnnxTypes.Numbers, node => [Fold(node, new Minimum())]) { HasGradient = true },
        new("Sum", 6, OnnxTypes.Floats, node => [Fold(node, new Add())]) { HasGradient = true },
        new("Mean", 6, OnnxTypes.Floats, Mean) { HasGradient = true },
        new("Clip", 6, OnnxTypes.Numbers, ClipTo) { HasGradient = true },
        new("BitShift", 11, OnnxTypes.Integers, Shift),
    ];

    private static ValueId Fold(OnnxNode node, Operator op)
    {
        ValueId result = node[0];
        for (int i = 1; i < node.InputCount; i++)
        {
            result = node.Apply(op, result, node[i]);
        }

        return result;
    }

    private static IReadOnlyList<OnnxValue> Mean(OnnxNode node)
    {
        ValueId count = node.Constant(HostTensor.Scalar((float)node.InputCount));
        ElementType element = node.TypeOf(0).Element;
        count = element == ElementType.Float32 ? count : node.Apply(new Cast(element), count);
        return [node.Apply(new Divide(), Fold(node, new Add()), count)];
    }

    /// <summary>The exponent may be of any type: with a float base or exponent both are computed as floats.</summary>
    private static IReadOnlyList<OnnxValue> Pow(OnnxNode node)
    {
        ElementType result = node.TypeOf(0).Element;
        ElementType exponent = node.TypeOf(1).Element;
        if (result == exponent || (result.IsInteger() && exponent.IsInteger()))
        {
            return [node.Apply(new Power(), node[0], result == exponent ? node[1] : node.Apply(new Cast(result), node[1]))];
        }

        ElementType common = result.IsFloat() ? result : exponent;
        ValueId power = node.Apply(
            new Power(),
            result == common ? node[0] : node.Apply(new Cast(common), node[0]),
            exponent == common ? node[1] : node.Apply(new Cast(common), node[1]));
        return [result == common ? power : node.Apply(new Cast(result), power)];
    }

    private static IReadOnlyList<OnnxValue> Mod(OnnxNode node) => [node.Apply(new Modulo(node.Flag("fmod")), node[0], node[1])];

    /// <summary>Bounds are attributes up to opset 10 and inputs from 11 on; either may be left out.</summary>
    private static IReadOnlyList<OnnxValue> ClipTo(OnnxNode node)
    {
        ValueId x = node[0];
        bool hasLow = node.HasInput(1);
        bool hasHigh = node.HasInput(2);
        ValueId low = hasLow ? node[1] : default;
        ValueId high = hasHigh ? node[2] : default;
        if (node.Opset < 11)
        {
            hasLow = node.HasAttribute("min");
            hasHigh = node.HasAttribute("max");
            ElementType element = node.TypeOf(0).Element;
            low = hasLow ? node.ScalarOf(element, node.Float("min", 0f)) : default;
            high = hasHigh ? node.ScalarOf(element, node.Float("max", 0f)) : default;
        }

        x = hasLow && !hasHigh ? node.Apply(new Maximum(), x, low) : x;
        x = hasHigh && !hasLow ? node.Apply(new Minimum(), x, high) : x;
        return [hasLow && hasHigh ? node.Apply(new Clip(), x, low, high) : x];
    }

    private static IReadOnlyList<OnnxValue> Shift(OnnxNode node) =>
        [node.Apply(new BitShift(IsLeft: node.Text("direction", string.Empty) == "LEFT"), node[0], node[1])];
}

/// <summary>x - y; integers wrap.</summary>
public sealed record Subtract : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(SubFunction);

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(SubWord), typeof(SubWord), typeof(SubFloat64Word));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        BroadcastShape.Add(scope, node, 0, () => gradient);
        BroadcastShape.Add(scope, node, 1, () => scope.Builder.Apply(new Negate(), gradient));
    }
}

/// <summary>x · y; integers wrap.</summary>
public sealed record Multiply : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(MulFunction);

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(MulWord), typeof(MulWord), typeof(MulFloat64Word));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Multiply(), gradient, node.Inputs[1]));
        BroadcastShape.Add(scope, node, 1, () => scope.Builder.Apply(new Multiply(), gradient, node.Inputs[0]));
    }
}

/// <summary>x / y; of integers the quotient cut towards zero, and 0 where y = 0.</summary>
public sealed record Divide : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(DivFunction);

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(DivWord), typeof(DivUnsignedWord), typeof(DivFloat64Word));

    /// <summary>Exponentials by their sum are a softmax: one pass over each row, with the same bits.</summary>
    public override void Lower(StageLowering lowering, Node node)
    {
        if (!SoftmaxPattern.TryLower(lowering, node))
        {
            base.Lower(lowering, node);
        }
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Divide(), gradient, node.Inputs[1]));
        BroadcastShape.Add(scope, node, 1, () => scope.Builder.Apply(new Negate(), scope.Builder.Apply(new Divide(), scope.Builder.Apply(new Multiply(), gradient, node.Output), node.Inputs[1])));
    }
}

/// <summary>x^y of two floats or two integers; integer powers wrap.</summary>
public sealed record Power : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(PowFunction);

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(PowWord), typeof(PowWord), null);

    /// <summary>dx = dz · y · x^(y - 1), and 0 where y = 0; dy = dz · z · log x, and 0 where x = 0 and y is not negative.</summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId Apply(Operator op, params ReadOnlySpan<ValueId> inputs) => scope.Builder.Apply(op, inputs);
        (ValueId x, ValueId y) = (node.Inputs[0], node.Inputs[1]);
        ValueId zero = Ordinals.Fill(scope.Builder, TensorType.Whole(scope.Builder[x].Element), 0f);
        BroadcastShape.Add(scope, node, 0, () =>
        {
            ValueId one = Ordinals.Fill(scope.Builder, TensorType.Whole(scope.Builder[x].Element), 1f);
            ValueId slope = Apply(new Multiply(), y, Apply(new Power(), x, Apply(new Subtract(), y, one)));
            return Apply(new Where(), Apply(new Equal(), y, zero), zero, Apply(new Multiply(), gradient, slope));
        });
        BroadcastShape.Add(scope, node, 1, () =>
        {
            ValueId isFlat = Apply(new And(), Apply(new Equal(), x, zero), Apply(new GreaterOrEqual(), y, zero));
            ValueId slope = Apply(new Multiply(), node.Output, Apply(new Logarithm(), x));
            return Apply(new Where(), isFlat, zero, Apply(new Multiply(), gradient, slope));
        });
    }
}

/// <summary>The larger; NaN if either is. Where they are equal the gradient goes to x.</summary>
public sealed record Maximum : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(MaxFunction);

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(MaxWord), typeof(MaxUnsignedWord), typeof(MaxFloat64Word));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId zero = BroadcastShape.Scalar(scope, 0f);
        ValueId first = scope.Builder.Apply(new GreaterOrEqual(), node.Inputs[0], node.Inputs[1]);
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Where(), first, gradient, zero));
        BroadcastShape.Add(scope, node, 1, () => scope.Builder.Apply(new Where(), first, zero, gradient));
    }
}

/// <summary>The smaller; NaN if either is. Where they are equal the gradient goes to x.</summary>
public sealed record Minimum : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(MinFunction);

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(MinWord), typeof(MinUnsignedWord), typeof(MinFloat64Word));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId zero = BroadcastShape.Scalar(scope, 0f);
        ValueId first = scope.Builder.Apply(new LessOrEqual(), node.Inputs[0], node.Inputs[1]);
        BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Where(), first, gradient, zero));
        BroadcastShape.Add(scope, node, 1, () => scope.Builder.Apply(new Where(), first, zero, gradient));
    }
}

/// <summary>The remainder of x / y with the sign of y; as C's fmod (IsC) with the sign of x. Exact; of integers 0 where y = 0.</summary>
public sealed record Modulo(bool IsC) : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => throw new InvalidOperationException("a remainder is a function of words");

    public override bool IsProgram(ElementType element) => false;

    public override Type? WordFunction(ElementType element) => element switch
    {
        ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16 => IsC ? typeof(RemFloat32Word) : typeof(ModFloat32Word),
        ElementType.Float64 => IsC ? typeof(RemFloat64Word) : null,
        ElementType.UInt64 => typeof(ModUnsignedWord),
        _ => Pick(element, IsC ? typeof(RemWord) : typeof(ModWord), null, null),
    };

    /// <summary>dx = dz, dy = -dz · q, q being the whole number (x - z) / y; where z is continuous.</summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        GraphBuilder builder = scope.Builder;
        BroadcastShape.Add(scope, node, 0, () => gradient);
        BroadcastShape.Add(scope, node, 1, () =>
        {
            ValueId quotient = builder.Apply(new Round(), builder.Apply(new Divide(), builder.Apply(new Subtract(), node.Inputs[0], node.Output), node.Inputs[1]));
            return builder.Apply(new Negate(), builder.Apply(new Multiply(), gradient, quotient));
        });
    }
}

/// <summary>min(max(x, low), high); a NaN stays. At a bound the gradient goes to x.</summary>
public sealed record Clip : BroadcastOperator
{
    public override int Arity => 3;

    public override Type Function => typeof(ClipFunction);

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(ClipWord), typeof(ClipUnsignedWord), typeof(ClipFloat64Word));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId Apply(Operator op, params ReadOnlySpan<ValueId> inputs) => scope.Builder.Apply(op, inputs);
        (ValueId x, ValueId low, ValueId high) = (node.Inputs[0], node.Inputs[1], node.Inputs[2]);
        ValueId zero = BroadcastShape.Scalar(scope, 0f);
        ValueId isHeld = Apply(new Greater(), Apply(new Maximum(), x, low), high);
        ValueId isRaised = Apply(new Less(), x, low);
        ValueId below = Apply(new Where(), isHeld, zero, gradient);
        BroadcastShape.Add(scope, node, 0, () => Apply(new Where(), isRaised, zero, below));
        BroadcastShape.Add(scope, node, 1, () => Apply(new Where(), isRaised, below, zero));
        BroadcastShape.Add(scope, node, 2, () => Apply(new Where(), isHeld, gradient, zero));
    }
}
