using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>The innermost loop of a contraction for the 32 registers of AVX-512: <see cref="ContractMicroKernels"/> with two panels at once.</summary>
internal static unsafe class ContractWideKernels
{
    /// <summary>Rows of the tallest <see cref="TwoPanels{TRows}"/>.</summary>
    public const int Rows = 12;

    /// <summary>Up to twelve rows by two panels, for registers of 16 lanes.</summary>
    /// <param name="x">X[row, k] of the first row and the chunk's first k.</param>
    /// <param name="strideX">Words from row to row of X.</param>
    /// <param name="depthStride">Words from k to k of X.</param>
    /// <param name="panel">packed[k][16] at the chunk's first k.</param>
    /// <param name="panelStride">Words from panel to panel.</param>
    /// <param name="depth">Length of the chunk.</param>
    /// <param name="y">Where the sums go.</param>
    /// <param name="strideY">Words from row to row of Y.</param>
    /// <param name="add">True if the chunk's sums are added to Y (right operand), false if they are stored.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TwoPanels<TRows>(float* x, nint strideX, nint depthStride, float* panel, nint panelStride, int depth, float* y, nint strideY, bool add)
        where TRows : struct, IRegisterRows
    {
        Vector512<float> s0a = default, s0b = default;
        Vector512<float> s1a = default, s1b = default;
        Vector512<float> s2a = default, s2b = default;
        Vector512<float> s3a = default, s3b = default;
        Vector512<float> s4a = default, s4b = default;
        Vector512<float> s5a = default, s5b = default;
        Vector512<float> s6a = default, s6b = default;
        Vector512<float> s7a = default, s7b = default;
        Vector512<float> s8a = default, s8b = default;
        Vector512<float> s9a = default, s9b = default;
        Vector512<float> s10a = default, s10b = default;
        Vector512<float> s11a = default, s11b = default;
        float* x1 = x + strideX;
        float* x2 = x + 2 * strideX;
        float* x3 = x + 3 * strideX;
        float* x4 = x + 4 * strideX;
        float* x5 = x + 5 * strideX;
        float* x6 = x + 6 * strideX;
        float* x7 = x + 7 * strideX;
        float* x8 = x + 8 * strideX;
        float* x9 = x + 9 * strideX;
        float* x10 = x + 10 * strideX;
        float* x11 = x + 11 * strideX;
        nint at = 0;
        for (int k = 0; k < depth; k++, at += depthStride, panel += 16)
        {
            Vector512<float> ba = Vector512.Load(panel);
            Vector512<float> bb = Vector512.Load(panel + panelStride);
            Vector512<float> a = Vector512.Create(x[at]);
            s0a = Vector512.FusedMultiplyAdd(a, ba, s0a);
            s0b = Vector512.FusedMultiplyAdd(a, bb, s0b);
            if (TRows.Count > 1)
            {
                a = Vector512.Create(x1[at]);
                s1a = Vector512.FusedMultiplyAdd(a, ba, s1a);
                s1b = Vector512.FusedMultiplyAdd(a, bb, s1b);
            }

            if (TRows.Count > 2)
            {
                a = Vector512.Create(x2[at]);
                s2a = Vector512.FusedMultiplyAdd(a, ba, s2a);
                s2b = Vector512.FusedMultiplyAdd(a, bb, s2b);
            }

            if (TRows.Count > 3)
            {
                a = Vector512.Create(x3[at]);
                s3a = Vector512.FusedMultiplyAdd(a, ba, s3a);
                s3b = Vector512.FusedMultiplyAdd(a, bb, s3b);
            }

            if (TRows.Count > 4)
            {
                a = Vector512.Create(x4[at]);
                s4a = Vector512.FusedMultiplyAdd(a, ba, s4a);
                s4b = Vector512.FusedMultiplyAdd(a, bb, s4b);
            }

            if (TRows.Count > 5)
            {
                a = Vector512.Create(x5[at]);
                s5a = Vector512.FusedMultiplyAdd(a, ba, s5a);
                s5b = Vector512.FusedMultiplyAdd(a, bb, s5b);
            }

            if (TRows.Count > 6)
            {
                a = Vector512.Create(x6[at]);
                s6a = Vector512.FusedMultiplyAdd(a, ba, s6a);
                s6b = Vector512.FusedMultiplyAdd(a, bb, s6b);
            }

            if (TRows.Count > 7)
            {
                a = Vector512.Create(x7[at]);
                s7a = Vector512.FusedMultiplyAdd(a, ba, s7a);
                s7b = Vector512.FusedMultiplyAdd(a, bb, s7b);
            }

            if (TRows.Count > 8)
            {
                a = Vector512.Create(x8[at]);
                s8a = Vector512.FusedMultiplyAdd(a, ba, s8a);
                s8b = Vector512.FusedMultiplyAdd(a, bb, s8b);
            }

            if (TRows.Count > 9)
            {
                a = Vector512.Create(x9[at]);
                s9a = Vector512.FusedMultiplyAdd(a, ba, s9a);
                s9b = Vector512.FusedMultiplyAdd(a, bb, s9b);
            }

            if (TRows.Count > 10)
            {
                a = Vector512.Create(x10[at]);
                s10a = Vector512.FusedMultiplyAdd(a, ba, s10a);
                s10b = Vector512.FusedMultiplyAdd(a, bb, s10b);
            }

            if (TRows.Count > 11)
            {
                a = Vector512.Create(x11[at]);
                s11a = Vector512.FusedMultiplyAdd(a, ba, s11a);
                s11b = Vector512.FusedMultiplyAdd(a, bb, s11b);
            }
        }

        Finish(s0a, y, add);
        Finish(s0b, y + 16, add);
        if (TRows.Count > 1)
        {
            Finish(s1a, y + strideY, add);
            Finish(s1b, y + strideY + 16, add);
        }

        if (TRows.Count > 2)
        {
            Finish(s2a, y + 2 * strideY, add);
            Finish(s2b, y + 2 * strideY + 16, add);
        }

        if (TRows.Count > 3)
        {
            Finish(s3a, y + 3 * strideY, add);
            Finish(s3b, y + 3 * strideY + 16, add);
        }

        if (TRows.Count > 4)
        {
            Finish(s4a, y + 4 * strideY, add);
            Finish(s4b, y + 4 * strideY + 16, add);
        }

        if (TRows.Count > 5)
        {
            Finish(s5a, y + 5 * strideY, add);
            Finish(s5b, y + 5 * strideY + 16, add);
        }

        if (TRows.Count > 6)
        {
            Finish(s6a, y + 6 * strideY, add);
            Finish(s6b, y + 6 * strideY + 16, add);
        }

        if (TRows.Count > 7)
        {
            Finish(s7a, y + 7 * strideY, add);
            Finish(s7b, y + 7 * strideY + 16, add);
        }

        if (TRows.Count > 8)
        {
            Finish(s8a, y + 8 * strideY, add);
            Finish(s8b, y + 8 * strideY + 16, add);
        }

        if (TRows.Count > 9)
        {
            Finish(s9a, y + 9 * strideY, add);
            Finish(s9b, y + 9 * strideY + 16, add);
        }

        if (TRows.Count > 10)
        {
            Finish(s10a, y + 10 * strideY, add);
            Finish(s10b, y + 10 * strideY + 16, add);
        }

        if (TRows.Count > 11)
        {
            Finish(s11a, y + 11 * strideY, add);
            Finish(s11b, y + 11 * strideY + 16, add);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(Vector512<float> sum, float* y, bool add) => (add ? Vector512.Load(y) + sum : sum).Store(y);
}
