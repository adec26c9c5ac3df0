using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics.Special;

/// <summary>sin(x) and cos(x), within 1 ulp for every float, however large.</summary>
public static class Trigonometric
{
    /// <summary>sin(x).</summary>
    /// <remarks>sin(-x) = -sin(x) in every bit, -0 included; of an infinity NaN.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Sin<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat magnitude = TLane.Abs(x);
        TFloat r = CircleReduction.Reduce<TLane, TFloat, TInt>(magnitude, out TFloat rLow, out TInt quadrant);
        TFloat result = InQuadrant<TLane, TFloat, TInt>(r, rLow, quadrant);
        TInt sign = TLane.And(TLane.AsInt(x), TLane.ConstantInt(int.MinValue));
        result = TLane.AsFloat(TLane.Xor(TLane.AsInt(result), sign));
        return TLane.Select(TLane.Less(magnitude, TLane.Constant(float.PositiveInfinity)), result, TLane.Constant(float.NaN));
    }

    /// <summary>cos(x) = sin(|x| + pi / 2).</summary>
    /// <remarks>Of an infinity NaN.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Cos<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat magnitude = TLane.Abs(x);
        TFloat r = CircleReduction.Reduce<TLane, TFloat, TInt>(magnitude, out TFloat rLow, out TInt quadrant);
        TFloat result = InQuadrant<TLane, TFloat, TInt>(r, rLow, TLane.AddInt(quadrant, TLane.ConstantInt(1)));
        return TLane.Select(TLane.Less(magnitude, TLane.Constant(float.PositiveInfinity)), result, TLane.Constant(float.NaN));
    }

    /// <summary>tan(x) = sin(x) / cos(x), within 2.5 ulp.</summary>
    /// <remarks>tan(-x) = -tan(x) in every bit, -0 included; of an infinity NaN.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Tan<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat magnitude = TLane.Abs(x);
        TFloat r = CircleReduction.Reduce<TLane, TFloat, TInt>(magnitude, out TFloat rLow, out TInt quadrant);
        TFloat sine = InQuadrant<TLane, TFloat, TInt>(r, rLow, quadrant);
        TFloat cosine = InQuadrant<TLane, TFloat, TInt>(r, rLow, TLane.AddInt(quadrant, TLane.ConstantInt(1)));
        TFloat result = TLane.Div(sine, cosine);
        TInt sign = TLane.And(TLane.AsInt(x), TLane.ConstantInt(int.MinValue));
        result = TLane.AsFloat(TLane.Xor(TLane.AsInt(result), sign));
        return TLane.Select(TLane.Less(magnitude, TLane.Constant(float.PositiveInfinity)), result, TLane.Constant(float.NaN));
    }

    /// <summary>
    /// sin(quadrant · pi / 2 + r + rLow), of the quadrant its last two bits. sin(r) = r + r³ p(r²) and
    /// cos(r) = 1 - r²/2 + r⁴ p(r²), both p minimax of degree 3 (Remez, coefficients rounded one after another); the remainders
    /// are 2^-32 and 2^-37 of the result.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TFloat InQuadrant<TLane, TFloat, TInt>(TFloat r, TFloat rLow, TInt quadrant)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat one = TLane.Constant(1f);
        TFloat z = TLane.Mul(r, r);
        TFloat halfSquare = TLane.Mul(z, TLane.Constant(0.5f));

        TFloat p = TLane.Constant(2.83680288e-6f);
        p = TLane.Fma(p, z, TLane.Constant(-0.000198534763f));
        p = TLane.Fma(p, z, TLane.Constant(0.00833338033f));
        p = TLane.Fma(p, z, TLane.Constant(-0.166666672f));
        TFloat lowTerm = TLane.Fma(TLane.Negate(halfSquare), rLow, rLow);
        TFloat sine = TLane.Add(r, TLane.Fma(TLane.Mul(z, r), p, lowTerm));

        // 1 - r²/2 and what it lost, the square's own rounding error included, before the small terms.
        TFloat q = TLane.Constant(-2.89188591e-7f);
        q = TLane.Fma(q, z, TLane.Constant(2.48224515e-5f));
        q = TLane.Fma(q, z, TLane.Constant(-0.00138889812f));
        q = TLane.Fma(q, z, TLane.Constant(0.0416666679f));
        TFloat zLow = TLane.Fma(r, r, TLane.Negate(z));
        TFloat leading = TLane.Sub(one, halfSquare);
        TFloat lost = TLane.Sub(TLane.Sub(one, leading), halfSquare);
        lost = TLane.Fma(zLow, TLane.Constant(-0.5f), lost);
        lost = TLane.Fma(TLane.Negate(r), rLow, lost);
        TFloat cosine = TLane.Add(leading, TLane.Fma(TLane.Mul(z, z), q, lost));

        TInt isOdd = TLane.EqualInt(TLane.And(quadrant, TLane.ConstantInt(1)), TLane.ConstantInt(1));
        TInt sign = TLane.ShiftLeft(TLane.And(quadrant, TLane.ConstantInt(2)), 30);
        return TLane.AsFloat(TLane.Xor(TLane.AsInt(TLane.Select(isOdd, cosine, sine)), sign));
    }
}
