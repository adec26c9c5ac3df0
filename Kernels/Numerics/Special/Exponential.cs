using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics.Special;

/// <summary>exp(x), within 1 ulp, subnormal results included.</summary>
public static class Exponential
{
    /// <summary>Above this exp overflows, below <see cref="LowestArgument"/> it rounds to zero.</summary>
    private const float HighestArgument = 89f;

    private const float LowestArgument = -104f;
    private const float Log2E = 1.44269504f;

    /// <summary>ln 2 with its last nine bits zero, so that n times it is exact; and the rest.</summary>
    private const float Ln2High = 0.693145752f;

    private const float Ln2Low = 1.42860677e-6f;

    /// <summary>1.5 · 2^23: added to a float below 2^22 it rounds it to an integer, to nearest even.</summary>
    private const float RoundingShift = 12582912f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Exp<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat y = Pair<TLane, TFloat, TInt>(x, out _, out TFloat scale, out TFloat lastScale);
        return TLane.Select(TLane.Equal(x, x), TLane.Mul(TLane.Mul(y, scale), lastScale), x);
    }

    /// <summary>exp(x) - 1, of which the leading 1 is taken before the low part joins.</summary>
    /// <remarks>-0 stays -0; of -inf it is -1.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Expm1<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat high = Pair<TLane, TFloat, TInt>(x, out TFloat low, out TFloat scale, out TFloat lastScale);
        TFloat one = TLane.Constant(1f);
        TFloat power = TLane.Mul(TLane.Mul(high, scale), lastScale);
        TFloat powerLow = TLane.Mul(TLane.Mul(low, scale), lastScale);
        TFloat difference = TLane.Sub(power, one);

        // What the difference lost, whichever of its two terms is the larger.
        TFloat lost = TLane.Select(
            TLane.Less(power, one),
            TLane.Sub(power, TLane.Add(difference, one)),
            TLane.Negate(TLane.Add(TLane.Sub(difference, power), one)));
        TFloat result = TLane.Add(difference, TLane.Add(lost, powerLow));
        result = TLane.Select(TLane.Equal(power, TLane.Constant(float.PositiveInfinity)), power, result);

        // Below 2^-12, x + x²/2: the polynomial's reduced argument would lose the subnormal ones.
        TFloat half = TLane.Constant(0.5f);
        TFloat small = TLane.Fma(TLane.Mul(half, x), x, x);
        TFloat third = TLane.Fma(TLane.Mul(TLane.Mul(x, x), TLane.Constant(1f / 6f)), x, small);
        result = TLane.Select(TLane.Less(TLane.Abs(x), TLane.Constant(2.4414062e-4f)), third, result);
        result = TLane.Select(TLane.Equal(x, TLane.Constant(0f)), x, result);
        return TLane.Select(TLane.Equal(x, x), result, x);
    }

    /// <summary>
    /// exp(x) = (high + low) · scale · lastScale, high being the sum rounded and low the rest. x = n ln 2 + r with
    /// |r| &lt;= ln 2 / 2, r in two floats; exp(r) = 1 + r + r² q(r) by the Taylor polynomial of degree 7, whose remainder is
    /// 5e-9; 2^n in two factors, so that only the last product rounds when the result is subnormal.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TFloat Pair<TLane, TFloat, TInt>(TFloat x, out TFloat low, out TFloat scale, out TFloat lastScale)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat clamped = TLane.Select(TLane.Less(TLane.Constant(HighestArgument), x), TLane.Constant(HighestArgument), x);
        clamped = TLane.Select(TLane.Less(x, TLane.Constant(LowestArgument)), TLane.Constant(LowestArgument), clamped);
        TFloat shifted = TLane.Fma(clamped, TLane.Constant(Log2E), TLane.Constant(RoundingShift));
        TFloat n = TLane.Sub(shifted, TLane.Constant(RoundingShift));
        TFloat reduced = TLane.Fma(n, TLane.Constant(-Ln2High), clamped);
        TFloat r = TLane.Fma(n, TLane.Constant(-Ln2Low), reduced);
        TFloat rLow = TLane.Fma(n, TLane.Constant(-Ln2Low), TLane.Sub(reduced, r));
        TFloat high = OfReduced<TLane, TFloat, TInt>(r, rLow, out low);

        // The low bits of the shifted value hold n; for a NaN they hold anything, which the caller discards.
        TInt exponent = TLane.SubInt(TLane.AsInt(shifted), TLane.ConstantInt(0x4B400000));
        Scales<TLane, TFloat, TInt>(exponent, out scale, out lastScale);
        return high;
    }

    /// <summary>exp(r + rLow) = high + low for |r| &lt;= ln 2 / 2 and rLow below the last place of r; see <c>Pair</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TFloat OfReduced<TLane, TFloat, TInt>(TFloat r, TFloat rLow, out TFloat low)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat q = TLane.Constant(1f / 5040f);
        q = TLane.Fma(q, r, TLane.Constant(1f / 720f));
        q = TLane.Fma(q, r, TLane.Constant(1f / 120f));
        q = TLane.Fma(q, r, TLane.Constant(1f / 24f));
        q = TLane.Fma(q, r, TLane.Constant(1f / 6f));
        q = TLane.Fma(q, r, TLane.Constant(0.5f));

        // 1 + r, and what that sum lost, before the small terms: added in one go they would cost half a unit more.
        TFloat one = TLane.Constant(1f);
        TFloat sum = TLane.Add(one, r);
        TFloat rest = TLane.Add(TLane.Sub(r, TLane.Sub(sum, one)), rLow);
        rest = TLane.Fma(TLane.Mul(r, r), q, rest);
        TFloat high = TLane.Add(sum, rest);
        low = TLane.Sub(rest, TLane.Sub(high, sum));
        return high;
    }

    /// <summary>scale · lastScale = 2^n for |n| &lt;= 252, both normal: whatever meets them in turn is rounded by the last only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Scales<TLane, TFloat, TInt>(TInt n, out TFloat scale, out TFloat lastScale)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TInt half = TLane.ShiftRightArithmetic(n, 1);
        scale = PowerOfTwo<TLane, TFloat, TInt>(half);
        lastScale = PowerOfTwo<TLane, TFloat, TInt>(TLane.SubInt(n, half));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloat PowerOfTwo<TLane, TFloat, TInt>(TInt n)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.AsFloat(TLane.ShiftLeft(TLane.AddInt(n, TLane.ConstantInt(127)), 23));
}
