using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics.Special;

/// <summary>erf(x), within 1 ulp.</summary>
public static class ErrorFunction
{
    private const float Cut1 = 0.875f;
    private const float Cut2 = 1.5f;
    private const float Cut3 = 2.25f;

    /// <summary>From 3.833 on the result rounds to 1.</summary>
    private const float LargestArgument = 3.84f;

    /// <summary>
    /// Four polynomials of degree 7 with one evaluation. Below 0.875: x + x p(x²), p(x²) = erf(x) / x - 1. In [0.875, 1.5),
    /// [1.5, 2.25) and [2.25, 3.84): K + v p(v) with v = x - x0, x0 being a float near the middle whose error function K is
    /// within 2^-34 of a float. All four are minimax (Remez, coefficients rounded): remainders 2^-29.8 of the result, then
    /// 2^-27.9, 2^-30.7 and 2^-27.7 absolute, where a unit in the last place is 2^-24.
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
        TFloat centre = Piece<TLane, TFloat, TInt>(below1, below2, below3, 0f, 1.18765354f, 1.87535477f, 3.04474163f);
        TFloat offset = TLane.Sub(magnitude, centre);
        TFloat v = TLane.Select(below1, TLane.Mul(magnitude, magnitude), offset);
        TFloat p = Piece<TLane, TFloat, TInt>(below1, below2, below3, 4.36539776e-5f, -0.00578837004f, 0.0012833284f, -0.000106443629f);
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, -2.99237854e-5f, 0.00662435638f, -0.0048076855f, 0.000358597201f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, -0.000698671327f, 0.0190613866f, 0.00411314145f, -0.000635671662f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, 0.00514309388f, -0.0547784008f, 0.0114592565f, 0.000829224009f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, -0.0268446226f, 0.00975434389f, -0.0422406606f, -0.000835181738f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, 0.112835184f, 0.167136967f, 0.0673815757f, 0.000621910091f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, -0.37612626f, -0.327011764f, -0.0628266633f, -0.000323708926f));
        p = TLane.Fma(p, v, Piece<TLane, TFloat, TInt>(below1, below2, below3, 0.128379166f, 0.275342733f, 0.0335012227f, 0.000106233711f));
        TFloat atCentre = Piece<TLane, TFloat, TInt>(below1, below2, below3, 0f, 0.906964004f, 0.992001951f, 0.99998337f);
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
