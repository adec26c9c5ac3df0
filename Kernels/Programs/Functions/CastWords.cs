using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Programs.Functions;

/// <summary>Conversions between number types, each rounded once.</summary>
public static class CastWords
{
    private const double TwoToThe63 = 9223372036854775808d;

    /// <summary>The binary32 whose bits are the lower word.</summary>
    public static float Float32(long word) => ScalarLane.AsFloat((int)word);

    public static long Float32Bits(float value) => ScalarLane.AsInt(value);

    /// <summary>
    /// To nearest even. From 2^50 on the lower 12 bits become one sticky bit, so that the step through float64 is exact and only
    /// the last one rounds: halves between two floats are multiples of 2^26 there.
    /// </summary>
    public static float ToFloat32(long x)
    {
        long low = x & 0xFFF;
        bool isLarge = x >= 1L << 50 || x <= -(1L << 50);
        return (float)(double)(isLarge && low != 0 ? (x - low) | 0x1000 : x);
    }

    /// <summary>Half of the value with a sticky last bit, doubled: exact but for the one rounding.</summary>
    public static float UnsignedToFloat32(long x) => x >= 0 ? ToFloat32(x) : Exact.Mul(ToFloat32(Half(x)), 2f);

    public static double UnsignedToFloat64(long x) => x >= 0 ? (double)x : Exact.Mul((double)Half(x), 2d);

    public static long ToInteger(double x)
    {
        if (Float64.IsNaN(Float64.Bits(x)))
        {
            return 0;
        }

        return x >= TwoToThe63 ? long.MaxValue : x < -TwoToThe63 ? long.MinValue : (long)x;
    }

    public static long ToUnsigned(double x)
    {
        if (!(x > -1d))
        {
            return ToInteger(x);
        }

        return x >= 2d * TwoToThe63 ? -1 : x >= TwoToThe63 ? (long)Exact.Sub(x, TwoToThe63) ^ long.MinValue : (long)x;
    }

    private static long Half(long x) => (long)((ulong)x >> 1) | (x & 1);
}

/// <summary>One function after another.</summary>
public readonly struct ThenWord<TFirst, TSecond> : IWordFunction
    where TFirst : struct, IWordFunction
    where TSecond : struct, IWordFunction
{
    public static long Apply(long x, long y, long z)
    {
        long first = TFirst.Apply(x, y, z);
        return TSecond.Apply(first, first, first);
    }
}

/// <summary>Integer to binary32, to nearest even.</summary>
public readonly struct IntegerToFloat32Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => CastWords.Float32Bits(CastWords.ToFloat32(x));
}

/// <summary>Unsigned 64-bit integer to binary32, to nearest even.</summary>
public readonly struct UnsignedToFloat32Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => CastWords.Float32Bits(CastWords.UnsignedToFloat32(x));
}

/// <summary>Integer to binary64, to nearest even.</summary>
public readonly struct IntegerToFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Bits((double)x);
}

/// <summary>Unsigned 64-bit integer to binary64, to nearest even.</summary>
public readonly struct UnsignedToFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Bits(CastWords.UnsignedToFloat64(x));
}

/// <summary>Binary32 to integer, towards zero, then its lower bits; beyond 64 bits the nearest there is, 0 of a NaN.</summary>
public readonly struct Float32ToIntegerWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => CastWords.ToInteger(CastWords.Float32(x));
}

/// <summary>Binary32 to unsigned 64-bit integer, towards zero; beyond the range the nearest there is, 0 of a NaN.</summary>
public readonly struct Float32ToUnsignedWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => CastWords.ToUnsigned(CastWords.Float32(x));
}

/// <summary>Binary64 to integer, towards zero, then its lower bits; beyond 64 bits the nearest there is, 0 of a NaN.</summary>
public readonly struct Float64ToIntegerWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => CastWords.ToInteger(Float64.Of(x));
}

/// <summary>Binary64 to unsigned 64-bit integer, towards zero; beyond the range the nearest there is, 0 of a NaN.</summary>
public readonly struct Float64ToUnsignedWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => CastWords.ToUnsigned(Float64.Of(x));
}

/// <summary>Binary32 to binary64: exact.</summary>
public readonly struct Float32ToFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Bits(CastWords.Float32(x));
}

/// <summary>Binary64 to binary32, to nearest even.</summary>
public readonly struct Float64ToFloat32Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => CastWords.Float32Bits((float)Float64.Of(x));
}

/// <summary>1 where the binary32 is not a zero, else 0; of a NaN 1.</summary>
public readonly struct Float32ToBoolWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => CastWords.Float32(x) == 0f ? 0 : 1;
}

/// <summary>1 where the binary64 is not a zero, else 0; of a NaN 1.</summary>
public readonly struct Float64ToBoolWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Of(x) == 0d ? 0 : 1;
}

/// <summary>Binary32 to binary16 (as a binary32), to nearest even.</summary>
public readonly struct RoundToFloat16Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => CastWords.Float32Bits(Float16.NearestEven<ScalarLane, float, int>(CastWords.Float32(x)));
}

/// <summary>Binary32 to bf16 (as a binary32), to nearest even.</summary>
public readonly struct RoundToBFloat16Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => CastWords.Float32Bits(BFloat16.NearestEven<ScalarLane, float, int>(CastWords.Float32(x)));
}
