using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics;

/// <summary>Rounding to integers within a lane, exact for every float; signs of zero are those of the argument, a NaN stays.</summary>
public static class Integral
{
    /// <summary>2^23: from it on every float is an integer, and a smaller one loses its fraction when it is added.</summary>
    private const float FirstInteger = 8388608f;

    /// <summary>The integer next to x; of two equally near ones the even one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat RoundEven<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat shift = TLane.Constant(FirstInteger);
        TFloat magnitude = TLane.Abs(x);
        TFloat rounded = TLane.Sub(TLane.Add(magnitude, shift), shift);
        return TLane.Select(TLane.Less(magnitude, shift), WithSignOf<TLane, TFloat, TInt>(rounded, x), x);
    }

    /// <summary>The largest integer not above x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Floor<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat near = RoundEven<TLane, TFloat, TInt>(x);
        TFloat lower = WithSignOf<TLane, TFloat, TInt>(TLane.Sub(near, TLane.Constant(1f)), x);
        return TLane.Select(TLane.Less(x, near), lower, near);
    }

    /// <summary>The smallest integer not below x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Ceil<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat near = RoundEven<TLane, TFloat, TInt>(x);
        TFloat upper = WithSignOf<TLane, TFloat, TInt>(TLane.Add(near, TLane.Constant(1f)), x);
        return TLane.Select(TLane.Less(near, x), upper, near);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TFloat WithSignOf<TLane, TFloat, TInt>(TFloat magnitude, TFloat sign)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TInt signBit = TLane.ConstantInt(int.MinValue);
        return TLane.AsFloat(TLane.Or(TLane.AsInt(TLane.Abs(magnitude)), TLane.And(TLane.AsInt(sign), signBit)));
    }
}
