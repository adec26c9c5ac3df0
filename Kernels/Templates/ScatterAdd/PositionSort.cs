using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Templates.ScatterAdd;

/// <summary>Positions of a list of indices by ascending index, equal ones by ascending position: a stable radix sort of integers.</summary>
internal static unsafe class PositionSort
{
    /// <summary>2048 counters are 8 KB of stack, and a table of 4 million rows takes two passes.</summary>
    private const int DigitBits = 11;

    /// <summary>Passes for indices below <paramref name="rows"/>.</summary>
    public static int Digits(int rows) =>
        Math.Max(1, (32 - System.Numerics.BitOperations.LeadingZeroCount((uint)Math.Max(0, rows - 1)) + DigitBits - 1) / DigitBits);

    /// <summary>The present positions (index not negative), sorted; they end up in positions.</summary>
    /// <param name="indices">A list without gaps.</param>
    /// <param name="count">Its length.</param>
    /// <param name="digits">From <see cref="Digits"/>.</param>
    /// <param name="positions">Room for <paramref name="count"/> words; may be exchanged with <paramref name="other"/>.</param>
    /// <param name="other">As much room again.</param>
    /// <returns>How many are present.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Sort(int* indices, int count, int digits, ref int* positions, int* other)
    {
        int present = 0;
        for (int position = 0; position < count; position++)
        {
            positions[present] = position;
            present += indices[position] >= 0 ? 1 : 0;
        }

        int* starts = stackalloc int[1 << DigitBits];
        for (int digit = 0; digit < digits; digit++)
        {
            int shift = digit * DigitBits;
            const int mask = (1 << DigitBits) - 1;
            new Span<int>(starts, 1 << DigitBits).Clear();
            for (int i = 0; i < present; i++)
            {
                starts[(indices[positions[i]] >> shift) & mask]++;
            }

            int sum = 0;
            for (int i = 0; i <= mask; i++)
            {
                int here = starts[i];
                starts[i] = sum;
                sum += here;
            }

            for (int i = 0; i < present; i++)
            {
                int position = positions[i];
                other[starts[(indices[position] >> shift) & mask]++] = position;
            }

            int* swap = positions;
            positions = other;
            other = swap;
        }

        return present;
    }
}
