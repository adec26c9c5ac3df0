using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>Arithmetic on graph values, so that a decomposition reads as its formula.</summary>
internal static class Expressions
{
    public static ValueId Plus(this OnnxNode node, ValueId x, ValueId y) => node.Apply(new Add(), x, y);

    public static ValueId Minus(this OnnxNode node, ValueId x, ValueId y) => node.Apply(new Subtract(), x, y);

    public static ValueId Times(this OnnxNode node, ValueId x, ValueId y) => node.Apply(new Multiply(), x, y);

    public static ValueId Over(this OnnxNode node, ValueId x, ValueId y) => node.Apply(new Divide(), x, y);

    public static ValueId Root(this OnnxNode node, ValueId x) => node.Apply(new SquareRoot(), x);

    public static ValueId Exp(this OnnxNode node, ValueId x) => node.Apply(new Exponential(), x);

    public static ValueId Choose(this OnnxNode node, ValueId condition, ValueId x, ValueId y) => node.Apply(new Where(), condition, x, y);

    /// <summary>A number as a scalar of a value's type.</summary>
    public static ValueId Number(this OnnxNode node, ValueId like, double value) => node.NumberOf(node.TypeOf(like).Element, value);

    public static ValueId NumberOf(this OnnxNode node, ElementType element, double value) => node.Constant(ScalarOf(element, value));

    /// <summary>A number as a tensor of no axes, rounded to the type.</summary>
    public static HostTensor ScalarOf(ElementType element, double value) => element switch
    {
        ElementType.Float32 => HostTensor.Scalar((float)value),
        ElementType.Float64 => HostTensor.Scalar(value),
        ElementType.Float16 => HostTensor.Scalar((Half)(float)value),
        ElementType.BFloat16 => new HostTensor(TensorType.Whole(ElementType.BFloat16), BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(Kernels.Numerics.BFloat16.NearestEven<Kernels.Numerics.ScalarLane, float, int>((float)value)) >> 16))),
        ElementType.Int8 => HostTensor.Scalar((sbyte)value),
        ElementType.Int16 => HostTensor.Scalar((short)value),
        ElementType.Int32 => HostTensor.Scalar((int)value),
        ElementType.Int64 => HostTensor.Scalar((long)value),
        ElementType.UInt8 => HostTensor.Scalar((byte)value),
        ElementType.UInt16 => HostTensor.Scalar((ushort)value),
        ElementType.UInt32 => HostTensor.Scalar((uint)value),
        ElementType.UInt64 => HostTensor.Scalar((ulong)value),
        ElementType.Int4 or ElementType.UInt4 or ElementType.Int2 or ElementType.UInt2 => new HostTensor(TensorType.Whole(element), new[] { (byte)(sbyte)value }),
        _ => HostTensor.Scalar(value != 0),
    };

    public static ValueId As(this OnnxNode node, ValueId value, ElementType element) =>
        node.TypeOf(value).Element == element ? value : node.Apply(new Cast(element), value);

    public static ValueId Sum(this OnnxNode node, ValueId value, params int[] axes) =>
        node.Apply(new Reduce(ReduceKind.Sum, EquatableArray.Create<int>(axes), KeepAxes: true), value);

    public static ValueId Mean(this OnnxNode node, ValueId value, params int[] axes) =>
        node.Apply(new Reduce(ReduceKind.Mean, EquatableArray.Create<int>(axes), KeepAxes: true), value);

    public static ValueId Product(this OnnxNode node, ValueId a, ValueId b) => node.Apply(new MatMul(), a, b);

    /// <summary>exp(x - max) / sum of exp(x - max) along an axis.</summary>
    public static ValueId SoftmaxOf(this OnnxNode node, ValueId value, int axis)
    {
        ValueId shares = node.Exp(node.Minus(value, node.MostOf(value, axis)));
        return node.Over(shares, node.Sum(shares, axis));
    }

    /// <summary>(x - max) - log of the sum of exp(x - max) along an axis.</summary>
    public static ValueId LogSoftmaxOf(this OnnxNode node, ValueId value, int axis)
    {
        ValueId shifted = node.Minus(value, node.MostOf(value, axis));
        return node.Minus(shifted, node.Apply(new Logarithm(), node.Sum(node.Exp(shifted), axis)));
    }

    public static ValueId MostOf(this OnnxNode node, ValueId value, int axis) =>
        node.Apply(new Reduce(ReduceKind.Max, [axis], KeepAxes: true), value);

    public static ValueId Turn(this OnnxNode node, ValueId value, params int[] permutation) => node.Apply(Transpose.Of(permutation), value);

    /// <summary>The last two axes in each other's place.</summary>
    public static ValueId Transposed(this OnnxNode node, ValueId value)
    {
        int rank = node.TypeOf(value).Rank;
        return rank >= 2 ? node.Apply(Transpose.Swap(rank, rank - 2, rank - 1), value) : throw node.Unsupported("matrices", node.TypeOf(value).ToString());
    }

    /// <summary>Some entries of an axis, which must be there.</summary>
    public static ValueId Part(this OnnxNode node, ValueId value, int axis, int start, int count)
    {
        TensorType type = node.TypeOf(value);
        return axis >= type.Rank || start < 0 || count < 0 || start > type.Shape[axis] - count ? throw node.Unsupported($"entries {start} to {(long)start + count} of axis {axis}", type.ToString())
            : start == 0 && count == type.Shape[axis] ? value
            : node.Apply(Slice.Of(type, axis, start, count), value);
    }

    public static ValueId Joined(this OnnxNode node, int axis, params ValueId[] values) => values.Length == 1 ? values[0] : node.Apply(new Join(axis), values);

    /// <summary>The index along an axis turned round.</summary>
    public static ValueId Reversed(this OnnxNode node, ValueId value, int axis)
    {
        TensorType type = node.TypeOf(value);
        int extent = type.Shape[axis];
        return extent == 0 ? value : node.Apply(Slice.Of(type, axis, extent - 1, extent, -1), value);
    }

    /// <summary>Axes from one to the last.</summary>
    public static int[] AxesFrom(int first, int rank) => [.. Enumerable.Range(first, Math.Max(0, rank - first))];
}
