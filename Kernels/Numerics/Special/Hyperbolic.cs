using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics.Special;

/// <summary>tanh(x), within 1 ulp.</summary>
public static class Hyperbolic
{
    /// <summary>Below it the polynomial; tanh(0.55) is one half, so above it 1 minus the quotient loses nothing.</summary>
    private const float PolynomialLimit = 0.55f;

    /// <summary>From 9.02 on the result rounds to 1.</summary>
    private const float LargestArgument = 10f;

    /// <summary>
    /// For |x| &lt; 0.55: x + x³ p(x²), p a minimax polynomial (Remez, coefficients rounded one after another) whose remainder is
    /// 2^-33 of the result. Above: 1 - 2 / (exp(2|x|) + 1), where the denominator and the quotient are kept in two floats.
    /// </summary>
    /// <remarks>tanh(-x) = -tanh(x) in every bit, -0 included; tanh(±inf) = ±1.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Tanh<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat one = TLane.Constant(1f);
        TFloat magnitude = TLane.Abs(x);
        TFloat z = TLane.Mul(magnitude, magnitude);
        TFloat p = TLane.Constant(0.00215212f);
        p = TLane.Fma(p, z, TLane.Constant(-0.0081981821f));
        p = TLane.Fma(p, z, TLane.Constant(0.0217120871f));
        p = TLane.Fma(p, z, TLane.Constant(-0.0539491884f));
        p = TLane.Fma(p, z, TLane.Constant(0.133332267f));
        p = TLane.Fma(p, z, TLane.Constant(-0.333333313f));
        TFloat small = TLane.Fma(TLane.Mul(z, magnitude), p, magnitude);

        TFloat clamped = TLane.Select(TLane.Less(magnitude, TLane.Constant(LargestArgument)), magnitude, TLane.Constant(LargestArgument));
        TFloat high = Exponential.Pair<TLane, TFloat, TInt>(TLane.Add(clamped, clamped), out TFloat low, out TFloat scale, out TFloat lastScale);
        TFloat e = TLane.Mul(TLane.Mul(high, scale), lastScale);
        TFloat eLow = TLane.Mul(TLane.Mul(low, scale), lastScale);
        TFloat denominator = TLane.Add(e, one);
        TFloat denominatorLow = TLane.Add(TLane.Sub(one, TLane.Sub(denominator, e)), eLow);
        TFloat two = TLane.Constant(2f);
        TFloat quotient = TLane.Div(two, denominator);

        // What is left of 2 after quotient · denominator, divided again; quotient / 2 is near enough to 1 / denominator.
        TFloat remainder = TLane.Fma(TLane.Negate(quotient), denominator, two);
        remainder = TLane.Fma(TLane.Negate(quotient), denominatorLow, remainder);
        TFloat quotientLow = TLane.Mul(remainder, TLane.Mul(quotient, TLane.Constant(0.5f)));
        TFloat difference = TLane.Sub(one, quotient);
        TFloat lost = TLane.Sub(TLane.Sub(one, difference), quotient);
        TFloat large = TLane.Add(difference, TLane.Sub(lost, quotientLow));

        TFloat result = TLane.Select(TLane.Less(magnitude, TLane.Constant(PolynomialLimit)), small, large);
        TInt sign = TLane.And(TLane.AsInt(x), TLane.ConstantInt(int.MinValue));
        result = TLane.AsFloat(TLane.Or(TLane.AsInt(result), sign));
        return TLane.Select(TLane.Equal(x, x), result, x);
    }
}
