using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics.Special;

/// <summary>1 / sqrt(x), within 1 ulp.</summary>
public static class ReciprocalRoot
{
    /// <summary>Below it the residual of the root would be subnormal.</summary>
    private const float SmallestUnscaled = 7.88860905e-31f;

    /// <summary>
    /// y = 1 / s with s = sqrt(x), both rounded, then one Newton correction: x = s² + r exactly, 1 = y s + e exactly, so that
    /// 1 / sqrt(x) = y (1 + e - r y² / 2), up to terms of 2^-47.
    /// </summary>
    /// <remarks>rsqrt(±0) = ±inf, of a negative NaN, of +inf +0. A tiny x is scaled by 2^48 and the result by 2^24.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Rsqrt<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat one = TLane.Constant(1f);
        TInt isTiny = TLane.Less(x, TLane.Constant(SmallestUnscaled));
        TFloat scaled = TLane.Select(isTiny, TLane.Mul(x, TLane.Constant(281474976710656f)), x);
        TFloat root = TLane.Sqrt(scaled);
        TFloat y = TLane.Div(one, root);
        TFloat rootResidual = TLane.Fma(TLane.Negate(root), root, scaled);
        TFloat residual = TLane.Fma(TLane.Negate(y), root, one);
        residual = TLane.Fma(TLane.Mul(rootResidual, TLane.Constant(-0.5f)), TLane.Mul(y, y), residual);
        TFloat result = TLane.Fma(y, residual, y);
        result = TLane.Select(isTiny, TLane.Mul(result, TLane.Constant(16777216f)), result);

        // At 0 and infinity the residuals are NaN and the first quotient is right; below 0 and at NaN all is NaN.
        TInt isProper = TLane.And(TLane.Less(TLane.Constant(0f), x), TLane.Less(x, TLane.Constant(float.PositiveInfinity)));
        return TLane.Select(isProper, result, y);
    }
}
