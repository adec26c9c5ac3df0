using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>ONNX's logic and selection.</summary>
public static class Logic
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("And", 7, OnnxTypes.Bool, node => [node.Apply(new And(), node[0], node[1])]),
        new("Or", 7, OnnxTypes.Bool, node => [node.Apply(new Or(), node[0], node[1])]),
        new("Xor", 7, OnnxTypes.Bool, node => [node.Apply(new ExclusiveOr(), node[0], node[1])]),
        new("Not", 1, OnnxTypes.Bool, node => [node.Apply(new Not(), node[0])]),
        new("BitwiseAnd", 18, OnnxTypes.Integers, node => [node.Apply(new And(), node[0], node[1])]),
        new("BitwiseOr", 18, OnnxTypes.Integers, node => [node.Apply(new Or(), node[0], node[1])]),
        new("BitwiseXor", 18, OnnxTypes.Integers, node => [node.Apply(new ExclusiveOr(), node[0], node[1])]),
        new("BitwiseNot", 18, OnnxTypes.Integers, node => [node.Apply(new BitwiseNot(), node[0])]),
        new("Where", 9, OnnxTypes.Bool, node => [node.Apply(new Where(), node[0], node[1], node[2])]) { HasGradient = true },
    ];
}

/// <summary>Bit by bit; of truth values: both.</summary>
public sealed record And : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(BitwiseAndFunction);

    public override bool IsProgram(ElementType element) => !element.IsFloat() && element.WordsPerElement() == 1;

    public override Type? WordFunction(ElementType element) => typeof(AndWord);
}

/// <summary>Bit by bit; of truth values: at least one.</summary>
public sealed record Or : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(BitwiseOrFunction);

    public override bool IsProgram(ElementType element) => !element.IsFloat() && element.WordsPerElement() == 1;

    public override Type? WordFunction(ElementType element) => typeof(OrWord);
}

/// <summary>Bit by bit; of truth values: exactly one.</summary>
public sealed record ExclusiveOr : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(BitwiseXorFunction);

    public override bool IsProgram(ElementType element) => !element.IsFloat() && element.WordsPerElement() == 1;

    public override Type? WordFunction(ElementType element) => typeof(XorWord);
}

/// <summary>Of truth values: whether it is false.</summary>
public sealed record Not : UnaryOperator
{
    public override Type Function => typeof(NotFunction);

    public override bool IsProgram(ElementType element) => element == ElementType.Bool;
}

/// <summary>The complement of an integer, bit by bit.</summary>
public sealed record BitwiseNot : UnaryOperator
{
    public override Type Function => throw new InvalidOperationException("a complement is a function of words");

    public override bool IsProgram(ElementType element) => false;

    public override Type? WordFunction(ElementType element) => element.IsInteger() ? typeof(ComplementWord) : null;
}

/// <summary>Unsigned integers shifted by y bits.</summary>
public sealed record BitShift(bool IsLeft) : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => throw new InvalidOperationException("a shift is a function of words");

    public override bool IsProgram(ElementType element) => false;

    public override Type? WordFunction(ElementType element) => element.IsInteger() ? IsLeft ? typeof(ShiftLeftWord) : typeof(ShiftRightWord) : null;
}

/// <summary>x where the first input is true, else y.</summary>
public sealed record Where : BroadcastOperator
{
    public override int Arity => 3;

    public override Type Function => typeof(WhereFunction);

    public override bool IsProgram(ElementType element) => element.WordsPerElement() == 1;

    public override Type? WordFunction(ElementType element) => typeof(WhereWord);

    public override int TypedInput => 1;

    public override bool Accepts(IReadOnlyList<TensorType> inputs) =>
        inputs[0].Element == ElementType.Bool && inputs[1].Element == inputs[2].Element;

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ValueId zero = BroadcastShape.Scalar(scope, 0f);
        BroadcastShape.Add(scope, node, 1, () => scope.Builder.Apply(new Where(), node.Inputs[0], gradient, zero));
        BroadcastShape.Add(scope, node, 2, () => scope.Builder.Apply(new Where(), node.Inputs[0], zero, gradient));
    }
}
