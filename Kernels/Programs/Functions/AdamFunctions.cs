using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Programs.Functions;

/// <summary>x · y + z, rounded once.</summary>
public readonly struct FmaFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y, TFloat z)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Fma(x, y, z);
}

/// <summary>beta · m + (1 - beta) · x, the last product rounded, then one FMA: a moving average.</summary>
public readonly struct MovingAverageFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat m, TFloat x, TFloat beta)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Fma(beta, m, TLane.Mul(TLane.Sub(TLane.Constant(1f), beta), x));
}

/// <summary>m / (sqrt(v) + epsilon): the direction of an Adam step.</summary>
public readonly struct AdamDirectionFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat m, TFloat v, TFloat epsilon)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Div(m, TLane.Add(TLane.Sqrt(v), epsilon));
}

/// <summary>limit / sqrt(s) where sqrt(s) &gt; limit, else 1: what gradients with the sum of squares s are multiplied by.</summary>
public readonly struct ClipScaleFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat s, TFloat limit)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat norm = TLane.Sqrt(s);
        TFloat one = TLane.Constant(1f);

        // A norm that is NaN makes the scale NaN: a broken step must show.
        return TLane.Select(TLane.LessOrEqual(norm, limit), one, TLane.Div(limit, norm));
    }
}

/// <summary>sqrt(w) / sqrt(r) of two sums of squares where both are positive, else 1: the trust ratio of LAMB.</summary>
public readonly struct TrustRatioFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat w, TFloat r)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat zero = TLane.Constant(0f);
        TFloat one = TLane.Constant(1f);
        TFloat ratio = TLane.Div(TLane.Sqrt(w), TLane.Sqrt(r));
        ratio = TLane.Select(TLane.LessOrEqual(w, zero), one, ratio);
        return TLane.Select(TLane.LessOrEqual(r, zero), one, ratio);
    }
}
