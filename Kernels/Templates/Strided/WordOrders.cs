using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>Which of two elements, as 64-bit words, comes first in a selection.</summary>
public interface IWordOrder
{
    /// <summary>True if x comes strictly before y.</summary>
    static abstract bool Precedes(long x, long y);
}

/// <summary>Signed integers, the largest first.</summary>
public readonly struct LargestInteger : IWordOrder
{
    public static bool Precedes(long x, long y) => x > y;
}

/// <summary>Signed integers, the smallest first.</summary>
public readonly struct SmallestInteger : IWordOrder
{
    public static bool Precedes(long x, long y) => x < y;
}

/// <summary>Unsigned 64-bit integers, the largest first.</summary>
public readonly struct LargestUnsigned : IWordOrder
{
    public static bool Precedes(long x, long y) => (ulong)x > (ulong)y;
}

/// <summary>Unsigned 64-bit integers, the smallest first.</summary>
public readonly struct SmallestUnsigned : IWordOrder
{
    public static bool Precedes(long x, long y) => (ulong)x < (ulong)y;
}

/// <summary>Binary32, the largest first and a NaN before all numbers; zeros are equal.</summary>
public readonly struct LargestFloat32 : IWordOrder
{
    public static bool Precedes(long x, long y)
    {
        float a = CastWords.Float32(x);
        float b = CastWords.Float32(y);
        return a > b || (!(a <= float.PositiveInfinity) && b <= float.PositiveInfinity);
    }
}

/// <summary>Binary32, the smallest first and a NaN before all numbers; zeros are equal.</summary>
public readonly struct SmallestFloat32 : IWordOrder
{
    public static bool Precedes(long x, long y)
    {
        float a = CastWords.Float32(x);
        float b = CastWords.Float32(y);
        return a < b || (!(a <= float.PositiveInfinity) && b <= float.PositiveInfinity);
    }
}

/// <summary>Binary64, the largest first and a NaN before all numbers; zeros are equal.</summary>
public readonly struct LargestFloat64 : IWordOrder
{
    public static bool Precedes(long x, long y) => Float64.Of(x) > Float64.Of(y) || (Float64.IsNaN(x) && !Float64.IsNaN(y));
}

/// <summary>Binary64, the smallest first and a NaN before all numbers; zeros are equal.</summary>
public readonly struct SmallestFloat64 : IWordOrder
{
    public static bool Precedes(long x, long y) => Float64.Of(x) < Float64.Of(y) || (Float64.IsNaN(x) && !Float64.IsNaN(y));
}
