using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics;

/// <summary>
/// Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC'11): four random words from a counter of
/// four words and a key of two, without state. All random numbers of the product come from it.
/// </summary>
public static class Philox
{
    private const int Rounds = 10;
    private const int MultiplierA = unchecked((int)0xD2511F53);
    private const int MultiplierB = unchecked((int)0xCD9E8D57);
    private const int KeyStepA = unchecked((int)0x9E3779B9);
    private const int KeyStepB = unchecked((int)0xBB67AE85);

    /// <summary>Replaces the counter (c0, c1, c2, c3) by its four random words under the key (k0, k1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Generate<TLane, TFloat, TInt>(ref TInt c0, ref TInt c1, ref TInt c2, ref TInt c3, TInt k0, TInt k1)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        for (int round = 0; round < Rounds; round++)
        {
            TInt highA = TLane.MulHighUnsigned(c0, TLane.ConstantInt(MultiplierA));
            TInt lowA = TLane.MulInt(c0, TLane.ConstantInt(MultiplierA));
            TInt highB = TLane.MulHighUnsigned(c2, TLane.ConstantInt(MultiplierB));
            TInt lowB = TLane.MulInt(c2, TLane.ConstantInt(MultiplierB));
            c0 = TLane.Xor(TLane.Xor(highB, c1), k0);
            c1 = lowB;
            c2 = TLane.Xor(TLane.Xor(highA, c3), k1);
            c3 = lowA;
            k0 = TLane.AddInt(k0, TLane.ConstantInt(KeyStepA));
            k1 = TLane.AddInt(k1, TLane.ConstantInt(KeyStepB));
        }
    }

    /// <summary>The upper 24 bits as a multiple of 2^-24 in [0, 1), exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Uniform<TLane, TFloat, TInt>(TInt word)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Mul(TLane.Convert(TLane.ShiftRightLogical(word, 8)), TLane.Constant(1f / (1 << 24)));
}
