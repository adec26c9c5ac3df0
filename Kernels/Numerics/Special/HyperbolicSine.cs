using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics.Special;

/// <summary>sinh(x) and cosh(x): half of exp(|x|) less or plus half of its inverse.</summary>
public static class HyperbolicSine
{
    /// <summary>From here on exp(-|x|) no longer counts beside exp(|x|).</summary>
    private const float LargestArgument = 91f;

    /// <summary>sinh(x); below 1 in size by the polynomial of Cephes (S. Moshier, sinhf.c).</summary>
    /// <remarks>sinh(-x) = -sinh(x) in every bit.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Sinh<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat magnitude = TLane.Abs(x);
        TFloat z = TLane.Mul(magnitude, magnitude);
        TFloat p = TLane.Constant(2.03721912945e-4f);
        p = TLane.Fma(p, z, TLane.Constant(8.33028376239e-3f));
        p = TLane.Fma(p, z, TLane.Constant(1.66667160211e-1f));
        TFloat small = TLane.Fma(TLane.Mul(p, z), magnitude, magnitude);
        TFloat half = HalfExponential<TLane, TFloat, TInt>(magnitude, out TFloat low);
        TFloat inverse = TLane.Div(TLane.Constant(0.25f), half);
        TFloat large = TLane.Add(half, TLane.Sub(low, inverse));
        TFloat result = TLane.Select(TLane.Less(magnitude, TLane.Constant(1f)), small, large);
        return TLane.Select(TLane.Equal(x, x), Integral.WithSignOf<TLane, TFloat, TInt>(result, x), x);
    }

    /// <summary>cosh(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Cosh<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat half = HalfExponential<TLane, TFloat, TInt>(TLane.Abs(x), out TFloat low);
        TFloat result = TLane.Add(half, TLane.Add(low, TLane.Div(TLane.Constant(0.25f), half)));
        return TLane.Select(TLane.Equal(x, x), result, x);
    }

    /// <summary>exp(x) / 2 = result + low for x &gt;= 0; infinite and 0 where it overflows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloat HalfExponential<TLane, TFloat, TInt>(TFloat x, out TFloat low)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        // exp(x) / 2 = exp(x / 2)² / 2 would double the error; exp(x - 8 ln 2) · 2^7 overflows only where the result does.
        TFloat shift = TLane.Constant(5.54517746f);
        TFloat shiftLow = TLane.Constant(-1.98046325e-8f);
        TFloat clamped = TLane.Select(TLane.Less(x, TLane.Constant(LargestArgument)), x, TLane.Constant(LargestArgument + 1f));
        TFloat isBig = TLane.Select(TLane.Less(TLane.Constant(80f), clamped), TLane.Constant(1f), TLane.Constant(0f));
        TFloat reduced = TLane.Fma(TLane.Negate(isBig), shift, clamped);
        TFloat lost = TLane.Sub(TLane.Sub(clamped, reduced), TLane.Mul(isBig, shift));
        TFloat high = Exponential.Pair<TLane, TFloat, TInt>(reduced, out low, out TFloat scale, out TFloat lastScale);
        low = TLane.Fma(high, TLane.Fma(TLane.Negate(isBig), shiftLow, lost), low);
        TFloat factor = TLane.Fma(isBig, TLane.Constant(127.5f), TLane.Constant(0.5f));
        TFloat result = TLane.Mul(TLane.Mul(TLane.Mul(high, scale), lastScale), factor);
        low = TLane.Mul(TLane.Mul(TLane.Mul(low, scale), lastScale), factor);
        low = TLane.Select(TLane.Less(result, TLane.Constant(float.PositiveInfinity)), low, TLane.Constant(0f));
        return result;
    }
}
