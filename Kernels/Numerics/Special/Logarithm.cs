using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics.Special;

/// <summary>log(x) and log(1 + x), within 1 ulp.</summary>
public static class Logarithm
{
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440e-4f;
    private const float SmallestNormal = 1.17549435e-38f;

    /// <summary>log(x).</summary>
    /// <remarks>log(±0) = -inf, log of a negative is NaN, log(+inf) = +inf.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Log<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat sum = Parts<TLane, TFloat, TInt>(x, out TFloat low);
        TFloat result = TLane.Add(sum, low);
        result = TLane.Select(TLane.Equal(x, TLane.Constant(float.PositiveInfinity)), x, result);
        result = TLane.Select(TLane.LessOrEqual(TLane.Constant(0f), x), result, TLane.Constant(float.NaN));
        return TLane.Select(TLane.Equal(x, TLane.Constant(0f)), TLane.Constant(float.NegativeInfinity), result);
    }

    /// <summary>
    /// log(1 + x) = log(u) + (x - (u - 1)) / u with u = 1 + x rounded: the second term is what the rounding lost, and joins the
    /// low part of log(u) before the one sum that rounds.
    /// </summary>
    /// <remarks>Small x, where u = 1, is itself the result; -0 stays -0.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Log1p<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat one = TLane.Constant(1f);
        TFloat u = TLane.Add(one, x);

        // Which part the sum lost depends on which of the two is larger.
        TFloat lost = TLane.Select(
            TLane.Less(one, TLane.Abs(x)),
            TLane.Sub(one, TLane.Sub(u, x)),
            TLane.Sub(x, TLane.Sub(u, one)));
        TFloat sum = Parts<TLane, TFloat, TInt>(u, out TFloat low);
        TFloat result = TLane.Add(sum, TLane.Add(low, TLane.Div(lost, u)));
        result = TLane.Select(TLane.LessOrEqual(TLane.Constant(0f), u), result, TLane.Constant(float.NaN));
        result = TLane.Select(TLane.Equal(u, TLane.Constant(float.PositiveInfinity)), u, result);
        result = TLane.Select(TLane.Equal(u, TLane.Constant(0f)), TLane.Constant(float.NegativeInfinity), result);
        return TLane.Select(TLane.Equal(u, one), x, result);
    }

    /// <summary>x = 2^e m with m in [sqrt(1/2), sqrt(2)), for finite x &gt; 0, subnormals included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TFloat Split<TLane, TFloat, TInt>(TFloat x, out TFloat e)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TInt isSubnormal = TLane.Less(x, TLane.Constant(SmallestNormal));
        TFloat normal = TLane.Select(isSubnormal, TLane.Mul(x, TLane.Constant(8388608f)), x);
        TInt bits = TLane.AsInt(normal);

        // Subtracting sqrt(1/2) first puts the cut between exponents there.
        TInt exponent = TLane.ShiftRightArithmetic(TLane.SubInt(bits, TLane.ConstantInt(0x3F3504F3)), 23);
        e = TLane.Convert(TLane.AddInt(exponent, TLane.And(isSubnormal, TLane.ConstantInt(-23))));
        return TLane.AsFloat(TLane.SubInt(bits, TLane.ShiftLeft(exponent, 23)));
    }

    /// <summary>
    /// log(x) = sum + low for finite x &gt; 0. x = 2^e (1 + f); log(1 + f) = f - f²/2 + f³ p(f), p being the polynomial of
    /// Cephes (S. Moshier, logf.c). The two leading terms are kept in two floats, and meet e ln 2 before anything small is added.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloat Parts<TLane, TFloat, TInt>(TFloat x, out TFloat low)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat f = TLane.Sub(Split<TLane, TFloat, TInt>(x, out TFloat e), TLane.Constant(1f));
        TFloat square = TLane.Mul(f, f);

        TFloat p = TLane.Constant(7.0376836292e-2f);
        p = TLane.Fma(p, f, TLane.Constant(-1.1514610310e-1f));
        p = TLane.Fma(p, f, TLane.Constant(1.1676998740e-1f));
        p = TLane.Fma(p, f, TLane.Constant(-1.2420140846e-1f));
        p = TLane.Fma(p, f, TLane.Constant(1.4249322787e-1f));
        p = TLane.Fma(p, f, TLane.Constant(-1.6668057665e-1f));
        p = TLane.Fma(p, f, TLane.Constant(2.0000714765e-1f));
        p = TLane.Fma(p, f, TLane.Constant(-2.4999993993e-1f));
        p = TLane.Fma(p, f, TLane.Constant(3.3333331174e-1f));

        // f - f²/2 as high + low: the FMA gives the rounding error of the square exactly.
        TFloat squareLow = TLane.Fma(f, f, TLane.Negate(square));
        TFloat high = TLane.Fma(TLane.Constant(-0.5f), square, f);
        low = TLane.Fma(TLane.Constant(-0.5f), square, TLane.Sub(f, high));
        low = TLane.Fma(TLane.Constant(-0.5f), squareLow, low);
        low = TLane.Fma(TLane.Mul(square, f), p, low);
        low = TLane.Fma(e, TLane.Constant(Ln2Low), low);

        // e · Ln2High is exact (nine bits times eight), and not smaller than high unless e = 0.
        TFloat whole = TLane.Mul(e, TLane.Constant(Ln2High));
        TFloat sum = TLane.Add(whole, high);
        TFloat rest = TLane.Sub(high, TLane.Sub(sum, whole));
        low = TLane.Add(rest, low);
        return sum;
    }
}
