using System.Runtime.CompilerServices;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Kernels.Numerics;

/// <summary>
/// The random numbers of one element of a tensor: the <see cref="Philox"/> words with the counter (element, its lower word
/// first; step; 0) under the key (seed, stream). An element has its own counter, so what it draws depends on neither its
/// neighbours nor the order in which they are computed.
/// </summary>
public static class RandomElement
{
    /// <summary>The first two of the element's four words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TInt Words<TLane, TFloat, TInt>(TInt elementLow, TInt elementHigh, TInt step, TInt seed, TInt stream, out TInt second)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TInt last = TLane.ConstantInt(0);
        Philox.Generate<TLane, TFloat, TInt>(ref elementLow, ref elementHigh, ref step, ref last, seed, stream);
        second = elementHigh;
        return elementLow;
    }

    /// <summary>
    /// A number of the standard normal distribution by Box and Muller (Ann. Math. Stat. 29, 1958):
    /// sqrt(-2 log u) cos(2 pi v), u in (0, 1] from the upper 31 bits of the first word, v in [0, 1) from the upper 24 of the second.
    /// </summary>
    /// <remarks>At most 6.661 in magnitude. The angle is reduced as an integer, exactly; the result is within 3 ulp of the formula.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Normal<TLane, TFloat, TInt>(TInt first, TInt second)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        // Half a step is added, so that 0 is left out.
        TFloat u = TLane.Fma(
            TLane.Convert(TLane.ShiftRightLogical(first, 1)), TLane.Constant(1f / (1L << 31)), TLane.Constant(1f / (1L << 32)));
        TFloat radius = TLane.Sqrt(TLane.Mul(TLane.Constant(-2f), Logarithm.Log<TLane, TFloat, TInt>(u)));

        TInt circle24 = TLane.ShiftRightLogical(second, 8);
        TInt quadrant = TLane.ShiftRightLogical(TLane.AddInt(circle24, TLane.ConstantInt(1 << 21)), 22);
        TInt rest = TLane.SubInt(circle24, TLane.ShiftLeft(quadrant, 22));
        TFloat turn = TLane.Mul(TLane.Convert(rest), TLane.Constant(1f / (1 << 22)));
        TFloat r = CircleReduction.OfQuarterTurns<TLane, TFloat, TInt>(turn, TLane.Constant(0f), out TFloat rLow);
        TFloat cosine = Trigonometric.InQuadrant<TLane, TFloat, TInt>(r, rLow, TLane.AddInt(quadrant, TLane.ConstantInt(1)));
        return TLane.Mul(radius, cosine);
    }
}
