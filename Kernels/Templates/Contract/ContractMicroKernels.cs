using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>
/// The innermost loops of a contraction: a register tile of sums over one chunk. All are the same chain of FMAs for each sum;
/// they differ in how many sums they keep in registers (12 of 8 lanes leave room for operands in the 16 registers of AVX2; 24
/// of 16 lanes in the 32 of AVX-512). Each is compiled for every number of rows, so that rows which do not divide by the largest
/// tile run in tiles of nearly equal height: a tile of one row waits for its own sums, and four of those after ten tiles of six
/// cost 16% of a layer of 64 samples.
/// </summary>
internal static unsafe class ContractMicroKernels
{
    /// <summary>Rows of the tallest <see cref="OnePanel{TRows}"/>.</summary>
    public const int NarrowRows = 6;

    /// <summary>Rows of the tallest <see cref="TwoPanels{TRows}"/>.</summary>
    public const int PairRows = 3;

    /// <summary>Up to six rows by one panel, for registers of 8 lanes.</summary>
    /// <param name="x">X[row, k] of the first row and the chunk's first k.</param>
    /// <param name="strideX">Words from row to row of X.</param>
    /// <param name="depthStride">Words from k to k of X.</param>
    /// <param name="panel">packed[k][16] at the chunk's first k.</param>
    /// <param name="depth">Length of the chunk.</param>
    /// <param name="y">Where the sums go.</param>
    /// <param name="strideY">Words from row to row of Y.</param>
    /// <param name="add">True if the chunk's sums are added to Y (right operand), false if they are stored.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OnePanel<TRows>(float* x, nint strideX, nint depthStride, float* panel, int depth, float* y, nint strideY, bool add)
        where TRows : struct, IRegisterRows
    {
        Vector256<float> s0a = default, s0b = default;
        Vector256<float> s1a = default, s1b = default;
        Vector256<float> s2a = default, s2b = default;
        Vector256<float> s3a = default, s3b = default;
        Vector256<float> s4a = default, s4b = default;
        Vector256<float> s5a = default, s5b = default;
        float* x1 = x + strideX;
        float* x2 = x + 2 * strideX;
        float* x3 = x + 3 * strideX;
        float* x4 = x + 4 * strideX;
        float* x5 = x + 5 * strideX;
        int k = 0;
        nint at = 0;
        for (; k + 2 <= depth; k += 2, panel += 32)
        {
            nint next = at + depthStride;
            Vector256<float> ba = Vector256.Load(panel);
            Vector256<float> bb = Vector256.Load(panel + 8);
            Vector256<float> a = Vector256.Create(x[at]);
            s0a = Vector256.FusedMultiplyAdd(a, ba, s0a);
            s0b = Vector256.FusedMultiplyAdd(a, bb, s0b);
            if (TRows.Count > 1)
            {
                a = Vector256.Create(x1[at]);
                s1a = Vector256.FusedMultiplyAdd(a, ba, s1a);
                s1b = Vector256.FusedMultiplyAdd(a, bb, s1b);
            }

            if (TRows.Count > 2)
            {
                a = Vector256.Create(x2[at]);
                s2a = Vector256.FusedMultiplyAdd(a, ba, s2a);
                s2b = Vector256.FusedMultiplyAdd(a, bb, s2b);
            }

            if (TRows.Count > 3)
            {
                a = Vector256.Create(x3[at]);
                s3a = Vector256.FusedMultiplyAdd(a, ba, s3a);
                s3b = Vector256.FusedMultiplyAdd(a, bb, s3b);
            }

            if (TRows.Count > 4)
            {
                a = Vector256.Create(x4[at]);
                s4a = Vector256.FusedMultiplyAdd(a, ba, s4a);
                s4b = Vector256.FusedMultiplyAdd(a, bb, s4b);
            }

            if (TRows.Count > 5)
            {
                a = Vector256.Create(x5[at]);
                s5a = Vector256.FusedMultiplyAdd(a, ba, s5a);
                s5b = Vector256.FusedMultiplyAdd(a, bb, s5b);
            }

            ba = Vector256.Load(panel + 16);
            bb = Vector256.Load(panel + 24);
            a = Vector256.Create(x[next]);
            s0a = Vector256.FusedMultiplyAdd(a, ba, s0a);
            s0b = Vector256.FusedMultiplyAdd(a, bb, s0b);
            if (TRows.Count > 1)
            {
                a = Vector256.Create(x1[next]);
                s1a = Vector256.FusedMultiplyAdd(a, ba, s1a);
                s1b = Vector256.FusedMultiplyAdd(a, bb, s1b);
            }

            if (TRows.Count > 2)
            {
                a = Vector256.Create(x2[next]);
                s2a = Vector256.FusedMultiplyAdd(a, ba, s2a);
                s2b = Vector256.FusedMultiplyAdd(a, bb, s2b);
            }

            if (TRows.Count > 3)
            {
                a = Vector256.Create(x3[next]);
                s3a = Vector256.FusedMultiplyAdd(a, ba, s3a);
                s3b = Vector256.FusedMultiplyAdd(a, bb, s3b);
            }

            if (TRows.Count > 4)
            {
                a = Vector256.Create(x4[next]);
                s4a = Vector256.FusedMultiplyAdd(a, ba, s4a);
                s4b = Vector256.FusedMultiplyAdd(a, bb, s4b);
            }

            if (TRows.Count > 5)
            {
                a = Vector256.Create(x5[next]);
                s5a = Vector256.FusedMultiplyAdd(a, ba, s5a);
                s5b = Vector256.FusedMultiplyAdd(a, bb, s5b);
            }

            at = next + depthStride;
        }

        if (k < depth)
        {
            Vector256<float> ba = Vector256.Load(panel);
            Vector256<float> bb = Vector256.Load(panel + 8);
            Vector256<float> a = Vector256.Create(x[at]);
            s0a = Vector256.FusedMultiplyAdd(a, ba, s0a);
            s0b = Vector256.FusedMultiplyAdd(a, bb, s0b);
            if (TRows.Count > 1)
            {
                a = Vector256.Create(x1[at]);
                s1a = Vector256.FusedMultiplyAdd(a, ba, s1a);
                s1b = Vector256.FusedMultiplyAdd(a, bb, s1b);
            }

            if (TRows.Count > 2)
            {
                a = Vector256.Create(x2[at]);
                s2a = Vector256.FusedMultiplyAdd(a, ba, s2a);
                s2b = Vector256.FusedMultiplyAdd(a, bb, s2b);
            }

            if (TRows.Count > 3)
            {
                a = Vector256.Create(x3[at]);
                s3a = Vector256.FusedMultiplyAdd(a, ba, s3a);
                s3b = Vector256.FusedMultiplyAdd(a, bb, s3b);
            }

            if (TRows.Count > 4)
            {
                a = Vector256.Create(x4[at]);
                s4a = Vector256.FusedMultiplyAdd(a, ba, s4a);
                s4b = Vector256.FusedMultiplyAdd(a, bb, s4b);
            }

            if (TRows.Count > 5)
            {
                a = Vector256.Create(x5[at]);
                s5a = Vector256.FusedMultiplyAdd(a, ba, s5a);
                s5b = Vector256.FusedMultiplyAdd(a, bb, s5b);
            }
        }

        Finish(s0a, y, add);
        Finish(s0b, y + 8, add);
        if (TRows.Count > 1)
        {
            Finish(s1a, y + strideY, add);
            Finish(s1b, y + strideY + 8, add);
        }

        if (TRows.Count > 2)
        {
            Finish(s2a, y + 2 * strideY, add);
            Finish(s2b, y + 2 * strideY + 8, add);
        }

        if (TRows.Count > 3)
        {
            Finish(s3a, y + 3 * strideY, add);
            Finish(s3b, y + 3 * strideY + 8, add);
        }

        if (TRows.Count > 4)
        {
            Finish(s4a, y + 4 * strideY, add);
            Finish(s4b, y + 4 * strideY + 8, add);
        }

        if (TRows.Count > 5)
        {
            Finish(s5a, y + 5 * strideY, add);
            Finish(s5b, y + 5 * strideY + 8, add);
        }
    }

    /// <summary>Up to three rows by two panels, for registers of 8 lanes: one panel has too few sums to hide the latency of an FMA.</summary>
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
        Vector256<float> s0a = default, s0b = default, s0c = default, s0d = default;
        Vector256<float> s1a = default, s1b = default, s1c = default, s1d = default;
        Vector256<float> s2a = default, s2b = default, s2c = default, s2d = default;
        float* x1 = x + strideX;
        float* x2 = x + 2 * strideX;
        nint at = 0;
        for (int k = 0; k < depth; k++, at += depthStride, panel += 16)
        {
            Vector256<float> ba = Vector256.Load(panel);
            Vector256<float> bb = Vector256.Load(panel + 8);
            Vector256<float> bc = Vector256.Load(panel + panelStride);
            Vector256<float> bd = Vector256.Load(panel + panelStride + 8);
            Vector256<float> a = Vector256.Create(x[at]);
            s0a = Vector256.FusedMultiplyAdd(a, ba, s0a);
            s0b = Vector256.FusedMultiplyAdd(a, bb, s0b);
            s0c = Vector256.FusedMultiplyAdd(a, bc, s0c);
            s0d = Vector256.FusedMultiplyAdd(a, bd, s0d);
            if (TRows.Count > 1)
            {
                a = Vector256.Create(x1[at]);
                s1a = Vector256.FusedMultiplyAdd(a, ba, s1a);
                s1b = Vector256.FusedMultiplyAdd(a, bb, s1b);
                s1c = Vector256.FusedMultiplyAdd(a, bc, s1c);
                s1d = Vector256.FusedMultiplyAdd(a, bd, s1d);
            }

            if (TRows.Count > 2)
            {
                a = Vector256.Create(x2[at]);
                s2a = Vector256.FusedMultiplyAdd(a, ba, s2a);
                s2b = Vector256.FusedMultiplyAdd(a, bb, s2b);
                s2c = Vector256.FusedMultiplyAdd(a, bc, s2c);
                s2d = Vector256.FusedMultiplyAdd(a, bd, s2d);
            }
        }

        Finish(s0a, y, add);
        Finish(s0b, y + 8, add);
        Finish(s0c, y + 16, add);
        Finish(s0d, y + 24, add);
        if (TRows.Count > 1)
        {
            Finish(s1a, y + strideY, add);
            Finish(s1b, y + strideY + 8, add);
            Finish(s1c, y + strideY + 16, add);
            Finish(s1d, y + strideY + 24, add);
        }

        if (TRows.Count > 2)
        {
            Finish(s2a, y + 2 * strideY, add);
            Finish(s2b, y + 2 * strideY + 8, add);
            Finish(s2c, y + 2 * strideY + 16, add);
            Finish(s2d, y + 2 * strideY + 24, add);
        }
    }

    /// <summary>One row by four panels: a matrix-vector product reads each weight once, so it only needs enough chains to hide the FMA's latency.</summary>
    /// <param name="x">X[row, k] of the first row and the chunk's first k.</param>
    /// <param name="panel">packed[k][16] at the chunk's first k.</param>
    /// <param name="panelStride">Words from panel to panel.</param>
    /// <param name="depth">Length of the chunk.</param>
    /// <param name="y">Where the sums go.</param>
    /// <param name="add">True if the chunk's sums are added to Y (right operand), false if they are stored.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows1Panels4(float* x, float* panel, nint panelStride, int depth, float* y, bool add)
    {
        Vector256<float> s0a = default, s0b = default, s0c = default, s0d = default, s0e = default, s0f = default, s0g = default, s0h = default;
        for (nint k = 0; k < depth; k++, panel += 16)
        {
            Vector256<float> ba = Vector256.Load(panel);
            Vector256<float> bb = Vector256.Load(panel + 8);
            Vector256<float> bc = Vector256.Load(panel + panelStride);
            Vector256<float> bd = Vector256.Load(panel + panelStride + 8);
            Vector256<float> be = Vector256.Load(panel + 2 * panelStride);
            Vector256<float> bf = Vector256.Load(panel + 2 * panelStride + 8);
            Vector256<float> bg = Vector256.Load(panel + 3 * panelStride);
            Vector256<float> bh = Vector256.Load(panel + 3 * panelStride + 8);
            Vector256<float> a0 = Vector256.Create(x[k]);
            s0a = Vector256.FusedMultiplyAdd(a0, ba, s0a);
            s0b = Vector256.FusedMultiplyAdd(a0, bb, s0b);
            s0c = Vector256.FusedMultiplyAdd(a0, bc, s0c);
            s0d = Vector256.FusedMultiplyAdd(a0, bd, s0d);
            s0e = Vector256.FusedMultiplyAdd(a0, be, s0e);
            s0f = Vector256.FusedMultiplyAdd(a0, bf, s0f);
            s0g = Vector256.FusedMultiplyAdd(a0, bg, s0g);
            s0h = Vector256.FusedMultiplyAdd(a0, bh, s0h);
        }

        Finish(s0a, y, add);
        Finish(s0b, y + 8, add);
        Finish(s0c, y + 16, add);
        Finish(s0d, y + 24, add);
        Finish(s0e, y + 32, add);
        Finish(s0f, y + 40, add);
        Finish(s0g, y + 48, add);
        Finish(s0h, y + 56, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(Vector256<float> sum, float* y, bool add) => (add ? Vector256.Load(y) + sum : sum).Store(y);
}
