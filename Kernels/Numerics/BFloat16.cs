using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics;

/// <summary>
/// bf16, the upper 16 bits of a binary32: sign, 8 exponent bits, 7 fraction bits. A rounded value stays a float whose lower 16
/// bits are zero, so that it can go on in the same lane; storage takes its upper half.
/// </summary>
/// <remarks>Subnormals are kept, infinities stay, a NaN stays a NaN; what rounds beyond the largest finite value is infinite.</remarks>
public static class BFloat16
{
    private const int UpperHalf = unchecked((int)0xFFFF0000);
    private const int QuietBit = 0x00400000;

    /// <summary>The bf16 next to x; of two equally near ones that whose last bit is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat NearestEven<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TInt bits = TLane.AsInt(x);
        TInt lastBit = TLane.And(TLane.ShiftRightLogical(bits, 16), TLane.ConstantInt(1));
        return Truncate<TLane, TFloat, TInt>(x, TLane.AddInt(bits, TLane.AddInt(lastBit, TLane.ConstantInt(0x7FFF))));
    }

    /// <summary>
    /// One of the two bf16 around x, the one further from zero with the probability (distance from the other) / (distance of the
    /// two), to 2^-16 exactly: so the mean of the result over all random words is x.
    /// </summary>
    /// <param name="x">A value that is itself a bf16 stays.</param>
    /// <param name="random">Its lower 16 bits are used: half of a <see cref="Philox"/> word.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Stochastic<TLane, TFloat, TInt>(TFloat x, TInt random)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        Truncate<TLane, TFloat, TInt>(x, TLane.AddInt(TLane.AsInt(x), TLane.And(random, TLane.ConstantInt(0xFFFF))));

    /// <summary>The 16 bits of a value that is a bf16, in the lower half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TInt ToBits<TLane, TFloat, TInt>(TFloat rounded)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.ShiftRightLogical(TLane.AsInt(rounded), 16);

    /// <summary>The value of 16 bits in the lower half; what is above them does not matter.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat FromBits<TLane, TFloat, TInt>(TInt bits)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.AsFloat(TLane.ShiftLeft(bits, 16));

    /// <summary>The upper half of the raised bits; a carry out of the fraction is the next exponent, the last one infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloat Truncate<TLane, TFloat, TInt>(TFloat x, TInt raised)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        // A NaN whose payload is in the lower half only must not become an infinity, nor be carried into the sign.
        TInt quiet = TLane.Or(TLane.AsInt(x), TLane.ConstantInt(QuietBit));
        TInt chosen = TLane.SelectInt(TLane.Equal(x, x), raised, quiet);
        return TLane.AsFloat(TLane.And(chosen, TLane.ConstantInt(UpperHalf)));
    }
}
