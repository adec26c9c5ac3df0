using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics.Special;

/// <summary>
/// A non-negative angle as quadrant · pi / 2 + r + rLow, |r| &lt;= pi / 4 and a little, rLow below the last place of r: what the sine and
/// the cosine start from. Right for every float: the relative error of r + rLow is at most 2^-30.
/// </summary>
internal static class CircleReduction
{
    /// <summary>From here on the long way: n has at most 17 bits below it.</summary>
    private const float LongWayLimit = 131072f;

    private const float TwoOverPi = 0.636619747f;

    /// <summary>pi / 2 in three floats.</summary>
    private const float HalfPiHigh = 1.57079637f;

    private const float HalfPiMiddle = -4.37113883e-8f;
    private const float HalfPiLow = -1.71512451e-15f;
    private const float RoundingShift = 12582912f;

    /// <summary>
    /// Cody and Waite's reduction with FMAs: n = the integer next to x · 2 / pi, then x - n · pi / 2 in three steps, of which the
    /// first is exact (x and n · HalfPiHigh are multiples of 2^-24, their difference is below 1). Huge angles go the long way.
    /// </summary>
    /// <param name="x">At least 0; infinities and NaN give anything.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Reduce<TLane, TFloat, TInt>(TFloat x, out TFloat rLow, out TInt quadrant)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat shifted = TLane.Fma(x, TLane.Constant(TwoOverPi), TLane.Constant(RoundingShift));
        TFloat n = TLane.Sub(shifted, TLane.Constant(RoundingShift));
        quadrant = TLane.SubInt(TLane.AsInt(shifted), TLane.ConstantInt(0x4B400000));
        TFloat a = TLane.Fma(n, TLane.Constant(-HalfPiHigh), x);
        TFloat b = TLane.Mul(n, TLane.Constant(-HalfPiMiddle));
        TFloat bLow = TLane.Fma(n, TLane.Constant(-HalfPiMiddle), TLane.Negate(b));

        // Either of a and b may be the larger: the sum's error needs both differences.
        TFloat sum = TLane.Add(a, b);
        TFloat partB = TLane.Sub(sum, a);
        TFloat error = TLane.Add(TLane.Sub(a, TLane.Sub(sum, partB)), TLane.Sub(b, partB));
        TFloat rest = TLane.Add(error, TLane.Fma(n, TLane.Constant(-HalfPiLow), bLow));
        TFloat r = TLane.Add(sum, rest);
        rLow = TLane.Sub(rest, TLane.Sub(r, sum));

        TInt isHuge = TLane.LessOrEqual(TLane.Constant(LongWayLimit), x);
        if (TLane.IsAnySet(isHuge))
        {
            TFloat longR = LongWay<TLane, TFloat, TInt>(x, out TFloat longRLow, out TInt longQuadrant);
            r = TLane.Select(isHuge, longR, r);
            rLow = TLane.Select(isHuge, longRLow, rLow);
            quadrant = TLane.SelectInt(isHuge, longQuadrant, quadrant);
        }

        return r;
    }

    /// <summary>turn · pi / 2 as r + rLow, for |turn| &lt;= 1/2 in quarter circles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat OfQuarterTurns<TLane, TFloat, TInt>(TFloat turn, TFloat turnLow, out TFloat rLow)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat product = TLane.Mul(turn, TLane.Constant(HalfPiHigh));
        TFloat rest = TLane.Fma(turn, TLane.Constant(HalfPiHigh), TLane.Negate(product));
        rest = TLane.Fma(turn, TLane.Constant(HalfPiMiddle), rest);
        rest = TLane.Fma(turnLow, TLane.Constant(HalfPiHigh), rest);
        TFloat r = TLane.Add(product, rest);
        rLow = TLane.Sub(rest, TLane.Sub(r, product));
        return r;
    }

    /// <summary>
    /// Payne and Hanek's reduction (SIGNUM Newsletter 18, 1983) for x = m · 2^e: only those 96 bits of 2 / pi matter whose
    /// product with m neither is a multiple of four quarter circles nor falls below 2^-62 of one. No float comes nearer than
    /// 2^-31 to a multiple of pi / 2, so 31 significant bits are left at least.
    /// </summary>
    /// <remarks>Written for x &gt;= 2^17. A shift by a variable count is a product with a power of two.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static TFloat LongWay<TLane, TFloat, TInt>(TFloat x, out TFloat rLow, out TInt quadrant)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TInt bits = TLane.AsInt(x);
        TInt m = TLane.Or(TLane.And(bits, TLane.ConstantInt(0x7FFFFF)), TLane.ConstantInt(0x800000));

        // The window's first bit of 2 / pi, which is stored with eight zero bits before it.
        TInt position = TLane.SubInt(TLane.ShiftRightLogical(bits, 23), TLane.ConstantInt(144));
        TInt in0 = TLane.LessInt(position, TLane.ConstantInt(32));
        TInt in1 = TLane.LessInt(position, TLane.ConstantInt(64));
        TInt in2 = TLane.LessInt(position, TLane.ConstantInt(96));
        TInt word0 = Word<TLane, TFloat, TInt>(in0, in1, in2, 0x00A2F983, 0x6E4E4415, 0x29FC2757, 0xD1F534DD);
        TInt word1 = Word<TLane, TFloat, TInt>(in0, in1, in2, 0x6E4E4415, 0x29FC2757, 0xD1F534DD, 0xC0DB6295);
        TInt word2 = Word<TLane, TFloat, TInt>(in0, in1, in2, 0x29FC2757, 0xD1F534DD, 0xC0DB6295, 0x993C4390);
        TInt word3 = Word<TLane, TFloat, TInt>(in0, in1, in2, 0xD1F534DD, 0xC0DB6295, 0x993C4390, 0x41FE5163);
        TInt power = PowerOfTwo<TLane, TFloat, TInt>(position);
        word0 = TLane.Or(TLane.MulInt(word0, power), TLane.MulHighUnsigned(word1, power));
        word1 = TLane.Or(TLane.MulInt(word1, power), TLane.MulHighUnsigned(word2, power));
        word2 = TLane.Or(TLane.MulInt(word2, power), TLane.MulHighUnsigned(word3, power));

        // The product, two integer bits (the quadrant) on top of 62 fraction bits.
        TInt middle = TLane.MulInt(m, word1);
        TInt low = TLane.AddInt(middle, TLane.MulHighUnsigned(m, word2));
        TInt signBit = TLane.ConstantInt(int.MinValue);
        TInt carry = TLane.LessInt(TLane.Xor(low, signBit), TLane.Xor(middle, signBit));
        TInt high = TLane.AddInt(TLane.MulInt(m, word0), TLane.MulHighUnsigned(m, word1));
        high = TLane.SubInt(high, carry);
        quadrant = TLane.ShiftRightLogical(TLane.AddInt(high, TLane.ConstantInt(1 << 29)), 30);
        high = TLane.SubInt(high, TLane.ShiftLeft(quadrant, 30));

        // The signed fraction in four pieces that are exact as floats, added largest first.
        TFloat a = TLane.Mul(TLane.Convert(TLane.ShiftRightArithmetic(high, 15)), TLane.Constant(1f / (1 << 15)));
        TFloat b = TLane.Mul(TLane.Convert(TLane.And(high, TLane.ConstantInt(0x7FFF))), TLane.Constant(1f / (1 << 30)));
        TFloat c = TLane.Mul(TLane.Convert(TLane.ShiftRightLogical(low, 16)), TLane.Constant(1f / (1L << 46)));
        TFloat d = TLane.Mul(TLane.Convert(TLane.And(low, TLane.ConstantInt(0xFFFF))), TLane.Constant(1f / (1L << 62)));
        TFloat ab = TLane.Add(a, b);
        TFloat abLow = TLane.Sub(b, TLane.Sub(ab, a));
        TFloat abc = TLane.Add(ab, c);
        TFloat rest = TLane.Add(TLane.Add(abLow, TLane.Sub(c, TLane.Sub(abc, ab))), d);
        TFloat turn = TLane.Add(abc, rest);
        return OfQuarterTurns<TLane, TFloat, TInt>(turn, TLane.Sub(rest, TLane.Sub(turn, abc)), out rLow);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TInt Word<TLane, TFloat, TInt>(TInt in0, TInt in1, TInt in2, uint first, uint second, uint third, uint fourth)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.SelectInt(
            in0,
            TLane.ConstantInt(unchecked((int)first)),
            TLane.SelectInt(
                in1,
                TLane.ConstantInt(unchecked((int)second)),
                TLane.SelectInt(in2, TLane.ConstantInt(unchecked((int)third)), TLane.ConstantInt(unchecked((int)fourth)))));

    /// <summary>2^(n mod 32).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TInt PowerOfTwo<TLane, TFloat, TInt>(TInt n)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TInt power = TLane.AddInt(TLane.ConstantInt(1), TLane.And(n, TLane.ConstantInt(1)));
        power = TLane.SelectInt(IsSet<TLane, TFloat, TInt>(n, 2), TLane.ShiftLeft(power, 2), power);
        power = TLane.SelectInt(IsSet<TLane, TFloat, TInt>(n, 4), TLane.ShiftLeft(power, 4), power);
        power = TLane.SelectInt(IsSet<TLane, TFloat, TInt>(n, 8), TLane.ShiftLeft(power, 8), power);
        return TLane.SelectInt(IsSet<TLane, TFloat, TInt>(n, 16), TLane.ShiftLeft(power, 16), power);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TInt IsSet<TLane, TFloat, TInt>(TInt n, int bit)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.EqualInt(TLane.And(n, TLane.ConstantInt(bit)), TLane.ConstantInt(bit));
}
