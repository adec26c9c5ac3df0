using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>
/// The innermost loops of a convolution: the sums of six results over one chunk, in twelve registers. The results may lie
/// anywhere; they share the pieces that they read, relative to their own first source pixel. Eight loads feed twelve FMAs, so
/// the loads hide behind the arithmetic in both widths.
/// </summary>
internal static unsafe class ConvolveMicroKernels
{
    /// <summary>Six results by one panel, for registers of 8 lanes.</summary>
    /// <param name="sources">For each result the address of its first source pixel.</param>
    /// <param name="sourceOffset">Words to the group's first channel.</param>
    /// <param name="panel">packed[k][16].</param>
    /// <param name="piece">The runs of the chunk.</param>
    /// <param name="count">How many.</param>
    /// <param name="results">For each result where its sums go.</param>
    /// <param name="channel">Words to the panel's first channel there.</param>
    /// <param name="add">True if the chunk's sums are added to what is there (right operand), false if they are stored.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pixels6Panels1(
        float** sources, nint sourceOffset, float* panel, ConvolvePiece* piece, int count, float** results, nint channel, bool add)
    {
        Vector256<float> s0a = default, s0b = default;
        Vector256<float> s1a = default, s1b = default;
        Vector256<float> s2a = default, s2b = default;
        Vector256<float> s3a = default, s3b = default;
        Vector256<float> s4a = default, s4b = default;
        Vector256<float> s5a = default, s5b = default;
        float* x0 = sources[0] + sourceOffset;
        float* x1 = sources[1] + sourceOffset;
        float* x2 = sources[2] + sourceOffset;
        float* x3 = sources[3] + sourceOffset;
        float* x4 = sources[4] + sourceOffset;
        float* x5 = sources[5] + sourceOffset;
        for (ConvolvePiece* last = piece + count; piece < last; piece++)
        {
            float* filter = panel + piece->Panel;
            nint end = piece->Source + piece->Length;
            for (nint k = piece->Source; k < end; k++, filter += 16)
            {
                Vector256<float> wa = Vector256.Load(filter);
                Vector256<float> wb = Vector256.Load(filter + 8);
                Vector256<float> a0 = Vector256.Create(x0[k]);
                s0a = Vector256.FusedMultiplyAdd(a0, wa, s0a);
                s0b = Vector256.FusedMultiplyAdd(a0, wb, s0b);
                Vector256<float> a1 = Vector256.Create(x1[k]);
                s1a = Vector256.FusedMultiplyAdd(a1, wa, s1a);
                s1b = Vector256.FusedMultiplyAdd(a1, wb, s1b);
                Vector256<float> a2 = Vector256.Create(x2[k]);
                s2a = Vector256.FusedMultiplyAdd(a2, wa, s2a);
                s2b = Vector256.FusedMultiplyAdd(a2, wb, s2b);
                Vector256<float> a3 = Vector256.Create(x3[k]);
                s3a = Vector256.FusedMultiplyAdd(a3, wa, s3a);
                s3b = Vector256.FusedMultiplyAdd(a3, wb, s3b);
                Vector256<float> a4 = Vector256.Create(x4[k]);
                s4a = Vector256.FusedMultiplyAdd(a4, wa, s4a);
                s4b = Vector256.FusedMultiplyAdd(a4, wb, s4b);
                Vector256<float> a5 = Vector256.Create(x5[k]);
                s5a = Vector256.FusedMultiplyAdd(a5, wa, s5a);
                s5b = Vector256.FusedMultiplyAdd(a5, wb, s5b);
            }
        }

        Finish(s0a, s0b, results[0] + channel, add);
        Finish(s1a, s1b, results[1] + channel, add);
        Finish(s2a, s2b, results[2] + channel, add);
        Finish(s3a, s3b, results[3] + channel, add);
        Finish(s4a, s4b, results[4] + channel, add);
        Finish(s5a, s5b, results[5] + channel, add);
    }

    /// <summary>Six results by two panels, for registers of 16 lanes.</summary>
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
    public static void Pixels6Panels2(
        float** sources, nint sourceOffset, float* panel, nint panelStride, ConvolvePiece* piece, int count, float** results, nint channel, bool add)
    {
        Vector512<float> s0a = default, s0b = default;
        Vector512<float> s1a = default, s1b = default;
        Vector512<float> s2a = default, s2b = default;
        Vector512<float> s3a = default, s3b = default;
        Vector512<float> s4a = default, s4b = default;
        Vector512<float> s5a = default, s5b = default;
        float* x0 = sources[0] + sourceOffset;
        float* x1 = sources[1] + sourceOffset;
        float* x2 = sources[2] + sourceOffset;
        float* x3 = sources[3] + sourceOffset;
        float* x4 = sources[4] + sourceOffset;
        float* x5 = sources[5] + sourceOffset;
        for (ConvolvePiece* last = piece + count; piece < last; piece++)
        {
            float* filter = panel + piece->Panel;
            nint end = piece->Source + piece->Length;
            for (nint k = piece->Source; k < end; k++, filter += 16)
            {
                Vector512<float> wa = Vector512.Load(filter);
                Vector512<float> wb = Vector512.Load(filter + panelStride);
                Vector512<float> a0 = Vector512.Create(x0[k]);
                s0a = Vector512.FusedMultiplyAdd(a0, wa, s0a);
                s0b = Vector512.FusedMultiplyAdd(a0, wb, s0b);
                Vector512<float> a1 = Vector512.Create(x1[k]);
                s1a = Vector512.FusedMultiplyAdd(a1, wa, s1a);
                s1b = Vector512.FusedMultiplyAdd(a1, wb, s1b);
                Vector512<float> a2 = Vector512.Create(x2[k]);
                s2a = Vector512.FusedMultiplyAdd(a2, wa, s2a);
                s2b = Vector512.FusedMultiplyAdd(a2, wb, s2b);
                Vector512<float> a3 = Vector512.Create(x3[k]);
                s3a = Vector512.FusedMultiplyAdd(a3, wa, s3a);
                s3b = Vector512.FusedMultiplyAdd(a3, wb, s3b);
                Vector512<float> a4 = Vector512.Create(x4[k]);
                s4a = Vector512.FusedMultiplyAdd(a4, wa, s4a);
                s4b = Vector512.FusedMultiplyAdd(a4, wb, s4b);
                Vector512<float> a5 = Vector512.Create(x5[k]);
                s5a = Vector512.FusedMultiplyAdd(a5, wa, s5a);
                s5b = Vector512.FusedMultiplyAdd(a5, wb, s5b);
            }
        }

        Finish(s0a, s0b, results[0] + channel, add);
        Finish(s1a, s1b, results[1] + channel, add);
        Finish(s2a, s2b, results[2] + channel, add);
        Finish(s3a, s3b, results[3] + channel, add);
        Finish(s4a, s4b, results[4] + channel, add);
        Finish(s5a, s5b, results[5] + channel, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(Vector256<float> a, Vector256<float> b, float* y, bool add)
    {
        (add ? Vector256.Load(y) + a : a).Store(y);
        (add ? Vector256.Load(y + 8) + b : b).Store(y + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(Vector512<float> a, Vector512<float> b, float* y, bool add)
    {
        (add ? Vector512.Load(y) + a : a).Store(y);
        (add ? Vector512.Load(y + 16) + b : b).Store(y + 16);
    }
}
