using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics.Special;

/// <summary>The inverse hyperbolic functions by log(1 + x), whose argument is formed without cancellation.</summary>
public static class InverseHyperbolic
{
    private const float Ln2 = 0.693147182f;

    /// <summary>From here on the root of x² ± 1 is x.</summary>
    private const float LargeArgument = 8192f;

    /// <summary>asinh(x) = log1p(x + x² / (1 + sqrt(1 + x²))) for x &gt;= 0; of large x log(x) + log(2).</summary>
    /// <remarks>asinh(-x) = -asinh(x) in every bit.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Asinh<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat one = TLane.Constant(1f);
        TFloat magnitude = TLane.Abs(x);
        TInt isLarge = TLane.Less(TLane.Constant(LargeArgument), magnitude);
        TFloat bounded = TLane.Select(isLarge, one, magnitude);
        TFloat square = TLane.Mul(bounded, bounded);
        TFloat root = TLane.Sqrt(TLane.Fma(bounded, bounded, one));
        TFloat small = Logarithm.Log1p<TLane, TFloat, TInt>(TLane.Add(bounded, TLane.Div(square, TLane.Add(one, root))));
        TFloat large = TLane.Add(Logarithm.Log<TLane, TFloat, TInt>(magnitude), TLane.Constant(Ln2));
        TFloat result = TLane.Select(isLarge, large, small);
        return TLane.Select(TLane.Equal(x, x), Integral.WithSignOf<TLane, TFloat, TInt>(result, x), x);
    }

    /// <summary>acosh(x) = log1p(t + sqrt(2 t + t²)) with t = x - 1; of large x log(x) + log(2); NaN below 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Acosh<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat one = TLane.Constant(1f);
        TInt isLarge = TLane.Less(TLane.Constant(LargeArgument), x);
        TFloat bounded = TLane.Select(isLarge, one, x);
        TFloat t = TLane.Sub(bounded, one);
        TFloat root = TLane.Sqrt(TLane.Fma(t, t, TLane.Add(t, t)));
        TFloat small = Logarithm.Log1p<TLane, TFloat, TInt>(TLane.Add(t, root));
        TFloat large = TLane.Add(Logarithm.Log<TLane, TFloat, TInt>(x), TLane.Constant(Ln2));
        TFloat result = TLane.Select(isLarge, large, small);
        return TLane.Select(TLane.LessOrEqual(one, x), result, TLane.Constant(float.NaN));
    }

    /// <summary>atanh(x) = log1p(2 x / (1 - x)) / 2 for 0 &lt;= x &lt; 1; ±inf at ±1, NaN beyond.</summary>
    /// <remarks>atanh(-x) = -atanh(x) in every bit.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Atanh<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat one = TLane.Constant(1f);
        TFloat magnitude = TLane.Abs(x);
        TFloat twice = TLane.Add(magnitude, magnitude);
        TFloat quotient = TLane.Div(twice, TLane.Sub(one, magnitude));
        TFloat result = TLane.Mul(TLane.Constant(0.5f), Logarithm.Log1p<TLane, TFloat, TInt>(quotient));

        // Below 2^-12 the cubic term is less than half a unit.
        result = TLane.Select(TLane.Less(magnitude, TLane.Constant(2.4414062e-4f)), magnitude, result);
        result = TLane.Select(TLane.LessOrEqual(magnitude, one), result, TLane.Constant(float.NaN));
        return TLane.Select(TLane.Equal(x, x), Integral.WithSignOf<TLane, TFloat, TInt>(result, x), x);
    }
}
