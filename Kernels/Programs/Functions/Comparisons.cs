using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Programs.Functions;

/// <summary>1 where x = y, else 0, as a truth value; a NaN equals nothing.</summary>
public readonly struct EqualFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.AsFloat(TLane.And(TLane.Equal(x, y), TLane.ConstantInt(1)));
}

/// <summary>1 where x &lt; y, else 0, as a truth value.</summary>
public readonly struct LessFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.AsFloat(TLane.And(TLane.Less(x, y), TLane.ConstantInt(1)));
}

/// <summary>1 where x &lt;= y, else 0, as a truth value.</summary>
public readonly struct LessOrEqualFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.AsFloat(TLane.And(TLane.LessOrEqual(x, y), TLane.ConstantInt(1)));
}

/// <summary>1 where x &gt; y, else 0, as a truth value.</summary>
public readonly struct GreaterFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.AsFloat(TLane.And(TLane.Less(y, x), TLane.ConstantInt(1)));
}

/// <summary>1 where x &gt;= y, else 0, as a truth value.</summary>
public readonly struct GreaterOrEqualFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.AsFloat(TLane.And(TLane.LessOrEqual(y, x), TLane.ConstantInt(1)));
}

/// <summary>1 where x is a NaN, else 0, as a truth value.</summary>
public readonly struct IsNaNFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.AsFloat(TLane.SelectInt(TLane.Equal(x, x), TLane.ConstantInt(0), TLane.ConstantInt(1)));
}

/// <summary>1 where x is an infinity, else 0, as a truth value.</summary>
public readonly struct IsInfinityFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.AsFloat(TLane.And(TLane.Equal(TLane.Abs(x), TLane.Constant(float.PositiveInfinity)), TLane.ConstantInt(1)));
}

/// <summary>1 where x = +inf, else 0, as a truth value.</summary>
public readonly struct IsPositiveInfinityFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.AsFloat(TLane.And(TLane.Equal(x, TLane.Constant(float.PositiveInfinity)), TLane.ConstantInt(1)));
}

/// <summary>1 where x = -inf, else 0, as a truth value.</summary>
public readonly struct IsNegativeInfinityFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.AsFloat(TLane.And(TLane.Equal(x, TLane.Constant(float.NegativeInfinity)), TLane.ConstantInt(1)));
}

/// <summary>x and y, bit by bit; of truth values, both.</summary>
public readonly struct BitwiseAndFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.AsFloat(TLane.And(TLane.AsInt(x), TLane.AsInt(y)));
}

/// <summary>x or y, bit by bit; of truth values, at least one.</summary>
public readonly struct BitwiseOrFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.AsFloat(TLane.Or(TLane.AsInt(x), TLane.AsInt(y)));
}

/// <summary>x exclusive-or y, bit by bit; of truth values, exactly one.</summary>
public readonly struct BitwiseXorFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.AsFloat(TLane.Xor(TLane.AsInt(x), TLane.AsInt(y)));
}

/// <summary>1 - x of a truth value.</summary>
public readonly struct NotFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.AsFloat(TLane.Xor(TLane.AsInt(x), TLane.ConstantInt(1)));
}

/// <summary>x where the truth value is 1, else y: words of any kind.</summary>
public readonly struct WhereFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat condition, TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Select(TLane.EqualInt(TLane.AsInt(condition), TLane.ConstantInt(0)), y, x);
}
