using System.Runtime.CompilerServices;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.RowReduce;

/// <summary>What a row is reduced by: lanes that start from an identity, take elements one by one, and are combined in pairs.</summary>
public interface IRowReduction
{
    /// <summary>What every lane starts from; the result of a lane without elements.</summary>
    static abstract float Identity { get; }

    /// <summary>The lane after one more element.</summary>
    static abstract TFloat Accumulate<TLane, TFloat, TInt>(TFloat lane, TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged;

    /// <summary>Two lanes as one, the lower lane first.</summary>
    static abstract float Combine(float lower, float upper);

    /// <summary>The same for lanes of several rows side by side.</summary>
    static abstract TFloat CombineRows<TLane, TFloat, TInt>(TFloat lower, TFloat upper)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged;

    /// <summary>The row's result from the last lane's.</summary>
    static abstract float Finish(float total, int columns);
}

/// <summary>Σ x, each lane a chain of additions from +0.</summary>
public readonly struct RowSum : IRowReduction
{
    public static float Identity => 0f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Accumulate<TLane, TFloat, TInt>(TFloat lane, TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Add(lane, x);

    public static float Combine(float lower, float upper) => Exact.Add(lower, upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat CombineRows<TLane, TFloat, TInt>(TFloat lower, TFloat upper)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Add(lower, upper);

    public static float Finish(float total, int columns) => total;
}

/// <summary>Σ x², each lane an FMA chain from +0.</summary>
public readonly struct RowSumOfSquares : IRowReduction
{
    public static float Identity => 0f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Accumulate<TLane, TFloat, TInt>(TFloat lane, TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Fma(x, x, lane);

    public static float Combine(float lower, float upper) => Exact.Add(lower, upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat CombineRows<TLane, TFloat, TInt>(TFloat lower, TFloat upper)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Add(lower, upper);

    public static float Finish(float total, int columns) => total;
}

/// <summary>Σ x as <see cref="RowSum"/>, divided by the number of columns (rounded to a float); NaN where there are none.</summary>
public readonly struct RowMean : IRowReduction
{
    public static float Identity => 0f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Accumulate<TLane, TFloat, TInt>(TFloat lane, TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Add(lane, x);

    public static float Combine(float lower, float upper) => Exact.Add(lower, upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat CombineRows<TLane, TFloat, TInt>(TFloat lower, TFloat upper)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Add(lower, upper);

    public static float Finish(float total, int columns) => Exact.Div(total, ScalarLane.Convert(columns));
}

/// <summary>The largest x, NaN if any is; of equal ones (zeros of both signs) the first in the order of the reduction. -inf of nothing.</summary>
public readonly struct RowMax : IRowReduction
{
    public static float Identity => float.NegativeInfinity;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Accumulate<TLane, TFloat, TInt>(TFloat lane, TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        // A lane that is NaN keeps it, for nothing compares with it.
        TFloat larger = TLane.Select(TLane.Less(lane, x), x, lane);
        return TLane.Select(TLane.Equal(x, x), larger, x);
    }

    public static float Combine(float lower, float upper) => Accumulate<ScalarLane, float, int>(lower, upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat CombineRows<TLane, TFloat, TInt>(TFloat lower, TFloat upper)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => Accumulate<TLane, TFloat, TInt>(lower, upper);

    public static float Finish(float total, int columns) => total;
}

/// <summary>The smallest x, NaN if any is; of equal ones (zeros of both signs) the first in the order of the reduction. +inf of nothing.</summary>
public readonly struct RowMin : IRowReduction
{
    public static float Identity => float.PositiveInfinity;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Accumulate<TLane, TFloat, TInt>(TFloat lane, TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat smaller = TLane.Select(TLane.Less(x, lane), x, lane);
        return TLane.Select(TLane.Equal(x, x), smaller, x);
    }

    public static float Combine(float lower, float upper) => Accumulate<ScalarLane, float, int>(lower, upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat CombineRows<TLane, TFloat, TInt>(TFloat lower, TFloat upper)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => Accumulate<TLane, TFloat, TInt>(lower, upper);

    public static float Finish(float total, int columns) => total;
}

/// <summary>Π x, each lane a chain of products from 1.</summary>
public readonly struct RowProduct : IRowReduction
{
    public static float Identity => 1f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Accumulate<TLane, TFloat, TInt>(TFloat lane, TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Mul(lane, x);

    public static float Combine(float lower, float upper) => Exact.Mul(lower, upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat CombineRows<TLane, TFloat, TInt>(TFloat lower, TFloat upper)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Mul(lower, upper);

    public static float Finish(float total, int columns) => total;
}
