using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics.Special;

/// <summary>x^y, within 1 ulp.</summary>
public static class Power
{
    /// <summary>2 log2(e), ln 2 and 1/3, each in two floats.</summary>
    private const float TwoLog2EHigh = 2.88539004f;

    private const float TwoLog2ELow = 3.85192607e-8f;
    private const float Ln2High = 0.693147182f;
    private const float Ln2Low = -1.90465421e-9f;
    private const float ThirdHigh = 0.333333343f;
    private const float ThirdLow = -9.93410776e-9f;

    /// <summary>2 to this overflows, 2 to minus this rounds to zero.</summary>
    private const float LargestExponent = 160f;

    /// <summary>From here on every float is an even integer.</summary>
    private const float EvenLimit = 16777216f;

    private const float RoundingShift = 12582912f;

    /// <summary>x^y = 2^(y log2|x|), with the logarithm and the product in two floats each, and the sign of an odd power.</summary>
    /// <remarks>
    /// The special cases of IEEE 754-2019, 9.2.1: x^±0 = 1 and 1^y = 1 for every x and y, NaN included; (-1)^±inf = 1; a negative
    /// finite x to a y that is no integer is NaN; ±0 and ±inf keep their sign for odd integers y only.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Pow<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat zero = TLane.Constant(0f);
        TFloat one = TLane.Constant(1f);
        TFloat infinity = TLane.Constant(float.PositiveInfinity);
        TFloat magnitude = TLane.Abs(x);
        TFloat yMagnitude = TLane.Abs(y);
        TFloat result = Positive<TLane, TFloat, TInt>(magnitude, y);

        TInt isNegativePower = TLane.Less(y, zero);
        TInt isInfinite = TLane.Equal(magnitude, infinity);
        TFloat ofBound = TLane.Select(TLane.EqualInt(isInfinite, isNegativePower), zero, infinity);
        result = TLane.Select(TLane.Or(isInfinite, TLane.Equal(magnitude, zero)), ofBound, result);
        TFloat toInfinity = TLane.Select(TLane.EqualInt(TLane.Less(one, magnitude), isNegativePower), zero, infinity);
        toInfinity = TLane.Select(TLane.Equal(magnitude, one), one, toInfinity);
        result = TLane.Select(TLane.Equal(yMagnitude, infinity), toInfinity, result);

        TInt mayBeOdd = TLane.Less(yMagnitude, TLane.Constant(EvenLimit));
        TFloat small = TLane.Select(mayBeOdd, yMagnitude, zero);
        TInt truncated = TLane.Truncate(small);
        TInt isInteger = TLane.Equal(TLane.Convert(truncated), small);
        TInt odd = TLane.And(TLane.And(mayBeOdd, isInteger), TLane.ShiftLeft(truncated, 31));
        result = TLane.AsFloat(TLane.Or(TLane.AsInt(result), TLane.And(odd, TLane.AsInt(x))));

        TInt hasRoot = TLane.Or(TLane.Or(TLane.LessOrEqual(zero, x), isInteger), isInfinite);
        result = TLane.Select(TLane.And(hasRoot, TLane.And(TLane.Equal(x, x), TLane.Equal(y, y))), result, TLane.Constant(float.NaN));
        return TLane.Select(TLane.Or(TLane.Equal(x, one), TLane.Equal(y, zero)), one, result);
    }

    /// <summary>x^y for finite x &gt; 0 and finite y; anything elsewhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloat Positive<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat logarithm = Log2<TLane, TFloat, TInt>(x, out TFloat logarithmLow);
        TFloat product = TLane.Mul(y, logarithm);
        TFloat productLow = TLane.Fma(y, logarithmLow, TLane.Fma(y, logarithm, TLane.Negate(product)));

        TFloat limit = TLane.Constant(LargestExponent);
        TInt isInside = TLane.Less(TLane.Abs(product), limit);
        TFloat bound = TLane.Select(TLane.Less(product, TLane.Constant(0f)), TLane.Negate(limit), limit);
        product = TLane.Select(isInside, product, bound);
        productLow = TLane.Select(isInside, productLow, TLane.Constant(0f));

        TFloat shifted = TLane.Add(product, TLane.Constant(RoundingShift));
        TFloat fraction = TLane.Sub(product, TLane.Sub(shifted, TLane.Constant(RoundingShift)));
        TFloat scaled = TLane.Mul(fraction, TLane.Constant(Ln2High));
        TFloat rest = TLane.Fma(fraction, TLane.Constant(Ln2High), TLane.Negate(scaled));
        rest = TLane.Fma(fraction, TLane.Constant(Ln2Low), rest);
        rest = TLane.Fma(productLow, TLane.Constant(Ln2High), rest);
        TFloat r = TLane.Add(scaled, rest);
        TFloat rLow = TLane.Sub(rest, TLane.Sub(r, scaled));
        TFloat high = Exponential.OfReduced<TLane, TFloat, TInt>(r, rLow, out _);
        TInt exponent = TLane.SubInt(TLane.AsInt(shifted), TLane.ConstantInt(0x4B400000));
        Exponential.Scales<TLane, TFloat, TInt>(exponent, out TFloat scale, out TFloat lastScale);
        return TLane.Mul(TLane.Mul(high, scale), lastScale);
    }

    /// <summary>
    /// log2(x) = high + low, to 2^-36 of its value. x = 2^e m, s = (m - 1) / (m + 1), |s| &lt;= 0.172, z = s²:
    /// log2(m) = 2 log2(e) s (1 + z/3 + z² p(z)), p minimax of degree 3 with a remainder of 2^-43 (Remez; the Taylor coefficients
    /// are 1/5, 1/7, 1/9, 1/11). All but p is kept in two floats.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloat Log2<TLane, TFloat, TInt>(TFloat x, out TFloat low)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat one = TLane.Constant(1f);
        TFloat m = Logarithm.Split<TLane, TFloat, TInt>(x, out TFloat e);
        TFloat numerator = TLane.Sub(m, one);
        TFloat denominator = TLane.Add(m, one);
        TFloat denominatorLow = TLane.Sub(m, TLane.Sub(denominator, one));
        TFloat s = TLane.Div(numerator, denominator);
        TFloat residual = TLane.Fma(TLane.Negate(s), denominator, numerator);
        residual = TLane.Fma(TLane.Negate(s), denominatorLow, residual);
        TFloat sLow = TLane.Div(residual, denominator);

        TFloat leading = TLane.Mul(s, TLane.Constant(TwoLog2EHigh));
        TFloat leadingLow = TLane.Fma(s, TLane.Constant(TwoLog2EHigh), TLane.Negate(leading));
        leadingLow = TLane.Fma(s, TLane.Constant(TwoLog2ELow), leadingLow);
        leadingLow = TLane.Fma(sLow, TLane.Constant(TwoLog2EHigh), leadingLow);

        TFloat z = TLane.Mul(s, s);
        TFloat zLow = TLane.Fma(TLane.Add(s, s), sLow, TLane.Fma(s, s, TLane.Negate(z)));
        TFloat third = TLane.Mul(z, TLane.Constant(ThirdHigh));
        TFloat thirdLow = TLane.Fma(z, TLane.Constant(ThirdHigh), TLane.Negate(third));
        thirdLow = TLane.Fma(z, TLane.Constant(ThirdLow), thirdLow);
        thirdLow = TLane.Fma(zLow, TLane.Constant(ThirdHigh), thirdLow);
        TFloat p = TLane.Constant(0.0977820605f);
        p = TLane.Fma(p, z, TLane.Constant(0.110898644f));
        p = TLane.Fma(p, z, TLane.Constant(0.142859861f));
        p = TLane.Fma(p, z, TLane.Constant(0.199999988f));
        p = TLane.Mul(TLane.Mul(z, z), p);
        TFloat q = TLane.Add(third, p);
        TFloat qLow = TLane.Add(TLane.Sub(p, TLane.Sub(q, third)), thirdLow);

        TFloat small = TLane.Mul(leading, q);
        TFloat smallLow = TLane.Fma(leading, q, TLane.Negate(small));
        smallLow = TLane.Fma(leading, qLow, TLane.Fma(leadingLow, q, smallLow));

        // Each summand is smaller than the sum before it, or that is zero: three operations give the error.
        TFloat first = TLane.Add(e, leading);
        TFloat firstLow = TLane.Sub(leading, TLane.Sub(first, e));
        TFloat sum = TLane.Add(first, small);
        TFloat sumLow = TLane.Sub(small, TLane.Sub(sum, first));
        TFloat rest = TLane.Add(TLane.Add(firstLow, leadingLow), TLane.Add(sumLow, smallLow));
        TFloat high = TLane.Add(sum, rest);
        low = TLane.Sub(rest, TLane.Sub(high, sum));
        return high;
    }
}
