using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Numerics;

/// <summary>
/// The random bits of stochastic rounding. Element e of an item: with g = e / 128, j = e / 16 mod 8 and l = e mod 16, the half
/// j mod 2 (0: the lower one) of word j / 2 of the <see cref="Philox"/> block with the counter (16 g + l, its lower word first;
/// number; 0) under the key (seed, stream). So sixteen lanes of one block round 128 neighbours, and what an element draws depends
/// on its place in its item, the item's number, seed and stream alone.
/// </summary>
public static class RoundingDraw
{
    /// <summary>Elements that share the blocks of sixteen lanes.</summary>
    public const int GroupElements = 128;

    /// <summary>An element's word, whose lower 16 bits count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Bits(long element, int number, int seed, int stream)
    {
        long counter = (element >> 7 << 4) | (element & 15);
        int part = (int)(element >> 4) & 7;
        int c0 = (int)counter;
        int c1 = (int)(counter >> 32);
        int c2 = number;
        int c3 = 0;
        Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, seed, stream);
        int word = (part >> 1) == 0 ? c0 : (part >> 1) == 1 ? c1 : (part >> 1) == 2 ? c2 : c3;
        return (part & 1) == 0 ? word : ScalarLane.ShiftRightLogical(word, 16);
    }
}
