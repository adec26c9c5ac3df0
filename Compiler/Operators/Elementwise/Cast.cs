using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// The elements as another type. To a float: to nearest even. To an integer: towards zero, then the lower bits that the type keeps;
/// beyond 64 bits the nearest there is, 0 of a NaN. To a truth value: whether it is not 0.
/// </summary>
public sealed record Cast(ElementType To) : UnaryOperator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Cast", 6, OnnxTypes.All, ByAttribute) { HasGradient = true },
        new("CastLike", 15, OnnxTypes.All, Like) { HasGradient = true },
        new("BitCast", 26, OnnxTypes.All, Bits),
    ];

    public override Type Function => throw new InvalidOperationException("a cast is a function of words");

    public override bool IsProgram(ElementType element) => false;

    public override ElementType ResultOf(IReadOnlyList<TensorType> inputs) => To;

    public override Type? WordFunction(ElementType element)
    {
        if (element == To)
        {
            return typeof(CopyWord);
        }

        return element switch
        {
            ElementType.Float64 => FromFloat64(To),
            _ when element.IsFloat() => FromFloat32(To),
            ElementType.UInt64 => FromInteger(To, typeof(UnsignedToFloat32Word), typeof(UnsignedToFloat64Word)),
            _ => FromInteger(To, typeof(IntegerToFloat32Word), typeof(IntegerToFloat64Word)),
        };
    }

    /// <summary>Between floats only: integers and truths go in steps, so nothing passes them.</summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        ElementType from = scope.Builder[node.Inputs[0]].Element;
        if (from.IsFloat() && To.IsFloat())
        {
            BroadcastShape.Add(scope, node, 0, () => scope.Builder.Apply(new Cast(from), gradient));
        }
    }

    private static Type FromFloat32(ElementType to) => to switch
    {
        ElementType.Float32 => typeof(CopyWord),
        ElementType.Float16 => typeof(RoundToFloat16Word),
        ElementType.BFloat16 => typeof(RoundToBFloat16Word),
        ElementType.Float64 => typeof(Float32ToFloat64Word),
        ElementType.Bool => typeof(Float32ToBoolWord),
        ElementType.UInt64 => typeof(Float32ToUnsignedWord),
        _ => typeof(Float32ToIntegerWord),
    };

    private static Type FromFloat64(ElementType to) => to switch
    {
        ElementType.Float32 => typeof(Float64ToFloat32Word),
        ElementType.Float16 => typeof(ThenWord<Float64ToFloat32Word, RoundToFloat16Word>),
        ElementType.BFloat16 => typeof(ThenWord<Float64ToFloat32Word, RoundToBFloat16Word>),
        ElementType.Bool => typeof(Float64ToBoolWord),
        ElementType.UInt64 => typeof(Float64ToUnsignedWord),
        _ => typeof(Float64ToIntegerWord),
    };

    private static Type FromInteger(ElementType to, Type float32, Type float64) => to switch
    {
        ElementType.Float32 => float32,
        ElementType.Float16 => typeof(ThenWord<,>).MakeGenericType(float32, typeof(RoundToFloat16Word)),
        ElementType.BFloat16 => typeof(ThenWord<,>).MakeGenericType(float32, typeof(RoundToBFloat16Word)),
        ElementType.Float64 => float64,
        _ => typeof(CopyWord),
    };

    private static IReadOnlyList<OnnxValue> ByAttribute(OnnxNode node)
    {
        // Both concern 8-bit floats only, which are refused.
        node.Ignore("saturate", "round_mode");
        ElementType to = node.TypeAttribute("to") ?? throw node.Unsupported("an attribute to", "none");
        return [node.Apply(new Cast(to), node[0])];
    }

    private static IReadOnlyList<OnnxValue> Like(OnnxNode node)
    {
        node.Ignore("saturate", "round_mode");
        return [node.Apply(new Cast(node.TypeOf(1).Element), node[0])];
    }

    private static IReadOnlyList<OnnxValue> Bits(OnnxNode node)
    {
        ElementType from = node.TypeOf(0).Element;
        ElementType to = node.TypeAttribute("to") ?? throw node.Unsupported("an attribute to", "none");
        bool isHalf = from is ElementType.Float16 or ElementType.BFloat16 || to is ElementType.Float16 or ElementType.BFloat16;
        return from.Bits() == to.Bits() && (!isHalf || from == to)
            ? [node.Apply(new Reinterpret(to), node[0])]
            : throw node.Unsupported($"a type of {from.Bits()} bits, other than 16-bit floats", $"{to}");
    }
}

/// <summary>The bits of the elements as another type of the same size.</summary>
public sealed record Reinterpret(ElementType To) : UnaryOperator
{
    public override Type Function => throw new InvalidOperationException("a copy of words");

    public override bool IsProgram(ElementType element) => false;

    public override ElementType ResultOf(IReadOnlyList<TensorType> inputs) => To;

    public override Type? WordFunction(ElementType element) => element.Bits() == To.Bits() ? typeof(CopyWord) : null;
}

/// <summary>Parameters of ONNX operators as values of the graph.</summary>
internal static class OnnxScalars
{
    /// <summary>A float attribute as a scalar of the first input's type.</summary>
    public static ValueId Parameter(this OnnxNode node, string name, float otherwise) =>
        node.ScalarOf(node.TypeOf(0).Element, node.Float(name, otherwise));

    /// <summary>A number as a scalar of a type.</summary>
    public static ValueId ScalarOf(this OnnxNode node, ElementType element, float value)
    {
        ValueId scalar = node.Constant(HostTensor.Scalar(value));
        return element == ElementType.Float32 ? scalar : node.Apply(new Cast(element), scalar);
    }
}
