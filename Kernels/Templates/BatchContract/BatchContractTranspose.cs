using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace RduEmu.Kernels.Templates.BatchContract;

/// <summary>Eight rows to columns in registers: how an operand whose depth lies along its rows becomes a panel.</summary>
internal static unsafe class BatchContractTranspose
{
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
}
