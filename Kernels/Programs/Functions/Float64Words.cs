using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Kernels.Programs.Functions;

/// <summary>x + y of binary32 values.</summary>
public readonly struct AddFloat32Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => CastWords.Float32Bits(Exact.Add(CastWords.Float32(x), CastWords.Float32(y)));
}

/// <summary>x · y of binary32 values.</summary>
public readonly struct MulFloat32Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => CastWords.Float32Bits(Exact.Mul(CastWords.Float32(x), CastWords.Float32(y)));
}

/// <summary>The larger of binary32 values, NaN if either is; of zeros of both signs the first.</summary>
public readonly struct MaxFloat32Word : IWordFunction
{
    public static long Apply(long x, long y, long z)
    {
        float a = CastWords.Float32(x);
        float b = CastWords.Float32(y);
        return !(b <= float.PositiveInfinity) || a < b ? y : x;
    }
}

/// <summary>The smaller of binary32 values, NaN if either is; of zeros of both signs the first.</summary>
public readonly struct MinFloat32Word : IWordFunction
{
    public static long Apply(long x, long y, long z)
    {
        float a = CastWords.Float32(x);
        float b = CastWords.Float32(y);
        return !(b <= float.PositiveInfinity) || b < a ? y : x;
    }
}

/// <summary>x + y.</summary>
public readonly struct AddFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Bits(Exact.Add(Float64.Of(x), Float64.Of(y)));
}

/// <summary>x - y.</summary>
public readonly struct SubFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Bits(Exact.Sub(Float64.Of(x), Float64.Of(y)));
}

/// <summary>x · y.</summary>
public readonly struct MulFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Bits(Exact.Mul(Float64.Of(x), Float64.Of(y)));
}

/// <summary>x · y + z with one rounding.</summary>
public readonly struct FmaFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Bits(Exact.Fma(Float64.Of(x), Float64.Of(y), Float64.Of(z)));
}

/// <summary>x / y.</summary>
public readonly struct DivFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Bits(Exact.Div(Float64.Of(x), Float64.Of(y)));
}

/// <summary>exp(x).</summary>
public readonly struct ExpFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Bits(Float64Functions.Exp(Float64.Of(x)));
}

/// <summary>log(x).</summary>
public readonly struct LogFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Bits(Float64Functions.Log(Float64.Of(x)));
}

/// <summary>1 / x.</summary>
public readonly struct ReciprocalFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Bits(Exact.Div(1d, Float64.Of(x)));
}

/// <summary>1 where x is an infinity, else 0.</summary>
public readonly struct IsInfinityFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => (x & long.MaxValue) == 0x7FF0000000000000 ? 1 : 0;
}

/// <summary>1 where x = +inf, else 0.</summary>
public readonly struct IsPositiveInfinityFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => x == 0x7FF0000000000000 ? 1 : 0;
}

/// <summary>1 where x = -inf, else 0.</summary>
public readonly struct IsNegativeInfinityFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => (x & long.MaxValue) == 0x7FF0000000000000 && x < 0 ? 1 : 0;
}

/// <summary>The square root.</summary>
public readonly struct SqrtFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Bits(Exact.Sqrt(Float64.Of(x)));
}

/// <summary>-x.</summary>
public readonly struct NegFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => x ^ long.MinValue;
}

/// <summary>|x|.</summary>
public readonly struct AbsFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => x & long.MaxValue;
}

/// <summary>-1, +1, or x itself where that is a zero or NaN.</summary>
public readonly struct SignFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z)
    {
        double value = Float64.Of(x);
        return value > 0 ? Float64.Bits(1d) : value < 0 ? Float64.Bits(-1d) : x;
    }
}

/// <summary>The larger, NaN if either is; of zeros of both signs the first.</summary>
public readonly struct MaxFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z)
    {
        double a = Float64.Of(x);
        double b = Float64.Of(y);
        return Float64.IsNaN(y) || a < b ? y : x;
    }
}

/// <summary>The smaller, NaN if either is; of zeros of both signs the first.</summary>
public readonly struct MinFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z)
    {
        double a = Float64.Of(x);
        double b = Float64.Of(y);
        return Float64.IsNaN(y) || b < a ? y : x;
    }
}

/// <summary>min(max(x, y), z); a NaN stays.</summary>
public readonly struct ClipFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z)
    {
        long raised = Float64.Of(x) < Float64.Of(y) ? y : x;
        return Float64.Of(z) < Float64.Of(raised) ? z : raised;
    }
}

/// <summary>1 where x = y, else 0.</summary>
public readonly struct EqualFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Of(x) == Float64.Of(y) ? 1 : 0;
}

/// <summary>1 where x &lt; y, else 0.</summary>
public readonly struct LessFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Of(x) < Float64.Of(y) ? 1 : 0;
}

/// <summary>1 where x &lt;= y, else 0.</summary>
public readonly struct LessOrEqualFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Of(x) <= Float64.Of(y) ? 1 : 0;
}

/// <summary>1 where x &gt; y, else 0.</summary>
public readonly struct GreaterFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Of(x) > Float64.Of(y) ? 1 : 0;
}

/// <summary>1 where x &gt;= y, else 0.</summary>
public readonly struct GreaterOrEqualFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Of(x) >= Float64.Of(y) ? 1 : 0;
}

/// <summary>1 where x is a NaN, else 0.</summary>
public readonly struct IsNaNFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.IsNaN(x) ? 1 : 0;
}

/// <summary>The remainder of x / y with the sign of x, exact: fmod.</summary>
public readonly struct RemFloat64Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => Float64.Bits(Float64.Remainder(Float64.Of(x), Float64.Of(y)));
}

/// <summary>The remainder of x / y with the sign of x, of binary32 values: fmod, exact.</summary>
public readonly struct RemFloat32Word : IWordFunction
{
    public static long Apply(long x, long y, long z) => CastWords.Float32Bits((float)Float64.Remainder(CastWords.Float32(x), CastWords.Float32(y)));
}

/// <summary>The remainder of x / y with the sign of y, of binary32 values.</summary>
public readonly struct ModFloat32Word : IWordFunction
{
    public static long Apply(long x, long y, long z)
    {
        double y64 = CastWords.Float32(y);
        double rest = Float64.Remainder(CastWords.Float32(x), y64);
        return CastWords.Float32Bits(rest != 0 && (rest < 0) != (y64 < 0) ? (float)Exact.Add(rest, y64) : (float)rest);
    }
}
