using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics.Special;

/// <summary>The logistic function.</summary>
public static class Logistic
{
    /// <summary>
    /// 1 / (1 + exp(-x)), written with e = exp(-|x|) so that nothing overflows: 1 / (1 + e) for x &gt;= 0, e / (1 + e) below.
    /// Numerator and denominator are kept in two floats each, and the quotient is corrected by what they lost in rounding.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Sigmoid<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat one = TLane.Constant(1f);
        TFloat magnitude = TLane.Negate(TLane.Abs(x));
        TFloat high = Exponential.Pair<TLane, TFloat, TInt>(magnitude, out TFloat low, out TFloat scale, out TFloat lastScale);
        TFloat e = TLane.Mul(TLane.Mul(high, scale), lastScale);
        TFloat eLow = TLane.Mul(TLane.Mul(low, scale), lastScale);
        TFloat sum = TLane.Add(one, e);
        TFloat sumLow = TLane.Add(TLane.Sub(e, TLane.Sub(sum, one)), eLow);
        TInt isNegative = TLane.Less(x, TLane.Constant(0f));
        TFloat numerator = TLane.Select(isNegative, e, one);
        TFloat numeratorLow = TLane.Select(isNegative, eLow, TLane.Constant(0f));
        TFloat quotient = TLane.Div(numerator, sum);

        // What is left of the numerator after quotient · (sum + sumLow), divided again. Where the quotient is tiny the sum is 1
        // and the products here would be subnormal; it is right as it is.
        TFloat remainder = TLane.Fma(TLane.Negate(quotient), sum, numerator);
        remainder = TLane.Add(remainder, TLane.Fma(TLane.Negate(quotient), sumLow, numeratorLow));
        TFloat corrected = TLane.Add(quotient, TLane.Div(remainder, sum));
        TFloat result = TLane.Select(TLane.Less(quotient, TLane.Constant(1e-30f)), quotient, corrected);
        return TLane.Select(TLane.Equal(x, x), result, x);
    }
}
