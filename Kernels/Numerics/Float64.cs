using System.Runtime.CompilerServices;
using ILGPU;

namespace RduEmu.Kernels.Numerics;

/// <summary>Binary64 values as the 64-bit words that hold them.</summary>
public static class Float64
{
    private const long ImplicitBit = 1L << 52;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Of(long bits) => Interop.IntAsFloat((ulong)bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Bits(double value) => (long)Interop.FloatAsInt(value);

    /// <summary>True if the bits are a NaN's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsNaN(long bits) => (bits & long.MaxValue) > 0x7FF0000000000000;

    /// <summary>
    /// x - n y, n being x / y cut to an integer: exact, by long division in integers. NaN where y is 0 or x not finite; x where
    /// y is infinite; a zero has the sign of x.
    /// </summary>
    public static double Remainder(double x, double y)
    {
        long sign = Bits(x) & long.MinValue;
        long a = Bits(x) & long.MaxValue;
        long b = Bits(y) & long.MaxValue;
        const long infinity = 0x7FF0000000000000;
        if (a >= infinity || b > infinity || b == 0)
        {
            return double.NaN;
        }

        if (a < b)
        {
            return x;
        }

        int exponentA = Split(a, out long fractionA);
        int exponentB = Split(b, out long fractionB);
        while (fractionB < ImplicitBit)
        {
            fractionB <<= 1;
            exponentB--;
        }

        for (int exponent = exponentA; exponent > exponentB; exponent--)
        {
            fractionA -= fractionA >= fractionB ? fractionB : 0;
            fractionA <<= 1;
        }

        fractionA -= fractionA >= fractionB ? fractionB : 0;
        return Of(sign | Join(fractionA, exponentB));
    }

    /// <summary>value = fraction · 2^(exponent - 1075), the exponent at least 1; a subnormal's fraction is below the implicit bit.</summary>
    private static int Split(long bits, out long fraction)
    {
        int exponent = (int)(bits >> 52);
        fraction = bits & (ImplicitBit - 1);
        if (exponent == 0)
        {
            return 1;
        }

        fraction |= ImplicitBit;
        return exponent;
    }

    /// <summary>The bits of fraction · 2^(exponent - 1075), which is a float64.</summary>
    private static long Join(long fraction, int exponent)
    {
        if (fraction == 0)
        {
            return 0;
        }

        while (fraction < ImplicitBit && exponent > 1)
        {
            fraction <<= 1;
            exponent--;
        }

        // A subnormal divisor was scaled up; what is left is a multiple of the smallest float64 all the same.
        for (; exponent < 1; exponent++)
        {
            fraction >>= 1;
        }

        return fraction < ImplicitBit ? fraction : ((long)exponent << 52) | (fraction & (ImplicitBit - 1));
    }
}
