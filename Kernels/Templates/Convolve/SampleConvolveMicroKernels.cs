using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>
/// The innermost loops of a filter's gradient: the sums of one tap over a chunk of pixels, one FMA chain each. Operands are
/// packed: the source as [pixel][6 or 4 channels], dY as [row][16].
/// </summary>
internal static unsafe class SampleConvolveMicroKernels
{
    /// <summary>Six source channels by one panel, for registers of 8 lanes; result: [channel][16].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Channels6Panels1(
        float* source, int stride, float* gradients, SampleConvolvePiece* piece, int count, float* result)
    {
        Vector256<float> s0a = default, s0b = default;
        Vector256<float> s1a = default, s1b = default;
        Vector256<float> s2a = default, s2b = default;
        Vector256<float> s3a = default, s3b = default;
        Vector256<float> s4a = default, s4b = default;
        Vector256<float> s5a = default, s5b = default;
        nint step = (nint)6 * stride;
        for (SampleConvolvePiece* last = piece + count; piece < last; piece++)
        {
            float* x = source + (nint)6 * piece->Source;
            float* g = gradients + (nint)16 * piece->Row;
            for (float* end = g + (nint)16 * piece->Length; g < end; g += 16, x += step)
            {
                Vector256<float> ga = Vector256.Load(g);
                Vector256<float> gb = Vector256.Load(g + 8);
                Vector256<float> x0 = Vector256.Create(x[0]);
                s0a = Vector256.FusedMultiplyAdd(ga, x0, s0a);
                s0b = Vector256.FusedMultiplyAdd(gb, x0, s0b);
                Vector256<float> x1 = Vector256.Create(x[1]);
                s1a = Vector256.FusedMultiplyAdd(ga, x1, s1a);
                s1b = Vector256.FusedMultiplyAdd(gb, x1, s1b);
                Vector256<float> x2 = Vector256.Create(x[2]);
                s2a = Vector256.FusedMultiplyAdd(ga, x2, s2a);
                s2b = Vector256.FusedMultiplyAdd(gb, x2, s2b);
                Vector256<float> x3 = Vector256.Create(x[3]);
                s3a = Vector256.FusedMultiplyAdd(ga, x3, s3a);
                s3b = Vector256.FusedMultiplyAdd(gb, x3, s3b);
                Vector256<float> x4 = Vector256.Create(x[4]);
                s4a = Vector256.FusedMultiplyAdd(ga, x4, s4a);
                s4b = Vector256.FusedMultiplyAdd(gb, x4, s4b);
                Vector256<float> x5 = Vector256.Create(x[5]);
                s5a = Vector256.FusedMultiplyAdd(ga, x5, s5a);
                s5b = Vector256.FusedMultiplyAdd(gb, x5, s5b);
            }
        }

        s0a.Store(result + 0);
        s0b.Store(result + 8);
        s1a.Store(result + 16);
        s1b.Store(result + 24);
        s2a.Store(result + 32);
        s2b.Store(result + 40);
        s3a.Store(result + 48);
        s3b.Store(result + 56);
        s4a.Store(result + 64);
        s4b.Store(result + 72);
        s5a.Store(result + 80);
        s5b.Store(result + 88);
    }

    /// <summary>Four source channels by one panel, for registers of 8 lanes; result: [channel][16].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Channels4Panels1(
        float* source, int stride, float* gradients, SampleConvolvePiece* piece, int count, float* result)
    {
        Vector256<float> s0a = default, s0b = default;
        Vector256<float> s1a = default, s1b = default;
        Vector256<float> s2a = default, s2b = default;
        Vector256<float> s3a = default, s3b = default;
        nint step = (nint)4 * stride;
        for (SampleConvolvePiece* last = piece + count; piece < last; piece++)
        {
            float* x = source + (nint)4 * piece->Source;
            float* g = gradients + (nint)16 * piece->Row;
            for (float* end = g + (nint)16 * piece->Length; g < end; g += 16, x += step)
            {
                Vector256<float> ga = Vector256.Load(g);
                Vector256<float> gb = Vector256.Load(g + 8);
                Vector256<float> x0 = Vector256.Create(x[0]);
                s0a = Vector256.FusedMultiplyAdd(ga, x0, s0a);
                s0b = Vector256.FusedMultiplyAdd(gb, x0, s0b);
                Vector256<float> x1 = Vector256.Create(x[1]);
                s1a = Vector256.FusedMultiplyAdd(ga, x1, s1a);
                s1b = Vector256.FusedMultiplyAdd(gb, x1, s1b);
                Vector256<float> x2 = Vector256.Create(x[2]);
                s2a = Vector256.FusedMultiplyAdd(ga, x2, s2a);
                s2b = Vector256.FusedMultiplyAdd(gb, x2, s2b);
                Vector256<float> x3 = Vector256.Create(x[3]);
                s3a = Vector256.FusedMultiplyAdd(ga, x3, s3a);
                s3b = Vector256.FusedMultiplyAdd(gb, x3, s3b);
            }
        }

        s0a.Store(result + 0);
        s0b.Store(result + 8);
        s1a.Store(result + 16);
        s1b.Store(result + 24);
        s2a.Store(result + 32);
        s2b.Store(result + 40);
        s3a.Store(result + 48);
        s3b.Store(result + 56);
    }

    /// <summary>Six source channels by two panels, for registers of 16 lanes; result: [panel][channel][16].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Channels6Panels2(
        float* source, int stride, float* gradients, nint panelStride, SampleConvolvePiece* piece, int count, float* result)
    {
        Vector512<float> s0a = default, s0b = default;
        Vector512<float> s1a = default, s1b = default;
        Vector512<float> s2a = default, s2b = default;
        Vector512<float> s3a = default, s3b = default;
        Vector512<float> s4a = default, s4b = default;
        Vector512<float> s5a = default, s5b = default;
        nint step = (nint)6 * stride;
        for (SampleConvolvePiece* last = piece + count; piece < last; piece++)
        {
            float* x = source + (nint)6 * piece->Source;
            float* g = gradients + (nint)16 * piece->Row;
            for (float* end = g + (nint)16 * piece->Length; g < end; g += 16, x += step)
            {
                Vector512<float> ga = Vector512.Load(g);
                Vector512<float> gb = Vector512.Load(g + panelStride);
                Vector512<float> x0 = Vector512.Create(x[0]);
                s0a = Vector512.FusedMultiplyAdd(ga, x0, s0a);
                s0b = Vector512.FusedMultiplyAdd(gb, x0, s0b);
                Vector512<float> x1 = Vector512.Create(x[1]);
                s1a = Vector512.FusedMultiplyAdd(ga, x1, s1a);
                s1b = Vector512.FusedMultiplyAdd(gb, x1, s1b);
                Vector512<float> x2 = Vector512.Create(x[2]);
                s2a = Vector512.FusedMultiplyAdd(ga, x2, s2a);
                s2b = Vector512.FusedMultiplyAdd(gb, x2, s2b);
                Vector512<float> x3 = Vector512.Create(x[3]);
                s3a = Vector512.FusedMultiplyAdd(ga, x3, s3a);
                s3b = Vector512.FusedMultiplyAdd(gb, x3, s3b);
                Vector512<float> x4 = Vector512.Create(x[4]);
                s4a = Vector512.FusedMultiplyAdd(ga, x4, s4a);
                s4b = Vector512.FusedMultiplyAdd(gb, x4, s4b);
                Vector512<float> x5 = Vector512.Create(x[5]);
                s5a = Vector512.FusedMultiplyAdd(ga, x5, s5a);
                s5b = Vector512.FusedMultiplyAdd(gb, x5, s5b);
            }
        }

        s0a.Store(result + 0);
        s0b.Store(result + 96);
        s1a.Store(result + 16);
        s1b.Store(result + 112);
        s2a.Store(result + 32);
        s2b.Store(result + 128);
        s3a.Store(result + 48);
        s3b.Store(result + 144);
        s4a.Store(result + 64);
        s4b.Store(result + 160);
        s5a.Store(result + 80);
        s5b.Store(result + 176);
    }

    /// <summary>Four source channels by two panels, for registers of 16 lanes; result: [panel][channel][16].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Channels4Panels2(
        float* source, int stride, float* gradients, nint panelStride, SampleConvolvePiece* piece, int count, float* result)
    {
        Vector512<float> s0a = default, s0b = default;
        Vector512<float> s1a = default, s1b = default;
        Vector512<float> s2a = default, s2b = default;
        Vector512<float> s3a = default, s3b = default;
        nint step = (nint)4 * stride;
        for (SampleConvolvePiece* last = piece + count; piece < last; piece++)
        {
            float* x = source + (nint)4 * piece->Source;
            float* g = gradients + (nint)16 * piece->Row;
            for (float* end = g + (nint)16 * piece->Length; g < end; g += 16, x += step)
            {
                Vector512<float> ga = Vector512.Load(g);
                Vector512<float> gb = Vector512.Load(g + panelStride);
                Vector512<float> x0 = Vector512.Create(x[0]);
                s0a = Vector512.FusedMultiplyAdd(ga, x0, s0a);
                s0b = Vector512.FusedMultiplyAdd(gb, x0, s0b);
                Vector512<float> x1 = Vector512.Create(x[1]);
                s1a = Vector512.FusedMultiplyAdd(ga, x1, s1a);
                s1b = Vector512.FusedMultiplyAdd(gb, x1, s1b);
                Vector512<float> x2 = Vector512.Create(x[2]);
                s2a = Vector512.FusedMultiplyAdd(ga, x2, s2a);
                s2b = Vector512.FusedMultiplyAdd(gb, x2, s2b);
                Vector512<float> x3 = Vector512.Create(x[3]);
                s3a = Vector512.FusedMultiplyAdd(ga, x3, s3a);
                s3b = Vector512.FusedMultiplyAdd(gb, x3, s3b);
            }
        }

        s0a.Store(result + 0);
        s0b.Store(result + 64);
        s1a.Store(result + 16);
        s1b.Store(result + 80);
        s2a.Store(result + 32);
        s2b.Store(result + 96);
        s3a.Store(result + 48);
        s3b.Store(result + 112);
    }
}
