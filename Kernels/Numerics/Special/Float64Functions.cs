namespace RduEmu.Kernels.Numerics.Special;

/// <summary>exp(x) and log(x) of float64, within 1.5 ulp, of exact operations only.</summary>
public static class Float64Functions
{
    private const double Log2E = 1.4426950408889634;

    /// <summary>ln 2 with its last 21 bits zero, so that n times it is exact; and the rest.</summary>
    private const double Ln2High = 0.69314718036912382;

    private const double Ln2Low = 1.9082149292705877e-10;

    /// <summary>1.5 · 2^52: added to a smaller float64 it rounds it to an integer, to nearest even.</summary>
    private const double RoundingShift = 6755399441055744;

    private const long Infinity = 0x7FF0000000000000;

    /// <summary>
    /// x = n ln 2 + r with |r| &lt;= ln 2 / 2; exp(r) by the Taylor polynomial of degree 13, whose remainder is 5e-18; 2^n in two factors,
    /// so that only the last product rounds when the result is subnormal.
    /// </summary>
    public static double Exp(double x)
    {
        if (Float64.IsNaN(Float64.Bits(x)))
        {
            return x;
        }

        double clamped = x > 710d ? 710d : x < -746d ? -746d : x;
        double n = Exact.Sub(Exact.Fma(clamped, Log2E, RoundingShift), RoundingShift);
        double high = Exact.Fma(n, -Ln2High, clamped);
        double r = Exact.Fma(n, -Ln2Low, high);
        double rest = Exact.Fma(n, -Ln2Low, Exact.Sub(high, r));
        double p = 1d / 6227020800d;
        p = Exact.Fma(p, r, 1d / 479001600d);
        p = Exact.Fma(p, r, 1d / 39916800d);
        p = Exact.Fma(p, r, 1d / 3628800d);
        p = Exact.Fma(p, r, 1d / 362880d);
        p = Exact.Fma(p, r, 1d / 40320d);
        p = Exact.Fma(p, r, 1d / 5040d);
        p = Exact.Fma(p, r, 1d / 720d);
        p = Exact.Fma(p, r, 1d / 120d);
        p = Exact.Fma(p, r, 1d / 24d);
        p = Exact.Fma(p, r, 1d / 6d);
        p = Exact.Fma(p, r, 0.5d);
        double small = Exact.Fma(Exact.Mul(r, r), p, rest);
        double y = Exact.Add(1d, Exact.Add(r, small));
        long exponent = (long)n;
        long half = exponent >> 1;
        return Exact.Mul(Exact.Mul(y, PowerOfTwo(half)), PowerOfTwo(exponent - half));
    }

    /// <summary>
    /// x = 2^e m with m in [sqrt(1/2), sqrt(2)); log(m) = 2 atanh(s) with s = (m - 1) / (m + 1), by its series to s^25, whose next term is
    /// 2^-70 of the first.
    /// </summary>
    /// <remarks>log(±0) = -inf, log of a negative is NaN, log(+inf) = +inf.</remarks>
    public static double Log(double x)
    {
        long bits = Float64.Bits(x);
        if ((bits & long.MaxValue) == 0)
        {
            return double.NegativeInfinity;
        }

        if (bits < 0 || bits > Infinity)
        {
            return double.NaN;
        }

        if (bits == Infinity)
        {
            return x;
        }

        long shift = 0;
        if (bits < 1L << 52)
        {
            bits = Float64.Bits(Exact.Mul(x, 18014398509481984d));
            shift = 54;
        }

        // Subtracting sqrt(1/2) first puts the cut between exponents there.
        long exponent = (bits - 0x3FE6A09E667F3BCD) >> 52;
        double m = Float64.Of(bits - (exponent << 52));
        double e = exponent - shift;
        double f = Exact.Sub(m, 1d);
        double s = Exact.Div(f, Exact.Add(2d, f));
        double z = Exact.Mul(s, s);
        double p = 1d / 25d;
        p = Exact.Fma(p, z, 1d / 23d);
        p = Exact.Fma(p, z, 1d / 21d);
        p = Exact.Fma(p, z, 1d / 19d);
        p = Exact.Fma(p, z, 1d / 17d);
        p = Exact.Fma(p, z, 1d / 15d);
        p = Exact.Fma(p, z, 1d / 13d);
        p = Exact.Fma(p, z, 1d / 11d);
        p = Exact.Fma(p, z, 1d / 9d);
        p = Exact.Fma(p, z, 1d / 7d);
        p = Exact.Fma(p, z, 1d / 5d);
        p = Exact.Fma(p, z, 1d / 3d);

        // 2 s + 2 s³ p = f - s (f - 2 s² p): the leading term is exact.
        double correction = Exact.Mul(s, Exact.Sub(f, Exact.Mul(Exact.Mul(2d, z), p)));
        double low = Exact.Fma(e, Ln2Low, Exact.Sub(0d, correction));
        return Exact.Fma(e, Ln2High, Exact.Add(f, low));
    }

    private static double PowerOfTwo(long n) => Float64.Of((n + 1023) << 52);
}
