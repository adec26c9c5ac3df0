using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.Random;

/// <summary>Draws for neighbouring elements; the scalar draw is the definition of the template.</summary>
internal static unsafe class RandomHost
{
    /// <summary>The number of one element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Draw<TDistribution>(long element, int step, int seed, int stream, float a, float b)
        where TDistribution : struct, IRandomDistribution
    {
        int first = RandomElement.Words<ScalarLane, float, int>((int)element, (int)(element >> 32), step, seed, stream, out int second);
        return TDistribution.Draw<ScalarLane, float, int>(first, second, a, b);
    }

    /// <summary>target[i] = the number of element + i, for i below the count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Fill<TDistribution>(float* target, long element, nint count, int step, int seed, int stream, float a, float b)
        where TDistribution : struct, IRandomDistribution
    {
        nint i = HalfLane.IsPreferred ? Halves<TDistribution>(target, element, count, step, seed, stream, a, b) : 0;
        for (; i + WideLane.WidthElements <= count; i += WideLane.WidthElements)
        {
            // Lanes whose lower word wrapped around have one more in the upper word: the mask of the comparison is -1.
            var start = Vector512.Create((int)(element + i));
            Vector512<int> low = start + Vector512<int>.Indices;
            Vector512<int> wrapped = Vector512.LessThan(low.AsUInt32(), start.AsUInt32()).AsInt32();
            Vector512<int> high = Vector512.Create((int)((element + i) >> 32)) - wrapped;
            Vector512<int> first = RandomElement.Words<WideLane, Vector512<float>, Vector512<int>>(
                low, high, Vector512.Create(step), Vector512.Create(seed), Vector512.Create(stream), out Vector512<int> second);
            TDistribution.Draw<WideLane, Vector512<float>, Vector512<int>>(first, second, Vector512.Create(a), Vector512.Create(b)).Store(target + i);
        }

        for (; i < count; i++)
        {
            target[i] = Draw<TDistribution>(element + i, step, seed, stream, a, b);
        }
    }

    /// <summary>The same eight at a time.</summary>
    /// <returns>How many are done.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static nint Halves<TDistribution>(float* target, long element, nint count, int step, int seed, int stream, float a, float b)
        where TDistribution : struct, IRandomDistribution
    {
        nint i = 0;
        for (; i + HalfLane.WidthElements <= count; i += HalfLane.WidthElements)
        {
            var start = Vector256.Create((int)(element + i));
            Vector256<int> low = start + Vector256<int>.Indices;
            Vector256<int> wrapped = Vector256.LessThan(low.AsUInt32(), start.AsUInt32()).AsInt32();
            Vector256<int> high = Vector256.Create((int)((element + i) >> 32)) - wrapped;
            Vector256<int> first = RandomElement.Words<HalfLane, Vector256<float>, Vector256<int>>(
                low, high, Vector256.Create(step), Vector256.Create(seed), Vector256.Create(stream), out Vector256<int> second);
            TDistribution.Draw<HalfLane, Vector256<float>, Vector256<int>>(first, second, Vector256.Create(a), Vector256.Create(b)).Store(target + i);
        }

        return i;
    }
}
