using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics.Special;

/// <summary>
/// The inverse circular functions, in radians. The polynomial of the arc sine is that of Cephes
/// (S. Moshier, asinf.c), that of the arc tangent a Chebyshev fit whose error is 2^-30 of its value.
/// </summary>
public static class InverseTrigonometric
{
    private const float HalfPi = 1.57079637f;
    private const float HalfPiLow = -4.37113883e-8f;
    private const float QuarterPi = 0.785398185f;
    private const float QuarterPiLow = -2.18556941e-8f;

    /// <summary>tan(pi / 8): below it the polynomial, above it the argument turned by pi / 4 or pi / 2.</summary>
    private const float PolynomialLimit = 0.41421357f;

    private const float InverseLimit = 2.41421366f;

    /// <summary>atan(x).</summary>
    /// <remarks>atan(-x) = -atan(x) in every bit; atan(±inf) = ±pi / 2.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Atan<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat one = TLane.Constant(1f);
        TFloat magnitude = TLane.Abs(x);
        TInt isLarge = TLane.Less(TLane.Constant(InverseLimit), magnitude);
        TInt isMiddle = TLane.Less(TLane.Constant(PolynomialLimit), magnitude);
        TFloat numerator = TLane.Select(isLarge, TLane.Constant(-1f), TLane.Sub(magnitude, one));
        TFloat denominator = TLane.Select(isLarge, magnitude, TLane.Add(magnitude, one));
        TFloat quotient = TLane.Div(numerator, denominator);

        // What the quotient and its two sums lost, divided again.
        TFloat zero = TLane.Constant(0f);
        TFloat numeratorLow = TLane.Select(isLarge, zero, TLane.Sub(magnitude, TLane.Add(numerator, one)));
        TFloat denominatorLow = TLane.Select(isLarge, zero, TLane.Sub(magnitude, TLane.Sub(denominator, one)));
        TFloat remainder = TLane.Fma(TLane.Negate(quotient), denominator, numerator);
        remainder = TLane.Fma(TLane.Negate(quotient), denominatorLow, TLane.Add(remainder, numeratorLow));
        TFloat lost = TLane.Div(remainder, denominator);
        TFloat t = TLane.Select(isMiddle, quotient, magnitude);
        TFloat tLow = TLane.Select(isMiddle, lost, zero);
        TFloat z = TLane.Mul(t, t);
        TFloat p = TLane.Constant(0.05048055f);
        p = TLane.Fma(p, z, TLane.Constant(-0.08624644f));
        p = TLane.Fma(p, z, TLane.Constant(0.11071361f));
        p = TLane.Fma(p, z, TLane.Constant(-0.1428415f));
        p = TLane.Fma(p, z, TLane.Constant(0.19999978f));
        p = TLane.Fma(p, z, TLane.Constant(-0.33333334f));
        TFloat rest = TLane.Fma(TLane.Mul(p, z), t, tLow);

        TFloat turn = TLane.Select(isLarge, TLane.Constant(HalfPi), TLane.Constant(QuarterPi));
        TFloat turnLow = TLane.Select(isLarge, TLane.Constant(HalfPiLow), TLane.Constant(QuarterPiLow));
        TFloat sum = TLane.Add(turn, t);
        TFloat sumLow = TLane.Add(TLane.Sub(t, TLane.Sub(sum, turn)), turnLow);
        TFloat turned = TLane.Add(sum, TLane.Add(sumLow, rest));
        TFloat result = TLane.Select(isMiddle, turned, TLane.Add(t, rest));
        result = TLane.Select(TLane.Equal(magnitude, TLane.Constant(float.PositiveInfinity)), TLane.Constant(HalfPi), result);
        return TLane.Select(TLane.Equal(x, x), Integral.WithSignOf<TLane, TFloat, TInt>(result, x), x);
    }

    /// <summary>asin(x); NaN where |x| &gt; 1.</summary>
    /// <remarks>asin(-x) = -asin(x) in every bit.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Asin<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat magnitude = TLane.Abs(x);
        TInt isLarge = TLane.Less(TLane.Constant(0.5f), magnitude);
        TFloat t = Reduced<TLane, TFloat, TInt>(magnitude, isLarge, out TFloat tLow, out TFloat rest);

        // pi / 2 - 2 (t + rest), the root's own error included.
        TFloat twice = TLane.Add(t, t);
        TFloat sum = TLane.Sub(TLane.Constant(HalfPi), twice);
        TFloat sumLow = TLane.Sub(TLane.Sub(TLane.Constant(HalfPi), sum), twice);
        TFloat correction = TLane.Sub(TLane.Add(sumLow, TLane.Constant(HalfPiLow)), TLane.Mul(TLane.Constant(2f), TLane.Add(rest, tLow)));
        TFloat result = TLane.Select(isLarge, TLane.Add(sum, correction), TLane.Add(t, rest));
        return TLane.Select(TLane.LessOrEqual(magnitude, TLane.Constant(1f)), Integral.WithSignOf<TLane, TFloat, TInt>(result, x), TLane.Constant(float.NaN));
    }

    /// <summary>acos(x); NaN where |x| &gt; 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Acos<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat magnitude = TLane.Abs(x);
        TInt isLarge = TLane.Less(TLane.Constant(0.5f), magnitude);
        TFloat t = Reduced<TLane, TFloat, TInt>(magnitude, isLarge, out TFloat tLow, out TFloat rest);
        TInt isNegative = TLane.Less(x, TLane.Constant(0f));
        TFloat two = TLane.Constant(2f);

        // Small |x|: pi / 2 - asin(x). Large: 2 (t + rest), or pi minus that.
        TFloat near = Integral.WithSignOf<TLane, TFloat, TInt>(t, x);
        TFloat nearRest = TLane.Select(isNegative, TLane.Negate(rest), rest);
        TFloat small = Difference<TLane, TFloat, TInt>(HalfPi, HalfPiLow, near, nearRest);
        TFloat twice = TLane.Add(t, t);
        TFloat twiceRest = TLane.Mul(two, TLane.Add(rest, tLow));
        TFloat large = TLane.Select(
            isNegative, Difference<TLane, TFloat, TInt>(2f * HalfPi, 2f * HalfPiLow, twice, twiceRest), TLane.Add(twice, twiceRest));
        TFloat result = TLane.Select(isLarge, large, small);
        return TLane.Select(TLane.LessOrEqual(magnitude, TLane.Constant(1f)), result, TLane.Constant(float.NaN));
    }

    /// <summary>c + cLow - (a + aLow), c being larger than a.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloat Difference<TLane, TFloat, TInt>(float c, float cLow, TFloat a, TFloat aLow)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat high = TLane.Constant(c);
        TFloat sum = TLane.Sub(high, a);
        TFloat low = TLane.Sub(TLane.Sub(high, sum), a);
        return TLane.Add(sum, TLane.Sub(TLane.Add(low, TLane.Constant(cLow)), aLow));
    }

    /// <summary>asin(t + tLow) = t + tLow + rest, with t = |x| or, where that is large, the root of (1 - |x|) / 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloat Reduced<TLane, TFloat, TInt>(TFloat magnitude, TInt isLarge, out TFloat tLow, out TFloat rest)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat half = TLane.Constant(0.5f);
        TFloat square = TLane.Mul(half, TLane.Sub(TLane.Constant(1f), magnitude));
        TFloat root = TLane.Sqrt(square);
        TFloat rootLow = TLane.Div(TLane.Fma(TLane.Negate(root), root, square), TLane.Add(root, root));
        TFloat zero = TLane.Constant(0f);
        TFloat t = TLane.Select(isLarge, root, magnitude);
        tLow = TLane.Select(isLarge, TLane.Select(TLane.Equal(root, zero), zero, rootLow), zero);
        TFloat z = TLane.Select(isLarge, square, TLane.Mul(magnitude, magnitude));
        TFloat p = TLane.Constant(4.2163199048e-2f);
        p = TLane.Fma(p, z, TLane.Constant(2.4181311049e-2f));
        p = TLane.Fma(p, z, TLane.Constant(4.5470025998e-2f));
        p = TLane.Fma(p, z, TLane.Constant(7.4953002686e-2f));
        p = TLane.Fma(p, z, TLane.Constant(1.6666752422e-1f));
        rest = TLane.Mul(TLane.Mul(p, z), t);
        return t;
    }
}
