using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Models.Bert;

/// <summary>
/// First values of the parameters: weights from a normal distribution that is cut at two deviations (drawn again beyond), biases
/// 0, gains 1. From Philox, keyed by (seed, position of the parameter), counted by (attempt, element).
/// </summary>
public static class BertInitializer
{
    /// <summary>Set apart from the streams of dropout and data.</summary>
    private const int FirstStream = 0x4245_0000;

    private const float Cut = 2f;

    /// <param name="parameter">Which one.</param>
    /// <param name="index">Its position among the model's.</param>
    /// <param name="deviation">Before the cut.</param>
    /// <param name="seed">Of the run.</param>
    /// <param name="firstElement">Where in the parameter the piece begins.</param>
    /// <param name="elements">To be filled.</param>
    public static void Fill(BertParameter parameter, int index, float deviation, int seed, long firstElement, Span<float> elements)
    {
        if (parameter.Kind != BertParameterKind.Weight)
        {
            elements.Fill(parameter.Kind == BertParameterKind.Gain ? 1f : 0f);
            return;
        }

        int stream = FirstStream + index;
        int i = HalfLane.IsPreferred
            ? Halves(stream, deviation, seed, firstElement, elements)
            : Wide(stream, deviation, seed, firstElement, elements);
        for (; i < elements.Length; i++)
        {
            elements[i] = Draw(seed, stream, firstElement + i, firstAttempt: 0) * deviation;
        }
    }

    /// <summary>Eight at a time, for hosts without registers of 16.</summary>
    /// <returns>How many are done.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Halves(int stream, float deviation, int seed, long firstElement, Span<float> elements)
    {
        int i = 0;
        for (; i + HalfLane.WidthElements <= elements.Length && (firstElement + i + HalfLane.WidthElements) >> 32 == (firstElement + i) >> 32; i += HalfLane.WidthElements)
        {
            Vector256<int> first = RandomElement.Words<HalfLane, Vector256<float>, Vector256<int>>(
                Vector256.Create((int)(firstElement + i)) + Vector256<int>.Indices, Vector256.Create((int)((firstElement + i) >> 32)), Vector256<int>.Zero,
                Vector256.Create(seed), Vector256.Create(stream), out Vector256<int> second);
            Vector256<float> normal = RandomElement.Normal<HalfLane, Vector256<float>, Vector256<int>>(first, second);
            (normal * deviation).CopyTo(elements[i..]);
            if (Vector256.GreaterThanOrEqualAny(Vector256.Abs(normal), Vector256.Create(Cut)))
            {
                for (int lane = 0; lane < HalfLane.WidthElements; lane++)
                {
                    if (!(MathF.Abs(normal[lane]) < Cut))
                    {
                        elements[i + lane] = Draw(seed, stream, firstElement + i + lane, firstAttempt: 1) * deviation;
                    }
                }
            }
        }

        return i;
    }

    /// <summary>Sixteen at a time.</summary>
    /// <returns>How many are done.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Wide(int stream, float deviation, int seed, long firstElement, Span<float> elements)
    {
        int i = 0;
        for (; i + WideLane.WidthElements <= elements.Length && (firstElement + i + WideLane.WidthElements) >> 32 == (firstElement + i) >> 32; i += WideLane.WidthElements)
        {
            Vector512<int> first = RandomElement.Words<WideLane, Vector512<float>, Vector512<int>>(
                Vector512.Create((int)(firstElement + i)) + Vector512<int>.Indices, Vector512.Create((int)((firstElement + i) >> 32)), Vector512<int>.Zero,
                Vector512.Create(seed), Vector512.Create(stream), out Vector512<int> second);
            Vector512<float> normal = RandomElement.Normal<WideLane, Vector512<float>, Vector512<int>>(first, second);
            (normal * deviation).CopyTo(elements[i..]);
            if (Vector512.GreaterThanOrEqualAny(Vector512.Abs(normal), Vector512.Create(Cut)))
            {
                for (int lane = 0; lane < WideLane.WidthElements; lane++)
                {
                    if (!(MathF.Abs(normal[lane]) < Cut))
                    {
                        elements[i + lane] = Draw(seed, stream, firstElement + i + lane, firstAttempt: 1) * deviation;
                    }
                }
            }
        }

        return i;
    }

    private static float Draw(int seed, int stream, long element, int firstAttempt)
    {
        for (int attempt = firstAttempt; ; attempt++)
        {
            int first = RandomElement.Words<ScalarLane, float, int>((int)element, (int)(element >> 32), attempt, seed, stream, out int second);
            float normal = RandomElement.Normal<ScalarLane, float, int>(first, second);
            if (MathF.Abs(normal) < Cut)
            {
                return normal;
            }
        }
    }
}
