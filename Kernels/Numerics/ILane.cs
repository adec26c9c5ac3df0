namespace RduEmu.Kernels.Numerics;

/// <summary>
/// The operations of one PCU lane under <c>rdu-order/1</c>: IEEE 754 binary32, round to nearest even, subnormals kept,
/// nothing contracted that is not written. Every elementwise formula of the product is written once against this interface
/// and runs as a GPU thread (<see cref="ScalarLane"/>), in the interpreter (<see cref="ScalarLane"/>) and on the host
/// (<see cref="WideLane"/>).
/// </summary>
/// <remarks>
/// A comparison yields a mask in <typeparamref name="TInt"/>: all bits set where it holds, zero elsewhere; a comparison with
/// a NaN is false. Integer arithmetic wraps. NaN payloads are not defined.
/// </remarks>
/// <typeparam name="TFloat">One or several binary32 values.</typeparam>
/// <typeparam name="TInt">As many 32-bit integers.</typeparam>
public interface ILane<TFloat, TInt>
    where TFloat : unmanaged
    where TInt : unmanaged
{
    /// <summary>Values held by one <typeparamref name="TFloat"/>.</summary>
    static abstract int WidthElements { get; }

    static abstract TFloat Constant(float value);
    static abstract TInt ConstantInt(int value);

    static abstract TFloat Add(TFloat a, TFloat b);
    static abstract TFloat Sub(TFloat a, TFloat b);
    static abstract TFloat Mul(TFloat a, TFloat b);

    /// <summary>a·b + c with one rounding.</summary>
    static abstract TFloat Fma(TFloat a, TFloat b, TFloat c);

    static abstract TFloat Div(TFloat a, TFloat b);
    static abstract TFloat Sqrt(TFloat a);

    /// <summary>Flips the sign bit, also of NaN and zero.</summary>
    static abstract TFloat Negate(TFloat a);

    /// <summary>Clears the sign bit.</summary>
    static abstract TFloat Abs(TFloat a);

    static abstract TInt Less(TFloat a, TFloat b);
    static abstract TInt LessOrEqual(TFloat a, TFloat b);
    static abstract TInt Equal(TFloat a, TFloat b);

    /// <summary><paramref name="whenSet"/> where the mask is set, else <paramref name="whenClear"/>.</summary>
    static abstract TFloat Select(TInt mask, TFloat whenSet, TFloat whenClear);

    static abstract TInt SelectInt(TInt mask, TInt whenSet, TInt whenClear);

    /// <summary>
    /// True if the mask is set anywhere: lets a lane group skip a rare, long path. Each lane must still choose by its own mask
    /// bit, so that no value depends on its neighbours.
    /// </summary>
    static abstract bool IsAnySet(TInt mask);

    /// <summary>The bits of the value.</summary>
    static abstract TInt AsInt(TFloat a);

    /// <summary>The value with these bits.</summary>
    static abstract TFloat AsFloat(TInt a);

    /// <summary>Truncates towards zero; defined for |a| &lt; 2^31 only.</summary>
    static abstract TInt Truncate(TFloat a);

    /// <summary>Rounds to nearest even.</summary>
    static abstract TFloat Convert(TInt a);

    static abstract TInt AddInt(TInt a, TInt b);
    static abstract TInt SubInt(TInt a, TInt b);
    static abstract TInt MulInt(TInt a, TInt b);

    /// <summary>The upper 32 bits of the unsigned 64-bit product.</summary>
    static abstract TInt MulHighUnsigned(TInt a, TInt b);

    static abstract TInt And(TInt a, TInt b);
    static abstract TInt Or(TInt a, TInt b);
    static abstract TInt Xor(TInt a, TInt b);
    static abstract TInt ShiftLeft(TInt a, int bits);
    static abstract TInt ShiftRightLogical(TInt a, int bits);
    static abstract TInt ShiftRightArithmetic(TInt a, int bits);

    /// <summary>Signed comparison.</summary>
    static abstract TInt LessInt(TInt a, TInt b);

    static abstract TInt EqualInt(TInt a, TInt b);
}
