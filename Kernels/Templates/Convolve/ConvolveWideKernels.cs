using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>
/// The innermost loops of a convolution for registers of 16 lanes; as <see cref="ConvolveMicroKernels"/>. The addresses of more than six
/// results would not stay in registers.
/// </summary>
internal static unsafe class ConvolveWideKernels
{
    /// <summary>Up to six results by two panels.</summary>
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
        Vector512<float> s0a = default, s0b = default;
        Vector512<float> s1a = default, s1b = default;
        Vector512<float> s2a = default, s2b = default;
        Vector512<float> s3a = default, s3b = default;
        Vector512<float> s4a = default, s4b = default;
        Vector512<float> s5a = default, s5b = default;
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
                Vector512<float> wa = Vector512.Load(filter);
                Vector512<float> wb = Vector512.Load(filter + panelStride);
                Vector512<float> a = Vector512.Create(x0[k]);
                s0a = Vector512.FusedMultiplyAdd(a, wa, s0a);
                s0b = Vector512.FusedMultiplyAdd(a, wb, s0b);

                if (TRows.Count > 1)
                {
                    a = Vector512.Create(x1[k]);
                    s1a = Vector512.FusedMultiplyAdd(a, wa, s1a);
                    s1b = Vector512.FusedMultiplyAdd(a, wb, s1b);
                }

                if (TRows.Count > 2)
                {
                    a = Vector512.Create(x2[k]);
                    s2a = Vector512.FusedMultiplyAdd(a, wa, s2a);
                    s2b = Vector512.FusedMultiplyAdd(a, wb, s2b);
                }

                if (TRows.Count > 3)
                {
                    a = Vector512.Create(x3[k]);
                    s3a = Vector512.FusedMultiplyAdd(a, wa, s3a);
                    s3b = Vector512.FusedMultiplyAdd(a, wb, s3b);
                }

                if (TRows.Count > 4)
                {
                    a = Vector512.Create(x4[k]);
                    s4a = Vector512.FusedMultiplyAdd(a, wa, s4a);
                    s4b = Vector512.FusedMultiplyAdd(a, wb, s4b);
                }

                if (TRows.Count > 5)
                {
                    a = Vector512.Create(x5[k]);
                    s5a = Vector512.FusedMultiplyAdd(a, wa, s5a);
                    s5b = Vector512.FusedMultiplyAdd(a, wb, s5b);
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(Vector512<float> a, Vector512<float> b, float* y, bool add)
    {
        (add ? Vector512.Load(y) + a : a).Store(y);
        (add ? Vector512.Load(y + 16) + b : b).Store(y + 16);
    }
}
