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
        TInt below1 = TLane.Less(magnitude, TLane.Constant(Cut1));
        TInt below2 = TLane.Less(magnitude, TLane.Constant(Cut2));
        TInt below3 = TLane.Less(magnitude, TLane.Constant(Cut3));
        TFloat centre = Piece<TLane, TFloat, TInt>(below1, below2, below3, 0f, 1.18765354f, 1.93773842f, 3.14775372f);
        TFloat offset = TLane.Sub(magnitude, centre);
        TFloat v = TLane.Select(below1, TLane.Mul(magnitude, magnitude), offset);
        TFloat p = Piece<TLane, TFloat, TInt>(below1, below2, below3, 4.36539776e-5f, -0.00578837004f, 0.00140499976f, -9.81350531e-5f);
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, -2.99237854e-5f, 0.00662435638f, -0.00410323869f, 0.000274196267f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, -0.000698671327f, 0.0190613866f, 0.00213350658f, -0.000416543538f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, 0.00514309388f, -0.0547784008f, 0.0126113165f, 0.000507074408f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, -0.0268446226f, 0.00975434389f, -0.0384648107f, -0.000494121865f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, 0.112835184f, 0.167136967f, 0.0573051572f, 0.00035381745f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, -0.37612626f, -0.327011764f, -0.0511738174f, -0.000176821646f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, 0.128379166f, 0.275342733f, 0.0264090598f, 5.60787048e-5f));
        TFloat atCentre = Piece<TLane, TFloat, TInt>(below1, below2, below3, 0f, 0.906964004f, 0.993863106f, 0.999991477f);
        TFloat result = TLane.Fma(offset, p, TLane.Select(below1, magnitude, atCentre));
        result = TLane.Select(TLane.Less(magnitude, TLane.Constant(LargestArgument)), result, TLane.Constant(1f));
        TInt sign = TLane.And(TLane.AsInt(x), TLane.ConstantInt(int.MinValue));
        result = TLane.AsFloat(TLane.Or(TLane.AsInt(result), sign));
        return TLane.Select(TLane.Equal(x, x), result, x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloat Piece<TLane, TFloat, TInt>(TInt below1, TInt below2, TInt below3, float first, float second, float third, float fourth)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Select(
            below1,
            TLane.Constant(first),
            TLane.Select(below2, TLane.Constant(second), TLane.Select(below3, TLane.Constant(third), TLane.Constant(fourth))));
}
