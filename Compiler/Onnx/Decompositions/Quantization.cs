using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>Integers as scaled floats: y = saturate(round(x / scale) + zero point), and back.</summary>
public static class Quantization
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("QuantizeLinear", 10, [.. OnnxTypes.Floats, ElementType.Int32], Quantize),
        new("DequantizeLinear", 10, OnnxTypes.StoredIntegers, Dequantize) { HasGradient = true },
        new("DynamicQuantizeLinear", 11, [ElementType.Float32], QuantizeByRange),
        new("QLinearMatMul", 10, OnnxTypes.Integers, MatMulOfScaled),
    ];

    private static IReadOnlyList<OnnxValue> Quantize(OnnxNode node)
    {
        node.Ignore("saturate");
        TensorType type = node.TypeOf(0);
        ElementType to = node.TypeAttribute("output_dtype") ?? (node.HasInput(2) ? node.TypeOf(2).Element : ElementType.UInt8);
        ElementType precision = node.TypeAttribute("precision") ?? node.TypeOf(1).Element;
        if (!to.IsInteger())
        {
            throw node.Unsupported("an integer type", to.ShortName());
        }

        ValueId scale = Spread(node, node[1], type);
        ValueId scaled = node.Over(node.As(node[0], precision), node.As(scale, precision));
        return [Saturated(node, scaled, node.HasInput(2) ? Spread(node, node[2], type) : null, to)];
    }

    private static IReadOnlyList<OnnxValue> Dequantize(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        ElementType to = node.TypeAttribute("output_dtype") ?? node.TypeOf(1).Element;
        ElementType computed = to == ElementType.Float64 ? to : ElementType.Float32;
        ValueId x = node.As(node[0], computed);
        x = node.HasInput(2) ? node.Minus(x, node.As(Spread(node, node[2], type), computed)) : x;
        return [node.As(node.Times(x, node.As(Spread(node, node[1], type), computed)), to)];
    }

    /// <summary>To uint8 by the range of the values, which always has 0 in it.</summary>
    private static IReadOnlyList<OnnxValue> QuantizeByRange(OnnxNode node)
    {
        EquatableArray<int> axes = EquatableArray.Create<int>(Expressions.AxesFrom(0, node.TypeOf(0).Rank));
        ValueId zero = node.Number(node[0], 0);
        ValueId low = node.Apply(new Minimum(), zero, node.Apply(new Reduce(ReduceKind.Min, axes, KeepAxes: false), node[0]));
        ValueId high = node.Apply(new Maximum(), zero, node.Apply(new Reduce(ReduceKind.Max, axes, KeepAxes: false), node[0]));
        ValueId most = node.Number(low, byte.MaxValue);
        ValueId scale = node.Over(node.Minus(high, low), most);
        ValueId origin = node.Apply(new Clip(), node.Over(node.Minus(zero, low), scale), zero, most);
        ValueId zeroPoint = node.As(node.Apply(new Round(), origin), ElementType.UInt8);
        return [Saturated(node, node.Over(node[0], scale), zeroPoint, ElementType.UInt8), scale, zeroPoint];
    }

    /// <summary>(a - za) · (b - zb) in integers, times sa · sb / sy, quantised.</summary>
    private static IReadOnlyList<OnnxValue> MatMulOfScaled(OnnxNode node)
    {
        ElementType scales = node.TypeOf(1).Element;
        ElementType computed = scales == ElementType.Float64 ? scales : ElementType.Float32;
        ValueId product = Integers(node, 0, 2, 3, 5);
        ValueId factor = node.Over(node.Times(node.As(Rows(node, 1, 0), computed), node.As(node[4], computed)), node.As(node[6], computed));
        return [Saturated(node, node.Times(node.As(product, computed), factor), node[7], node.TypeOf(7).Element)];
    }

    /// <summary>The product of two matrices of integers, each less its zero point, in int32.</summary>
    private static ValueId Integers(OnnxNode node, int a, int zeroA, int b, int zeroB)
    {
        ValueId x = node.As(node[a], ElementType.Int32);
        x = node.HasInput(zeroA) ? node.Minus(x, node.As(Rows(node, zeroA, a), ElementType.Int32)) : x;
        ValueId y = node.As(node[b], ElementType.Int32);
        y = node.HasInput(zeroB) ? node.Minus(y, node.As(node[zeroB], ElementType.Int32)) : y;
        return node.Product(x, y);
    }

    /// <summary>A number for each row of the first matrix stands beside the rows.</summary>
    private static ValueId Rows(OnnxNode node, int input, int matrix)
    {
        TensorType type = node.TypeOf(input);
        return type.Rank == 1 && type.Shape[0] > 1 && node.TypeOf(matrix).Rank >= 2 ? node.Reshape(node[input], type.Shape[0], 1) : node[input];
    }

    private static ValueId Saturated(OnnxNode node, ValueId scaled, ValueId? zeroPoint, ElementType to)
    {
        ValueId rounded = node.Apply(new Round(), scaled);
        rounded = zeroPoint is { } origin ? node.Plus(rounded, node.As(origin, node.TypeOf(scaled).Element)) : rounded;
        int bits = to.Bits();
        (double low, double high) = to.IsSignedInteger() ? (-Math.Pow(2, bits - 1), Math.Pow(2, bits - 1) - 1) : (0, Math.Pow(2, bits) - 1);
        return node.As(node.Apply(new Clip(), rounded, node.Number(rounded, low), node.Number(rounded, high)), to);
    }

    /// <summary>A scale for everything, for each index of an axis, or for each block of an axis, as a value that broadcasts.</summary>
    private static ValueId Spread(OnnxNode node, ValueId value, TensorType type)
    {
        TensorType own = node.TypeOf(value);
        int axis = own.CountElements == 1 ? 0 : node.Axis(node.Integer("axis", 1), Math.Max(1, type.Rank));
        long block = node.Integer("block_size", 0);
        node.Ignore("axis");
        if (own.CountElements == 1 && own.Rank <= 1)
        {
            return node.Reshape(value);
        }

        if (block == 0)
        {
            return node.Reshape(value, [.. type.Shape.Select((extent, at) => at == axis ? own.Shape[0] : 1)]);
        }

        if (own.Rank != type.Rank || block < 0)
        {
            throw node.Unsupported("a scale of the input's rank for blocks", own.ToString());
        }

        return node.Apply(new AxisMap(axis, EquatableArray.Create<int>([.. Enumerable.Range(0, type.Shape[axis]).Select(index => (int)(index / block))])), value);
    }
}
