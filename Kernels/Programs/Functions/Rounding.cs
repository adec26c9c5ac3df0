using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Programs.Functions;

/// <summary>-x, also of zero and NaN.</summary>
public readonly struct NegFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Negate(x);
}

/// <summary>|x|.</summary>
public readonly struct AbsFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Abs(x);
}

/// <summary>1 / x, rounded once.</summary>
public readonly struct ReciprocalFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Div(TLane.Constant(1f), x);
}

/// <summary>The square root, rounded once.</summary>
public readonly struct SqrtFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Sqrt(x);
}

/// <summary>x · x, rounded once.</summary>
public readonly struct SquareFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Mul(x, x);
}

/// <summary>-1, +1, or x itself where that is a zero or NaN.</summary>
public readonly struct SignFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat unit = TLane.AsFloat(TLane.Or(TLane.And(TLane.AsInt(x), TLane.ConstantInt(int.MinValue)), TLane.AsInt(TLane.Constant(1f))));
        return TLane.Select(TLane.Less(TLane.Constant(0f), TLane.Abs(x)), unit, x);
    }
}

/// <summary>The integer next to x, of two the even one; signs of zero kept.</summary>
public readonly struct RoundEvenFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        Integral.RoundEven<TLane, TFloat, TInt>(x);
}

/// <summary>The largest integer not above x; signs of zero kept.</summary>
public readonly struct FloorFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        Integral.Floor<TLane, TFloat, TInt>(x);
}

/// <summary>The smallest integer not below x; signs of zero kept.</summary>
public readonly struct CeilFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        Integral.Ceil<TLane, TFloat, TInt>(x);
}

/// <summary>The binary16 next to x, as a binary32; of two the even one.</summary>
public readonly struct RoundFloat16Function : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        Float16.NearestEven<TLane, TFloat, TInt>(x);
}

/// <summary>The bf16 next to x, as a binary32; of two the even one.</summary>
public readonly struct RoundBFloat16Function : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        BFloat16.NearestEven<TLane, TFloat, TInt>(x);
}

/// <summary>The larger of the two, NaN if either is; of zeros of both signs the first.</summary>
public readonly struct MaxFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat larger = TLane.Select(TLane.Less(x, y), y, x);
        return TLane.Select(TLane.Equal(y, y), larger, y);
    }
}

/// <summary>The smaller of the two, NaN if either is; of zeros of both signs the first.</summary>
public readonly struct MinFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat smaller = TLane.Select(TLane.Less(y, x), y, x);
        return TLane.Select(TLane.Equal(y, y), smaller, y);
    }
}

/// <summary>min(max(x, low), high); a NaN stays.</summary>
public readonly struct ClipFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat low, TFloat high)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat raised = TLane.Select(TLane.Less(x, low), low, x);
        return TLane.Select(TLane.Less(high, raised), high, raised);
    }
}
