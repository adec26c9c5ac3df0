using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.BatchContract;

/// <summary>
/// The innermost loops of small products. A DLRM's interaction is 27 x 27 x 16 for each sample: nine rows by two panels are 18
/// sums in the 32 registers of AVX-512, enough to hide the FMA's latency and eleven loads for them; four rows by one panel ran
/// at a third of that speed.
/// </summary>
internal static unsafe class BatchContractMicroKernels
{
    private const int BlockRows = 9;

    /// <summary>True for what <see cref="Pair"/> computes: two panels, at least nine rows, one chunk.</summary>
    public static bool Takes(BatchContractArguments p) =>
        Vector512.IsHardwareAccelerated && p.Rows >= BlockRows && p.Columns is > 16 and <= 32 && p.Depth is > 0 and <= ContractOrder.ChunkElements;

    /// <summary>All rows of C, for a packed B of two panels.</summary>
    public static void Pair(float* a, float* panel, float* c, BatchContractArguments p)
    {
        // Rows are stored in ascending order and whole: what a row's second panel writes too much is the beginning of the next
        // row, which comes later. The last block begins early enough to be full; its rows are computed again, to the same bits.
        int last = p.Rows - BlockRows;
        for (int row = 0; row < last; row += BlockRows)
        {
            Rows9(a + (nint)row * p.RowStrideA, p.RowStrideA, p.DepthStrideA, panel, p.Depth, c + (nint)row * p.Columns, p.Columns, lastCount: 16);
        }

        Rows9(a + (nint)last * p.RowStrideA, p.RowStrideA, p.DepthStrideA, panel, p.Depth, c + (nint)last * p.Columns, p.Columns, p.Columns - 16);
    }

    /// <summary>Eight words of each of up to eight rows, turned: to[k][j] = from[j][k]; rows past the count are zero.</summary>
    /// <param name="stride">Words from row to row of the source; those of the target are 16 apart.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose8(float* from, nint stride, float* to, int count)
    {
        Vector256<float> r0 = 0 < count ? Vector256.Load(from + 0 * stride) : default;
        Vector256<float> r1 = 1 < count ? Vector256.Load(from + 1 * stride) : default;
        Vector256<float> r2 = 2 < count ? Vector256.Load(from + 2 * stride) : default;
        Vector256<float> r3 = 3 < count ? Vector256.Load(from + 3 * stride) : default;
        Vector256<float> r4 = 4 < count ? Vector256.Load(from + 4 * stride) : default;
        Vector256<float> r5 = 5 < count ? Vector256.Load(from + 5 * stride) : default;
        Vector256<float> r6 = 6 < count ? Vector256.Load(from + 6 * stride) : default;
        Vector256<float> r7 = 7 < count ? Vector256.Load(from + 7 * stride) : default;

        // Pairs, fours, halves: each step doubles the run of words that stand together.
        Vector256<float> aLow = UnpackLow(r0, r1), aHigh = UnpackHigh(r0, r1);
        Vector256<float> bLow = UnpackLow(r2, r3), bHigh = UnpackHigh(r2, r3);
        Vector256<float> cLow = UnpackLow(r4, r5), cHigh = UnpackHigh(r4, r5);
        Vector256<float> dLow = UnpackLow(r6, r7), dHigh = UnpackHigh(r6, r7);
        Vector256<float> left0 = PairLow(aLow, bLow), left1 = PairHigh(aLow, bLow), left2 = PairLow(aHigh, bHigh), left3 = PairHigh(aHigh, bHigh);
        Vector256<float> right0 = PairLow(cLow, dLow), right1 = PairHigh(cLow, dLow), right2 = PairLow(cHigh, dHigh), right3 = PairHigh(cHigh, dHigh);
        Vector256.Create(left0.GetLower(), right0.GetLower()).Store(to + 0 * 16);
        Vector256.Create(left1.GetLower(), right1.GetLower()).Store(to + 1 * 16);
        Vector256.Create(left2.GetLower(), right2.GetLower()).Store(to + 2 * 16);
        Vector256.Create(left3.GetLower(), right3.GetLower()).Store(to + 3 * 16);
        Vector256.Create(left0.GetUpper(), right0.GetUpper()).Store(to + 4 * 16);
        Vector256.Create(left1.GetUpper(), right1.GetUpper()).Store(to + 5 * 16);
        Vector256.Create(left2.GetUpper(), right2.GetUpper()).Store(to + 6 * 16);
        Vector256.Create(left3.GetUpper(), right3.GetUpper()).Store(to + 7 * 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> UnpackLow(Vector256<float> a, Vector256<float> b) => Avx.IsSupported
        ? Avx.UnpackLow(a, b)
        : Vector256.Create(a[0], b[0], a[1], b[1], a[4], b[4], a[5], b[5]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> UnpackHigh(Vector256<float> a, Vector256<float> b) => Avx.IsSupported
        ? Avx.UnpackHigh(a, b)
        : Vector256.Create(a[2], b[2], a[3], b[3], a[6], b[6], a[7], b[7]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> PairLow(Vector256<float> a, Vector256<float> b) => Avx.IsSupported
        ? Avx.UnpackLow(a.AsDouble(), b.AsDouble()).AsSingle()
        : Vector256.Create(a[0], a[1], b[0], b[1], a[4], a[5], b[4], b[5]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> PairHigh(Vector256<float> a, Vector256<float> b) => Avx.IsSupported
        ? Avx.UnpackHigh(a.AsDouble(), b.AsDouble()).AsSingle()
        : Vector256.Create(a[2], a[3], b[2], b[3], a[6], a[7], b[6], b[7]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows9(float* a, nint rowStride, nint depthStride, float* panel, int depth, float* c, nint columns, int lastCount)
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
        nint panelStride = (nint)depth * 16;
        for (int k = 0; k < depth; k++, a += depthStride, panel += 16)
        {
            Vector512<float> ba = Vector512.Load(panel);
            Vector512<float> bb = Vector512.Load(panel + panelStride);
            Vector512<float> a0 = Vector512.Create(a[0]);
            s0a = Vector512.FusedMultiplyAdd(a0, ba, s0a);
            s0b = Vector512.FusedMultiplyAdd(a0, bb, s0b);
            Vector512<float> a1 = Vector512.Create(a[rowStride]);
            s1a = Vector512.FusedMultiplyAdd(a1, ba, s1a);
            s1b = Vector512.FusedMultiplyAdd(a1, bb, s1b);
            Vector512<float> a2 = Vector512.Create(a[2 * rowStride]);
            s2a = Vector512.FusedMultiplyAdd(a2, ba, s2a);
            s2b = Vector512.FusedMultiplyAdd(a2, bb, s2b);
            Vector512<float> a3 = Vector512.Create(a[3 * rowStride]);
            s3a = Vector512.FusedMultiplyAdd(a3, ba, s3a);
            s3b = Vector512.FusedMultiplyAdd(a3, bb, s3b);
            Vector512<float> a4 = Vector512.Create(a[4 * rowStride]);
            s4a = Vector512.FusedMultiplyAdd(a4, ba, s4a);
            s4b = Vector512.FusedMultiplyAdd(a4, bb, s4b);
            Vector512<float> a5 = Vector512.Create(a[5 * rowStride]);
            s5a = Vector512.FusedMultiplyAdd(a5, ba, s5a);
            s5b = Vector512.FusedMultiplyAdd(a5, bb, s5b);
            Vector512<float> a6 = Vector512.Create(a[6 * rowStride]);
            s6a = Vector512.FusedMultiplyAdd(a6, ba, s6a);
            s6b = Vector512.FusedMultiplyAdd(a6, bb, s6b);
            Vector512<float> a7 = Vector512.Create(a[7 * rowStride]);
            s7a = Vector512.FusedMultiplyAdd(a7, ba, s7a);
            s7b = Vector512.FusedMultiplyAdd(a7, bb, s7b);
            Vector512<float> a8 = Vector512.Create(a[8 * rowStride]);
            s8a = Vector512.FusedMultiplyAdd(a8, ba, s8a);
            s8b = Vector512.FusedMultiplyAdd(a8, bb, s8b);
        }

        s0a.Store(c);
        s0b.Store(c + 16);
        s1a.Store(c + columns);
        s1b.Store(c + columns + 16);
        s2a.Store(c + 2 * columns);
        s2b.Store(c + 2 * columns + 16);
        s3a.Store(c + 3 * columns);
        s3b.Store(c + 3 * columns + 16);
        s4a.Store(c + 4 * columns);
        s4b.Store(c + 4 * columns + 16);
        s5a.Store(c + 5 * columns);
        s5b.Store(c + 5 * columns + 16);
        s6a.Store(c + 6 * columns);
        s6b.Store(c + 6 * columns + 16);
        s7a.Store(c + 7 * columns);
        s7b.Store(c + 7 * columns + 16);
        s8a.Store(c + 8 * columns);
        if (lastCount == 16)
        {
            s8b.Store(c + 8 * columns + 16);
            return;
        }

        for (int j = 0; j < lastCount; j++)
        {
            c[8 * columns + 16 + j] = s8b[j];
        }
    }
}
