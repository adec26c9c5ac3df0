using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics.Special;

/// <summary>erf(x), within 1 ulp.</summary>
public static class ErrorFunction
{
    private const float Cut1 = 0.875f;
    private const float Cut2 = 1.5f;
    private const float Cut3 = 2.375f;

    /// <summary>From here on the result rounds to 1.</summary>
    private const float LargestArgument = 3.92f;

    /// <summary>
    /// Four polynomials of degree 7 with one evaluation. Below 0.875: x + x p(x²), p(x²) = erf(x) / x - 1. In [0.875, 1.5),
    /// [1.5, 2.375) and [2.375, 3.92): K + v p(v) with v = x - x0, x0 being a float near the middle whose error function K is
    /// within 2^-34 of a float. All four are minimax (Remez, coefficients rounded): remainders 2^-29.8 of the result, then
    /// 2^-27.9, 2^-30.1 and 2^-27.2 absolute, where a unit in the last place is 2^-24.
    /// </summary>
    /// <remarks>erf(-x) = -erf(x) in every bit, -0 included; erf(±inf) = ±1.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Erf<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat magnitude = TLane.Abs(x);
        TFloat v = TLane.Mul(magnitude, magnitude);
        TFloat p = TLane.Constant(4.36539776e-5f);
        p = TLane.Fma(p, v, TLane.Constant(-2.99237854e-5f));
        p = TLane.Fma(p, v, TLane.Constant(-0.000698671327f));
        p = TLane.Fma(p, v, TLane.Constant(0.00514309388f));
        p = TLane.Fma(p, v, TLane.Constant(-0.0268446226f));
        p = TLane.Fma(p, v, TLane.Constant(0.112835184f));
        p = TLane.Fma(p, v, TLane.Constant(-0.37612626f));
        p = TLane.Fma(p, v, TLane.Constant(0.128379166f));
        TFloat result = TLane.Fma(magnitude, p, magnitude);
        TInt isLarge = TLane.LessOrEqual(TLane.Constant(Cut1), magnitude);
        if (TLane.IsAnySet(isLarge))
        {
            result = TLane.Select(isLarge, Large<TLane, TFloat, TInt>(magnitude), result);
        }

        TInt sign = TLane.And(TLane.AsInt(x), TLane.ConstantInt(int.MinValue));
        result = TLane.AsFloat(TLane.Or(TLane.AsInt(result), sign));
        return TLane.Select(TLane.Equal(x, x), result, x);
    }

    /// <summary>
    /// The three upper pieces. A call of its own: with all four pieces in one, the JIT stopped inlining on machines without 512-bit
    /// registers, and sixteen elements took 400 ns.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static TFloat Large<TLane, TFloat, TInt>(TFloat magnitude)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TInt below2 = TLane.Less(magnitude, TLane.Constant(Cut2));
        TInt below3 = TLane.Less(magnitude, TLane.Constant(Cut3));
        TFloat v = TLane.Sub(magnitude, Piece<TLane, TFloat, TInt>(below2, below3, 1.18765354f, 1.93773842f, 3.14775372f));
        TFloat p = Piece<TLane, TFloat, TInt>(below2, below3, -0.00578837004f, 0.00140499976f, -9.81350531e-5f);
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below2, below3, 0.00662435638f, -0.00410323869f, 0.000274196267f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below2, below3, 0.0190613866f, 0.00213350658f, -0.000416543538f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below2, below3, -0.0547784008f, 0.0126113165f, 0.000507074408f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below2, below3, 0.00975434389f, -0.0384648107f, -0.000494121865f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below2, below3, 0.167136967f, 0.0573051572f, 0.00035381745f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below2, below3, -0.327011764f, -0.0511738174f, -0.000176821646f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below2, below3, 0.275342733f, 0.0264090598f, 5.60787048e-5f));
        TFloat result = TLane.Fma(v, p, Piece<TLane, TFloat, TInt>(below2, below3, 0.906964004f, 0.993863106f, 0.999991477f));
        return TLane.Select(TLane.Less(magnitude, TLane.Constant(LargestArgument)), result, TLane.Constant(1f));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloat Piece<TLane, TFloat, TInt>(TInt below2, TInt below3, float second, float third, float fourth)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Select(below2, TLane.Constant(second), TLane.Select(below3, TLane.Constant(third), TLane.Constant(fourth)));
}
