using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>ONNX's comparisons; their results are truth values.</summary>
public static class Comparisons
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Equal", 7, OnnxTypes.All, node => [node.Apply(new Equal(), node[0], node[1])]),
        new("Less", 7, OnnxTypes.Numbers, node => [node.Apply(new Less(), node[0], node[1])]),
        new("LessOrEqual", 12, OnnxTypes.Numbers, node => [node.Apply(new LessOrEqual(), node[0], node[1])]),
        new("Greater", 7, OnnxTypes.Numbers, node => [node.Apply(new Greater(), node[0], node[1])]),
        new("GreaterOrEqual", 12, OnnxTypes.Numbers, node => [node.Apply(new GreaterOrEqual(), node[0], node[1])]),
        new("IsNaN", 9, OnnxTypes.Floats, node => [node.Apply(new IsNaN(), node[0])]),
        new("IsInf", 10, OnnxTypes.Floats, Infinity),
    ];

    private static IReadOnlyList<OnnxValue> Infinity(OnnxNode node)
    {
        bool positive = node.Flag("detect_positive", true);
        bool negative = node.Flag("detect_negative", true);
        return positive || negative
            ? [node.Apply(new IsInfinity(positive, negative), node[0])]
            : [node.Apply(new Less(), node[0], node[0])];
    }
}

/// <summary>True where x = y; of any type.</summary>
public sealed record Equal : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(EqualFunction);

    public override ElementType ResultOf(IReadOnlyList<TensorType> inputs) => ElementType.Bool;

    public override Type? WordFunction(ElementType element) => element == ElementType.Float64 ? typeof(EqualFloat64Word) : typeof(EqualWord);
}

/// <summary>True where x &lt; y.</summary>
public sealed record Less : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(LessFunction);

    public override ElementType ResultOf(IReadOnlyList<TensorType> inputs) => ElementType.Bool;

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(LessWord), typeof(LessUnsignedWord), typeof(LessFloat64Word));
}

/// <summary>True where x &lt;= y.</summary>
public sealed record LessOrEqual : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(LessOrEqualFunction);

    public override ElementType ResultOf(IReadOnlyList<TensorType> inputs) => ElementType.Bool;

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(LessOrEqualWord), typeof(LessOrEqualUnsignedWord), typeof(LessOrEqualFloat64Word));
}

/// <summary>True where x &gt; y.</summary>
public sealed record Greater : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(GreaterFunction);

    public override ElementType ResultOf(IReadOnlyList<TensorType> inputs) => ElementType.Bool;

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(GreaterWord), typeof(GreaterUnsignedWord), typeof(GreaterFloat64Word));
}

/// <summary>True where x &gt;= y.</summary>
public sealed record GreaterOrEqual : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(GreaterOrEqualFunction);

    public override ElementType ResultOf(IReadOnlyList<TensorType> inputs) => ElementType.Bool;

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(GreaterOrEqualWord), typeof(GreaterOrEqualUnsignedWord), typeof(GreaterOrEqualFloat64Word));
}

/// <summary>True where x is a NaN.</summary>
public sealed record IsNaN : UnaryOperator
{
    public override Type Function => typeof(IsNaNFunction);

    public override ElementType ResultOf(IReadOnlyList<TensorType> inputs) => ElementType.Bool;

    public override Type? WordFunction(ElementType element) => element == ElementType.Float64 ? typeof(IsNaNFloat64Word) : null;
}

/// <summary>True where x is an infinity of a wanted sign.</summary>
public sealed record IsInfinity(bool Positive = true, bool Negative = true) : UnaryOperator
{
    public override Type Function => Positive ? Negative ? typeof(IsInfinityFunction) : typeof(IsPositiveInfinityFunction) : typeof(IsNegativeInfinityFunction);

    public override Type? WordFunction(ElementType element) => element != ElementType.Float64 ? null
        : !Positive ? typeof(IsNegativeInfinityFloat64Word)
        : Negative ? typeof(IsInfinityFloat64Word) : typeof(IsPositiveInfinityFloat64Word);

    public override ElementType ResultOf(IReadOnlyList<TensorType> inputs) => ElementType.Bool;
}
