using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>
/// The innermost loops of a contraction: a register tile of sums over one chunk. All are the same chain of FMAs for each sum;
/// they differ in how many sums they keep in registers (12 of 8 lanes leave room for operands in the 16 registers of AVX2; 24
/// of 16 lanes in the 32 of AVX-512).
/// </summary>
internal static unsafe class ContractMicroKernels
{
    /// <summary>Six rows by one panel, for registers of 8 lanes.</summary>
    /// <param name="x">X[row, k] of the first row and the chunk's first k.</param>
    /// <param name="strideX">Words from row to row of X.</param>
    /// <param name="panel">packed[k][16] at the chunk's first k.</param>
    /// <param name="depth">Length of the chunk.</param>
    /// <param name="y">Where the sums go.</param>
    /// <param name="strideY">Words from row to row of Y.</param>
    /// <param name="add">True if the chunk's sums are added to Y (right operand), false if they are stored.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows6Panels1(float* x, nint strideX, float* panel, int depth, float* y, nint strideY, bool add)
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
        for (nint k = 0; k < depth; k++, panel += 16)
        {
            Vector256<float> ba = Vector256.Load(panel);
            Vector256<float> bb = Vector256.Load(panel + 8);
            Vector256<float> a0 = Vector256.Create(x[k]);
            s0a = Vector256.FusedMultiplyAdd(a0, ba, s0a);
            s0b = Vector256.FusedMultiplyAdd(a0, bb, s0b);
            Vector256<float> a1 = Vector256.Create(x1[k]);
            s1a = Vector256.FusedMultiplyAdd(a1, ba, s1a);
            s1b = Vector256.FusedMultiplyAdd(a1, bb, s1b);
            Vector256<float> a2 = Vector256.Create(x2[k]);
            s2a = Vector256.FusedMultiplyAdd(a2, ba, s2a);
            s2b = Vector256.FusedMultiplyAdd(a2, bb, s2b);
            Vector256<float> a3 = Vector256.Create(x3[k]);
            s3a = Vector256.FusedMultiplyAdd(a3, ba, s3a);
            s3b = Vector256.FusedMultiplyAdd(a3, bb, s3b);
            Vector256<float> a4 = Vector256.Create(x4[k]);
            s4a = Vector256.FusedMultiplyAdd(a4, ba, s4a);
            s4b = Vector256.FusedMultiplyAdd(a4, bb, s4b);
            Vector256<float> a5 = Vector256.Create(x5[k]);
            s5a = Vector256.FusedMultiplyAdd(a5, ba, s5a);
            s5b = Vector256.FusedMultiplyAdd(a5, bb, s5b);
        }

        Finish(s0a, y, add);
        Finish(s0b, y + 8, add);
        Finish(s1a, y + strideY, add);
        Finish(s1b, y + strideY + 8, add);
        Finish(s2a, y + 2 * strideY, add);
        Finish(s2b, y + 2 * strideY + 8, add);
        Finish(s3a, y + 3 * strideY, add);
        Finish(s3b, y + 3 * strideY + 8, add);
        Finish(s4a, y + 4 * strideY, add);
        Finish(s4b, y + 4 * strideY + 8, add);
        Finish(s5a, y + 5 * strideY, add);
        Finish(s5b, y + 5 * strideY + 8, add);
    }

    /// <summary>Twelve rows by two panels, for registers of 16 lanes.</summary>
    /// <param name="x">X[row, k] of the first row and the chunk's first k.</param>
    /// <param name="strideX">Words from row to row of X.</param>
    /// <param name="panel">packed[k][16] at the chunk's first k.</param>
    /// <param name="panelStride">Words from panel to panel.</param>
    /// <param name="depth">Length of the chunk.</param>
    /// <param name="y">Where the sums go.</param>
    /// <param name="strideY">Words from row to row of Y.</param>
    /// <param name="add">True if the chunk's sums are added to Y (right operand), false if they are stored.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows12Panels2(float* x, nint strideX, float* panel, nint panelStride, int depth, float* y, nint strideY, bool add)
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
        for (nint k = 0; k < depth; k++, panel += 16)
        {
            Vector512<float> ba = Vector512.Load(panel);
            Vector512<float> bb = Vector512.Load(panel + panelStride);
            Vector512<float> a0 = Vector512.Create(x[k]);
            s0a = Vector512.FusedMultiplyAdd(a0, ba, s0a);
            s0b = Vector512.FusedMultiplyAdd(a0, bb, s0b);
            Vector512<float> a1 = Vector512.Create(x1[k]);
            s1a = Vector512.FusedMultiplyAdd(a1, ba, s1a);
            s1b = Vector512.FusedMultiplyAdd(a1, bb, s1b);
            Vector512<float> a2 = Vector512.Create(x2[k]);
            s2a = Vector512.FusedMultiplyAdd(a2, ba, s2a);
            s2b = Vector512.FusedMultiplyAdd(a2, bb, s2b);
            Vector512<float> a3 = Vector512.Create(x3[k]);
            s3a = Vector512.FusedMultiplyAdd(a3, ba, s3a);
            s3b = Vector512.FusedMultiplyAdd(a3, bb, s3b);
            Vector512<float> a4 = Vector512.Create(x4[k]);
            s4a = Vector512.FusedMultiplyAdd(a4, ba, s4a);
            s4b = Vector512.FusedMultiplyAdd(a4, bb, s4b);
            Vector512<float> a5 = Vector512.Create(x5[k]);
            s5a = Vector512.FusedMultiplyAdd(a5, ba, s5a);
            s5b = Vector512.FusedMultiplyAdd(a5, bb, s5b);
            Vector512<float> a6 = Vector512.Create(x6[k]);
            s6a = Vector512.FusedMultiplyAdd(a6, ba, s6a);
            s6b = Vector512.FusedMultiplyAdd(a6, bb, s6b);
            Vector512<float> a7 = Vector512.Create(x7[k]);
            s7a = Vector512.FusedMultiplyAdd(a7, ba, s7a);
            s7b = Vector512.FusedMultiplyAdd(a7, bb, s7b);
            Vector512<float> a8 = Vector512.Create(x8[k]);
            s8a = Vector512.FusedMultiplyAdd(a8, ba, s8a);
            s8b = Vector512.FusedMultiplyAdd(a8, bb, s8b);
            Vector512<float> a9 = Vector512.Create(x9[k]);
            s9a = Vector512.FusedMultiplyAdd(a9, ba, s9a);
            s9b = Vector512.FusedMultiplyAdd(a9, bb, s9b);
            Vector512<float> a10 = Vector512.Create(x10[k]);
            s10a = Vector512.FusedMultiplyAdd(a10, ba, s10a);
            s10b = Vector512.FusedMultiplyAdd(a10, bb, s10b);
            Vector512<float> a11 = Vector512.Create(x11[k]);
            s11a = Vector512.FusedMultiplyAdd(a11, ba, s11a);
            s11b = Vector512.FusedMultiplyAdd(a11, bb, s11b);
        }

        Finish(s0a, y, add);
        Finish(s0b, y + 16, add);
        Finish(s1a, y + strideY, add);
        Finish(s1b, y + strideY + 16, add);
        Finish(s2a, y + 2 * strideY, add);
        Finish(s2b, y + 2 * strideY + 16, add);
        Finish(s3a, y + 3 * strideY, add);
        Finish(s3b, y + 3 * strideY + 16, add);
        Finish(s4a, y + 4 * strideY, add);
        Finish(s4b, y + 4 * strideY + 16, add);
        Finish(s5a, y + 5 * strideY, add);
        Finish(s5b, y + 5 * strideY + 16, add);
        Finish(s6a, y + 6 * strideY, add);
        Finish(s6b, y + 6 * strideY + 16, add);
        Finish(s7a, y + 7 * strideY, add);
        Finish(s7b, y + 7 * strideY + 16, add);
        Finish(s8a, y + 8 * strideY, add);
        Finish(s8b, y + 8 * strideY + 16, add);
        Finish(s9a, y + 9 * strideY, add);
        Finish(s9b, y + 9 * strideY + 16, add);
        Finish(s10a, y + 10 * strideY, add);
        Finish(s10b, y + 10 * strideY + 16, add);
        Finish(s11a, y + 11 * strideY, add);
        Finish(s11b, y + 11 * strideY + 16, add);
    }

    /// <summary>Eight rows by two panels, for registers of 16 lanes: the rows that twelves leave over.</summary>
    /// <param name="x">X[row, k] of the first row and the chunk's first k.</param>
    /// <param name="strideX">Words from row to row of X.</param>
    /// <param name="panel">packed[k][16] at the chunk's first k.</param>
    /// <param name="panelStride">Words from panel to panel.</param>
    /// <param name="depth">Length of the chunk.</param>
    /// <param name="y">Where the sums go.</param>
    /// <param name="strideY">Words from row to row of Y.</param>
    /// <param name="add">True if the chunk's sums are added to Y (right operand), false if they are stored.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows8Panels2(float* x, nint strideX, float* panel, nint panelStride, int depth, float* y, nint strideY, bool add)
    {
        Vector512<float> s0a = default, s0b = default;
        Vector512<float> s1a = default, s1b = default;
        Vector512<float> s2a = default, s2b = default;
        Vector512<float> s3a = default, s3b = default;
        Vector512<float> s4a = default, s4b = default;
        Vector512<float> s5a = default, s5b = default;
        Vector512<float> s6a = default, s6b = default;
        Vector512<float> s7a = default, s7b = default;
        float* x1 = x + strideX;
        float* x2 = x + 2 * strideX;
        float* x3 = x + 3 * strideX;
        float* x4 = x + 4 * strideX;
        float* x5 = x + 5 * strideX;
        float* x6 = x + 6 * strideX;
        float* x7 = x + 7 * strideX;
        for (nint k = 0; k < depth; k++, panel += 16)
        {
            Vector512<float> ba = Vector512.Load(panel);
            Vector512<float> bb = Vector512.Load(panel + panelStride);
            Vector512<float> a0 = Vector512.Create(x[k]);
            s0a = Vector512.FusedMultiplyAdd(a0, ba, s0a);
            s0b = Vector512.FusedMultiplyAdd(a0, bb, s0b);
            Vector512<float> a1 = Vector512.Create(x1[k]);
            s1a = Vector512.FusedMultiplyAdd(a1, ba, s1a);
            s1b = Vector512.FusedMultiplyAdd(a1, bb, s1b);
            Vector512<float> a2 = Vector512.Create(x2[k]);
            s2a = Vector512.FusedMultiplyAdd(a2, ba, s2a);
            s2b = Vector512.FusedMultiplyAdd(a2, bb, s2b);
            Vector512<float> a3 = Vector512.Create(x3[k]);
            s3a = Vector512.FusedMultiplyAdd(a3, ba, s3a);
            s3b = Vector512.FusedMultiplyAdd(a3, bb, s3b);
            Vector512<float> a4 = Vector512.Create(x4[k]);
            s4a = Vector512.FusedMultiplyAdd(a4, ba, s4a);
            s4b = Vector512.FusedMultiplyAdd(a4, bb, s4b);
            Vector512<float> a5 = Vector512.Create(x5[k]);
            s5a = Vector512.FusedMultiplyAdd(a5, ba, s5a);
            s5b = Vector512.FusedMultiplyAdd(a5, bb, s5b);
            Vector512<float> a6 = Vector512.Create(x6[k]);
            s6a = Vector512.FusedMultiplyAdd(a6, ba, s6a);
            s6b = Vector512.FusedMultiplyAdd(a6, bb, s6b);
            Vector512<float> a7 = Vector512.Create(x7[k]);
            s7a = Vector512.FusedMultiplyAdd(a7, ba, s7a);
            s7b = Vector512.FusedMultiplyAdd(a7, bb, s7b);
        }

        Finish(s0a, y, add);
        Finish(s0b, y + 16, add);
        Finish(s1a, y + strideY, add);
        Finish(s1b, y + strideY + 16, add);
        Finish(s2a, y + 2 * strideY, add);
        Finish(s2b, y + 2 * strideY + 16, add);
        Finish(s3a, y + 3 * strideY, add);
        Finish(s3b, y + 3 * strideY + 16, add);
        Finish(s4a, y + 4 * strideY, add);
        Finish(s4b, y + 4 * strideY + 16, add);
        Finish(s5a, y + 5 * strideY, add);
        Finish(s5b, y + 5 * strideY + 16, add);
        Finish(s6a, y + 6 * strideY, add);
        Finish(s6b, y + 6 * strideY + 16, add);
        Finish(s7a, y + 7 * strideY, add);
        Finish(s7b, y + 7 * strideY + 16, add);
    }

    /// <summary>Four rows by two panels, for registers of 16 lanes: the rows that twelves leave over.</summary>
    /// <param name="x">X[row, k] of the first row and the chunk's first k.</param>
    /// <param name="strideX">Words from row to row of X.</param>
    /// <param name="panel">packed[k][16] at the chunk's first k.</param>
    /// <param name="panelStride">Words from panel to panel.</param>
    /// <param name="depth">Length of the chunk.</param>
    /// <param name="y">Where the sums go.</param>
    /// <param name="strideY">Words from row to row of Y.</param>
    /// <param name="add">True if the chunk's sums are added to Y (right operand), false if they are stored.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows4Panels2(float* x, nint strideX, float* panel, nint panelStride, int depth, float* y, nint strideY, bool add)
    {
        Vector512<float> s0a = default, s0b = default;
        Vector512<float> s1a = default, s1b = default;
        Vector512<float> s2a = default, s2b = default;
        Vector512<float> s3a = default, s3b = default;
        float* x1 = x + strideX;
        float* x2 = x + 2 * strideX;
        float* x3 = x + 3 * strideX;
        for (nint k = 0; k < depth; k++, panel += 16)
        {
            Vector512<float> ba = Vector512.Load(panel);
            Vector512<float> bb = Vector512.Load(panel + panelStride);
            Vector512<float> a0 = Vector512.Create(x[k]);
            s0a = Vector512.FusedMultiplyAdd(a0, ba, s0a);
            s0b = Vector512.FusedMultiplyAdd(a0, bb, s0b);
            Vector512<float> a1 = Vector512.Create(x1[k]);
            s1a = Vector512.FusedMultiplyAdd(a1, ba, s1a);
            s1b = Vector512.FusedMultiplyAdd(a1, bb, s1b);
            Vector512<float> a2 = Vector512.Create(x2[k]);
            s2a = Vector512.FusedMultiplyAdd(a2, ba, s2a);
            s2b = Vector512.FusedMultiplyAdd(a2, bb, s2b);
            Vector512<float> a3 = Vector512.Create(x3[k]);
            s3a = Vector512.FusedMultiplyAdd(a3, ba, s3a);
            s3b = Vector512.FusedMultiplyAdd(a3, bb, s3b);
        }

        Finish(s0a, y, add);
        Finish(s0b, y + 16, add);
        Finish(s1a, y + strideY, add);
        Finish(s1b, y + strideY + 16, add);
        Finish(s2a, y + 2 * strideY, add);
        Finish(s2b, y + 2 * strideY + 16, add);
        Finish(s3a, y + 3 * strideY, add);
        Finish(s3b, y + 3 * strideY + 16, add);
    }

    /// <summary>One row by four panels: a matrix-vector product reads each weight once, so it only needs enough chains to hide the FMA's latency.</summary>
    /// <param name="x">X[row, k] of the first row and the chunk's first k.</param>
    /// <param name="strideX">Words from row to row of X.</param>
    /// <param name="panel">packed[k][16] at the chunk's first k.</param>
    /// <param name="panelStride">Words from panel to panel.</param>
    /// <param name="depth">Length of the chunk.</param>
    /// <param name="y">Where the sums go.</param>
    /// <param name="strideY">Words from row to row of Y.</param>
    /// <param name="add">True if the chunk's sums are added to Y (right operand), false if they are stored.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows1Panels4(float* x, nint strideX, float* panel, nint panelStride, int depth, float* y, nint strideY, bool add)
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

    /// <summary>One row by one panel: what is left over.</summary>
    /// <param name="x">X[row, k] of the first row and the chunk's first k.</param>
    /// <param name="strideX">Words from row to row of X.</param>
    /// <param name="panel">packed[k][16] at the chunk's first k.</param>
    /// <param name="depth">Length of the chunk.</param>
    /// <param name="y">Where the sums go.</param>
    /// <param name="strideY">Words from row to row of Y.</param>
    /// <param name="add">True if the chunk's sums are added to Y (right operand), false if they are stored.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows1Panels1(float* x, nint strideX, float* panel, int depth, float* y, nint strideY, bool add)
    {
        Vector256<float> s0a = default, s0b = default;
        for (nint k = 0; k < depth; k++, panel += 16)
        {
            Vector256<float> ba = Vector256.Load(panel);
            Vector256<float> bb = Vector256.Load(panel + 8);
            Vector256<float> a0 = Vector256.Create(x[k]);
            s0a = Vector256.FusedMultiplyAdd(a0, ba, s0a);
            s0b = Vector256.FusedMultiplyAdd(a0, bb, s0b);
        }

        Finish(s0a, y, add);
        Finish(s0b, y + 8, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(Vector256<float> sum, float* y, bool add) => (add ? Vector256.Load(y) + sum : sum).Store(y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(Vector512<float> sum, float* y, bool add) => (add ? Vector512.Load(y) + sum : sum).Store(y);
}
