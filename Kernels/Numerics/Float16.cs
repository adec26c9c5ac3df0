using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics;

/// <summary>
/// IEEE binary16: sign, 5 exponent bits, 10 fraction bits. A rounded value stays a float, so that it can go on in the same lane.
/// </summary>
public static class Float16
{
    private const float SmallestNormal = 6.1035156e-5f;
    private const float Largest = 65504f;

    /// <summary>
    /// The binary16 next to x, of two equally near ones the even one; what rounds beyond 65504 is infinite, subnormals of binary16
    /// are kept, a NaN stays.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat NearestEven<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat magnitude = TLane.Abs(x);
        TInt bits = TLane.AsInt(magnitude);
        TInt lastBit = TLane.And(TLane.ShiftRightLogical(bits, 13), TLane.ConstantInt(1));
        TInt raised = TLane.AddInt(bits, TLane.AddInt(lastBit, TLane.ConstantInt(0xFFF)));
        TFloat normal = TLane.AsFloat(TLane.And(raised, TLane.ConstantInt(unchecked((int)0xFFFFE000))));
        normal = TLane.Select(TLane.Less(TLane.Constant(Largest), normal), TLane.Constant(float.PositiveInfinity), normal);

        // In [1/2, 1) the last place of a float is 2^-24, as that of a binary16 subnormal: adding one half rounds to it.
        TFloat half = TLane.Constant(0.5f);
        TFloat subnormal = TLane.Sub(TLane.Add(magnitude, half), half);
        TFloat rounded = TLane.Select(TLane.Less(magnitude, TLane.Constant(SmallestNormal)), subnormal, normal);
        return TLane.Select(TLane.Equal(x, x), Integral.WithSignOf<TLane, TFloat, TInt>(rounded, x), x);
    }
}
