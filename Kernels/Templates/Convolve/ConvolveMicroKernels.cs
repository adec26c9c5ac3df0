using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>
/// The innermost loops of a convolution for registers of 8 lanes: the sums of some results over one chunk, in at most twelve
/// registers. The results may lie anywhere; they share the pieces that they read, relative to their own first source pixel. Each is
/// compiled for every number of results.
/// </summary>
internal static unsafe class ConvolveMicroKernels
{
    /// <summary>Results of the largest register tile: eight loads feed twelve FMAs, so the loads hide behind the arithmetic.</summary>
    public const int Pixels = 6;

    /// <summary>Results of the largest <see cref="TwoPanels{TRows}"/>: few results need more panels to hide the latency of an FMA.</summary>
    public const int PairPixels = 3;

    /// <summary>Up to six results by one panel.</summary>
    /// <param name="sources">For each result the address of its first source pixel.</param>
    /// <param name="sourceOffset">Words to the group's first channel.</param>
    /// <param name="panel">packed[k][16].</param>
    /// <param name="piece">The runs of the chunk.</param>
    /// <param name="count">How many.</param>
    /// <param name="results">For each result where its sums go.</param>
    /// <param name="channel">Words to the panel's first channel there.</param>
    /// <param name="add">True if the chunk's sums are added to what is there (right operand), false if they are stored.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OnePanel<TRows>(
        float** sources, nint sourceOffset, float* panel, ConvolvePiece* piece, int count, float** results, nint channel, bool add)
        where TRows : struct, IRegisterRows
    {
        Vector256<float> s0a = default, s0b = default;
        Vector256<float> s1a = default, s1b = default;
        Vector256<float> s2a = default, s2b = default;
        Vector256<float> s3a = default, s3b = default;
        Vector256<float> s4a = default, s4b = default;
        Vector256<float> s5a = default, s5b = default;
        float* x0 = sources[0] + sourceOffset;
        float* x1 = TRows.Count > 1 ? sources[1] + sourceOffset : x0;
        float* x2 = TRows.Count > 2 ? sources[2] + sourceOffset : x0;
        float* x3 = TRows.Count > 3 ? sources[3] + sourceOffset : x0;
        float* x4 = TRows.Count > 4 ? sources[4] + sourceOffset : x0;
        float* x5 = TRows.Count > 5 ? sources[5] + sourceOffset : x0;
        for (ConvolvePiece* last = piece + count; piece < last; piece++)
        {
            float* filter = panel + piece->Panel;
            nint end = piece->Source + piece->Length;
            for (nint k = piece->Source; k < end; k++, filter += 16)
            {
                Vector256<float> wa = Vector256.Load(filter);
                Vector256<float> wb = Vector256.Load(filter + 8);
                Vector256<float> a = Vector256.Create(x0[k]);
                s0a = Vector256.FusedMultiplyAdd(a, wa, s0a);
                s0b = Vector256.FusedMultiplyAdd(a, wb, s0b);

                if (TRows.Count > 1)
                {
                    a = Vector256.Create(x1[k]);
                    s1a = Vector256.FusedMultiplyAdd(a, wa, s1a);
                    s1b = Vector256.FusedMultiplyAdd(a, wb, s1b);
                }

                if (TRows.Count > 2)
                {
                    a = Vector256.Create(x2[k]);
                    s2a = Vector256.FusedMultiplyAdd(a, wa, s2a);
                    s2b = Vector256.FusedMultiplyAdd(a, wb, s2b);
                }

                if (TRows.Count > 3)
                {
                    a = Vector256.Create(x3[k]);
                    s3a = Vector256.FusedMultiplyAdd(a, wa, s3a);
                    s3b = Vector256.FusedMultiplyAdd(a, wb, s3b);
                }

                if (TRows.Count > 4)
                {
                    a = Vector256.Create(x4[k]);
                    s4a = Vector256.FusedMultiplyAdd(a, wa, s4a);
                    s4b = Vector256.FusedMultiplyAdd(a, wb, s4b);
                }

                if (TRows.Count > 5)
                {
                    a = Vector256.Create(x5[k]);
                    s5a = Vector256.FusedMultiplyAdd(a, wa, s5a);
                    s5b = Vector256.FusedMultiplyAdd(a, wb, s5b);
                }
            }
        }

        Finish(s0a, s0b, results[0] + channel, add);

        if (TRows.Count > 1)
        {
            Finish(s1a, s1b, results[1] + channel, add);
        }

        if (TRows.Count > 2)
        {
            Finish(s2a, s2b, results[2] + channel, add);
        }

        if (TRows.Count > 3)
        {
            Finish(s3a, s3b, results[3] + channel, add);
        }

        if (TRows.Count > 4)
        {
            Finish(s4a, s4b, results[4] + channel, add);
        }

        if (TRows.Count > 5)
        {
            Finish(s5a, s5b, results[5] + channel, add);
        }
    }

    /// <summary>Up to three results by two panels.</summary>
    /// <param name="sources">For each result the address of its first source pixel.</param>
    /// <param name="sourceOffset">Words to the group's first channel.</param>
    /// <param name="panel">packed[k][16].</param>
    /// <param name="panelStride">Words from panel to panel.</param>
    /// <param name="piece">The runs of the chunk.</param>
    /// <param name="count">How many.</param>
    /// <param name="results">For each result where its sums go.</param>
    /// <param name="channel">Words to the panel's first channel there.</param>
    /// <param name="add">True if the chunk's sums are added to what is there (right operand), false if they are stored.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TwoPanels<TRows>(
        float** sources, nint sourceOffset, float* panel, nint panelStride, ConvolvePiece* piece, int count, float** results, nint channel, bool add)
        where TRows : struct, IRegisterRows
    {
        Vector256<float> s0a = default, s0b = default, s0c = default, s0d = default;
        Vector256<float> s1a = default, s1b = default, s1c = default, s1d = default;
        Vector256<float> s2a = default, s2b = default, s2c = default, s2d = default;
        float* x0 = sources[0] + sourceOffset;
        float* x1 = TRows.Count > 1 ? sources[1] + sourceOffset : x0;
        float* x2 = TRows.Count > 2 ? sources[2] + sourceOffset : x0;
        for (ConvolvePiece* last = piece + count; piece < last; piece++)
        {
            float* filter = panel + piece->Panel;
            nint end = piece->Source + piece->Length;
            for (nint k = piece->Source; k < end; k++, filter += 16)
            {
                Vector256<float> wa = Vector256.Load(filter);
                Vector256<float> wb = Vector256.Load(filter + 8);
                Vector256<float> wc = Vector256.Load(filter + panelStride);
                Vector256<float> wd = Vector256.Load(filter + panelStride + 8);
                Vector256<float> a = Vector256.Create(x0[k]);
                s0a = Vector256.FusedMultiplyAdd(a, wa, s0a);
                s0b = Vector256.FusedMultiplyAdd(a, wb, s0b);
                s0c = Vector256.FusedMultiplyAdd(a, wc, s0c);
                s0d = Vector256.FusedMultiplyAdd(a, wd, s0d);

                if (TRows.Count > 1)
                {
                    a = Vector256.Create(x1[k]);
                    s1a = Vector256.FusedMultiplyAdd(a, wa, s1a);
                    s1b = Vector256.FusedMultiplyAdd(a, wb, s1b);
                    s1c = Vector256.FusedMultiplyAdd(a, wc, s1c);
                    s1d = Vector256.FusedMultiplyAdd(a, wd, s1d);
                }

                if (TRows.Count > 2)
                {
                    a = Vector256.Create(x2[k]);
                    s2a = Vector256.FusedMultiplyAdd(a, wa, s2a);
                    s2b = Vector256.FusedMultiplyAdd(a, wb, s2b);
                    s2c = Vector256.FusedMultiplyAdd(a, wc, s2c);
                    s2d = Vector256.FusedMultiplyAdd(a, wd, s2d);
                }
            }
        }

        Finish(s0a, s0b, s0c, s0d, results[0] + channel, add);

        if (TRows.Count > 1)
        {
            Finish(s1a, s1b, s1c, s1d, results[1] + channel, add);
        }

        if (TRows.Count > 2)
        {
            Finish(s2a, s2b, s2c, s2d, results[2] + channel, add);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(Vector256<float> a, Vector256<float> b, float* y, bool add)
    {
        (add ? Vector256.Load(y) + a : a).Store(y);
        (add ? Vector256.Load(y + 8) + b : b).Store(y + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d, float* y, bool add)
    {
        Finish(a, b, y, add);
        Finish(c, d, y + 16, add);
    }
}
