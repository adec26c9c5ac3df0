using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>
/// The innermost loops of a weight gradient: a register tile of sums, leaf by leaf of a block; each leaf's sums are merged at
/// once with the partial sums that pend in L1 (<see cref="SampleTree"/>'s binary counter). Operands are packed: dY as
/// [b][height], X as [b][16].
/// </summary>
internal static unsafe class SampleContractMicroKernels
{
    /// <summary>Which pending levels a leaf (or block) merges: the trailing ones of its index, or all ones if it is the last.</summary>
    public static int MergeMask(int index, bool last) => last ? index : index & ~(index + 1);

    /// <summary>The most n of <see cref="Narrow{TRows}"/>.</summary>
    public const int NarrowRows = 4;

    /// <summary>
    /// Up to four n by sixteen k, for the 16 registers of AVX2. Eight sums are as many as FMAs are in flight; six n by sixteen k reach 91% of
    /// the peak, four 99%: there is more room to merge a leaf while the next one begins.
    /// </summary>
    /// <param name="dy">The packed dY of the tile's first n.</param>
    /// <param name="x">The packed X.</param>
    /// <param name="rows">Rows of the block.</param>
    /// <param name="pending">Room for the tiles that pend, level by level.</param>
    /// <param name="result">Where the sum of all leaves goes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Narrow<TRows>(float* dy, float* x, int rows, float* pending, float* result)
        where TRows : struct, IRegisterRows
    {
        int leafCount = SampleTree.LeafCount(rows);
        for (int leaf = 0; leaf < leafCount; leaf++)
        {
            int count = Math.Min(SampleTree.LeafRows, rows - leaf * SampleTree.LeafRows);
            Vector256<float> s0a = default, s0b = default;
            Vector256<float> s1a = default, s1b = default;
            Vector256<float> s2a = default, s2b = default;
            Vector256<float> s3a = default, s3b = default;
            int b = 0;
            for (; b + 2 <= count; b += 2, dy += 2 * TRows.Count, x += 32)
            {
                Vector256<float> xa = Vector256.Load(x);
                Vector256<float> xb = Vector256.Load(x + 8);
                Vector256<float> d = Vector256.Create(dy[0]);
                s0a = Vector256.FusedMultiplyAdd(d, xa, s0a);
                s0b = Vector256.FusedMultiplyAdd(d, xb, s0b);
                if (TRows.Count > 1)
                {
                    d = Vector256.Create(dy[1]);
                    s1a = Vector256.FusedMultiplyAdd(d, xa, s1a);
                    s1b = Vector256.FusedMultiplyAdd(d, xb, s1b);
                }

                if (TRows.Count > 2)
                {
                    d = Vector256.Create(dy[2]);
                    s2a = Vector256.FusedMultiplyAdd(d, xa, s2a);
                    s2b = Vector256.FusedMultiplyAdd(d, xb, s2b);
                }

                if (TRows.Count > 3)
                {
                    d = Vector256.Create(dy[3]);
                    s3a = Vector256.FusedMultiplyAdd(d, xa, s3a);
                    s3b = Vector256.FusedMultiplyAdd(d, xb, s3b);
                }

                xa = Vector256.Load(x + 16);
                xb = Vector256.Load(x + 24);
                d = Vector256.Create(dy[TRows.Count]);
                s0a = Vector256.FusedMultiplyAdd(d, xa, s0a);
                s0b = Vector256.FusedMultiplyAdd(d, xb, s0b);
                if (TRows.Count > 1)
                {
                    d = Vector256.Create(dy[TRows.Count + 1]);
                    s1a = Vector256.FusedMultiplyAdd(d, xa, s1a);
                    s1b = Vector256.FusedMultiplyAdd(d, xb, s1b);
                }

                if (TRows.Count > 2)
                {
                    d = Vector256.Create(dy[TRows.Count + 2]);
                    s2a = Vector256.FusedMultiplyAdd(d, xa, s2a);
                    s2b = Vector256.FusedMultiplyAdd(d, xb, s2b);
                }

                if (TRows.Count > 3)
                {
                    d = Vector256.Create(dy[TRows.Count + 3]);
                    s3a = Vector256.FusedMultiplyAdd(d, xa, s3a);
                    s3b = Vector256.FusedMultiplyAdd(d, xb, s3b);
                }
            }

            for (; b < count; b++, dy += TRows.Count, x += 16)
            {
                Vector256<float> xa = Vector256.Load(x);
                Vector256<float> xb = Vector256.Load(x + 8);
                Vector256<float> d = Vector256.Create(dy[0]);
                s0a = Vector256.FusedMultiplyAdd(d, xa, s0a);
                s0b = Vector256.FusedMultiplyAdd(d, xb, s0b);
                if (TRows.Count > 1)
                {
                    d = Vector256.Create(dy[1]);
                    s1a = Vector256.FusedMultiplyAdd(d, xa, s1a);
                    s1b = Vector256.FusedMultiplyAdd(d, xb, s1b);
                }

                if (TRows.Count > 2)
                {
                    d = Vector256.Create(dy[2]);
                    s2a = Vector256.FusedMultiplyAdd(d, xa, s2a);
                    s2b = Vector256.FusedMultiplyAdd(d, xb, s2b);
                }

                if (TRows.Count > 3)
                {
                    d = Vector256.Create(dy[3]);
                    s3a = Vector256.FusedMultiplyAdd(d, xa, s3a);
                    s3b = Vector256.FusedMultiplyAdd(d, xb, s3b);
                }
            }

            bool last = leaf == leafCount - 1;
            int mask = MergeMask(leaf, last);
            for (int level = 0; mask >> level != 0; level++)
            {
                if ((mask >> level & 1) == 0)
                {
                    continue;
                }

                float* p = pending + level * 16 * TRows.Count;
                s0a = Vector256.Load(p) + s0a;
                s0b = Vector256.Load(p + 8) + s0b;
                if (TRows.Count > 1)
                {
                    s1a = Vector256.Load(p + 16) + s1a;
                    s1b = Vector256.Load(p + 24) + s1b;
                }

                if (TRows.Count > 2)
                {
                    s2a = Vector256.Load(p + 32) + s2a;
                    s2b = Vector256.Load(p + 40) + s2b;
                }

                if (TRows.Count > 3)
                {
                    s3a = Vector256.Load(p + 48) + s3a;
                    s3b = Vector256.Load(p + 56) + s3b;
                }
            }

            float* target = last ? result : pending + BitOperations.PopCount((uint)mask) * 16 * TRows.Count;
            s0a.Store(target);
            s0b.Store(target + 8);
            if (TRows.Count > 1)
            {
                s1a.Store(target + 16);
                s1b.Store(target + 24);
            }

            if (TRows.Count > 2)
            {
                s2a.Store(target + 32);
                s2b.Store(target + 40);
            }

            if (TRows.Count > 3)
            {
                s3a.Store(target + 48);
                s3b.Store(target + 56);
            }
        }
    }

    /// <summary>Twelve n by sixteen k, for registers of 16 lanes.</summary>
    /// <param name="dy">The packed dY of the tile's first n.</param>
    /// <param name="x">The packed X.</param>
    /// <param name="rows">Rows of the block.</param>
    /// <param name="pending">Room for the tiles that pend, level by level.</param>
    /// <param name="result">Where the sum of all leaves goes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows12(float* dy, float* x, int rows, float* pending, float* result)
    {
        int leafCount = SampleTree.LeafCount(rows);
        for (int leaf = 0; leaf < leafCount; leaf++)
        {
            int count = Math.Min(SampleTree.LeafRows, rows - leaf * SampleTree.LeafRows);
            Vector512<float> s0a = default;
            Vector512<float> s1a = default;
            Vector512<float> s2a = default;
            Vector512<float> s3a = default;
            Vector512<float> s4a = default;
            Vector512<float> s5a = default;
            Vector512<float> s6a = default;
            Vector512<float> s7a = default;
            Vector512<float> s8a = default;
            Vector512<float> s9a = default;
            Vector512<float> s10a = default;
            Vector512<float> s11a = default;
            int b = 0;
            for (; b + 4 <= count; b += 4, dy += 48, x += 64)
            {
                Vector512<float> xa = Vector512.Load(x);
                Vector512<float> d = Vector512.Create(dy[0]);
                s0a = Vector512.FusedMultiplyAdd(d, xa, s0a);
                d = Vector512.Create(dy[1]);
                s1a = Vector512.FusedMultiplyAdd(d, xa, s1a);
                d = Vector512.Create(dy[2]);
                s2a = Vector512.FusedMultiplyAdd(d, xa, s2a);
                d = Vector512.Create(dy[3]);
                s3a = Vector512.FusedMultiplyAdd(d, xa, s3a);
                d = Vector512.Create(dy[4]);
                s4a = Vector512.FusedMultiplyAdd(d, xa, s4a);
                d = Vector512.Create(dy[5]);
                s5a = Vector512.FusedMultiplyAdd(d, xa, s5a);
                d = Vector512.Create(dy[6]);
                s6a = Vector512.FusedMultiplyAdd(d, xa, s6a);
                d = Vector512.Create(dy[7]);
                s7a = Vector512.FusedMultiplyAdd(d, xa, s7a);
                d = Vector512.Create(dy[8]);
                s8a = Vector512.FusedMultiplyAdd(d, xa, s8a);
                d = Vector512.Create(dy[9]);
                s9a = Vector512.FusedMultiplyAdd(d, xa, s9a);
                d = Vector512.Create(dy[10]);
                s10a = Vector512.FusedMultiplyAdd(d, xa, s10a);
                d = Vector512.Create(dy[11]);
                s11a = Vector512.FusedMultiplyAdd(d, xa, s11a);
                xa = Vector512.Load(x + 16);
                d = Vector512.Create(dy[12]);
                s0a = Vector512.FusedMultiplyAdd(d, xa, s0a);
                d = Vector512.Create(dy[13]);
                s1a = Vector512.FusedMultiplyAdd(d, xa, s1a);
                d = Vector512.Create(dy[14]);
                s2a = Vector512.FusedMultiplyAdd(d, xa, s2a);
                d = Vector512.Create(dy[15]);
                s3a = Vector512.FusedMultiplyAdd(d, xa, s3a);
                d = Vector512.Create(dy[16]);
                s4a = Vector512.FusedMultiplyAdd(d, xa, s4a);
                d = Vector512.Create(dy[17]);
                s5a = Vector512.FusedMultiplyAdd(d, xa, s5a);
                d = Vector512.Create(dy[18]);
                s6a = Vector512.FusedMultiplyAdd(d, xa, s6a);
                d = Vector512.Create(dy[19]);
                s7a = Vector512.FusedMultiplyAdd(d, xa, s7a);
                d = Vector512.Create(dy[20]);
                s8a = Vector512.FusedMultiplyAdd(d, xa, s8a);
                d = Vector512.Create(dy[21]);
                s9a = Vector512.FusedMultiplyAdd(d, xa, s9a);
                d = Vector512.Create(dy[22]);
                s10a = Vector512.FusedMultiplyAdd(d, xa, s10a);
                d = Vector512.Create(dy[23]);
                s11a = Vector512.FusedMultiplyAdd(d, xa, s11a);
                xa = Vector512.Load(x + 32);
                d = Vector512.Create(dy[24]);
                s0a = Vector512.FusedMultiplyAdd(d, xa, s0a);
                d = Vector512.Create(dy[25]);
                s1a = Vector512.FusedMultiplyAdd(d, xa, s1a);
                d = Vector512.Create(dy[26]);
                s2a = Vector512.FusedMultiplyAdd(d, xa, s2a);
                d = Vector512.Create(dy[27]);
                s3a = Vector512.FusedMultiplyAdd(d, xa, s3a);
                d = Vector512.Create(dy[28]);
                s4a = Vector512.FusedMultiplyAdd(d, xa, s4a);
                d = Vector512.Create(dy[29]);
                s5a = Vector512.FusedMultiplyAdd(d, xa, s5a);
                d = Vector512.Create(dy[30]);
                s6a = Vector512.FusedMultiplyAdd(d, xa, s6a);
                d = Vector512.Create(dy[31]);
                s7a = Vector512.FusedMultiplyAdd(d, xa, s7a);
                d = Vector512.Create(dy[32]);
                s8a = Vector512.FusedMultiplyAdd(d, xa, s8a);
                d = Vector512.Create(dy[33]);
                s9a = Vector512.FusedMultiplyAdd(d, xa, s9a);
                d = Vector512.Create(dy[34]);
                s10a = Vector512.FusedMultiplyAdd(d, xa, s10a);
                d = Vector512.Create(dy[35]);
                s11a = Vector512.FusedMultiplyAdd(d, xa, s11a);
                xa = Vector512.Load(x + 48);
                d = Vector512.Create(dy[36]);
                s0a = Vector512.FusedMultiplyAdd(d, xa, s0a);
                d = Vector512.Create(dy[37]);
                s1a = Vector512.FusedMultiplyAdd(d, xa, s1a);
                d = Vector512.Create(dy[38]);
                s2a = Vector512.FusedMultiplyAdd(d, xa, s2a);
                d = Vector512.Create(dy[39]);
                s3a = Vector512.FusedMultiplyAdd(d, xa, s3a);
                d = Vector512.Create(dy[40]);
                s4a = Vector512.FusedMultiplyAdd(d, xa, s4a);
                d = Vector512.Create(dy[41]);
                s5a = Vector512.FusedMultiplyAdd(d, xa, s5a);
                d = Vector512.Create(dy[42]);
                s6a = Vector512.FusedMultiplyAdd(d, xa, s6a);
                d = Vector512.Create(dy[43]);
                s7a = Vector512.FusedMultiplyAdd(d, xa, s7a);
                d = Vector512.Create(dy[44]);
                s8a = Vector512.FusedMultiplyAdd(d, xa, s8a);
                d = Vector512.Create(dy[45]);
                s9a = Vector512.FusedMultiplyAdd(d, xa, s9a);
                d = Vector512.Create(dy[46]);
                s10a = Vector512.FusedMultiplyAdd(d, xa, s10a);
                d = Vector512.Create(dy[47]);
                s11a = Vector512.FusedMultiplyAdd(d, xa, s11a);
            }

            for (; b < count; b++, dy += 12, x += 16)
            {
                Vector512<float> xa = Vector512.Load(x);
                Vector512<float> d = Vector512.Create(dy[0]);
                s0a = Vector512.FusedMultiplyAdd(d, xa, s0a);
                d = Vector512.Create(dy[1]);
                s1a = Vector512.FusedMultiplyAdd(d, xa, s1a);
                d = Vector512.Create(dy[2]);
                s2a = Vector512.FusedMultiplyAdd(d, xa, s2a);
                d = Vector512.Create(dy[3]);
                s3a = Vector512.FusedMultiplyAdd(d, xa, s3a);
                d = Vector512.Create(dy[4]);
                s4a = Vector512.FusedMultiplyAdd(d, xa, s4a);
                d = Vector512.Create(dy[5]);
                s5a = Vector512.FusedMultiplyAdd(d, xa, s5a);
                d = Vector512.Create(dy[6]);
                s6a = Vector512.FusedMultiplyAdd(d, xa, s6a);
                d = Vector512.Create(dy[7]);
                s7a = Vector512.FusedMultiplyAdd(d, xa, s7a);
                d = Vector512.Create(dy[8]);
                s8a = Vector512.FusedMultiplyAdd(d, xa, s8a);
                d = Vector512.Create(dy[9]);
                s9a = Vector512.FusedMultiplyAdd(d, xa, s9a);
                d = Vector512.Create(dy[10]);
                s10a = Vector512.FusedMultiplyAdd(d, xa, s10a);
                d = Vector512.Create(dy[11]);
                s11a = Vector512.FusedMultiplyAdd(d, xa, s11a);
            }

            bool last = leaf == leafCount - 1;
            int mask = MergeMask(leaf, last);
            for (int level = 0; mask >> level != 0; level++)
            {
                if ((mask >> level & 1) == 0)
                {
                    continue;
                }

                float* p = pending + level * 192;
                s0a = Vector512.Load(p) + s0a;
                s1a = Vector512.Load(p + 16) + s1a;
                s2a = Vector512.Load(p + 32) + s2a;
                s3a = Vector512.Load(p + 48) + s3a;
                s4a = Vector512.Load(p + 64) + s4a;
                s5a = Vector512.Load(p + 80) + s5a;
                s6a = Vector512.Load(p + 96) + s6a;
                s7a = Vector512.Load(p + 112) + s7a;
                s8a = Vector512.Load(p + 128) + s8a;
                s9a = Vector512.Load(p + 144) + s9a;
                s10a = Vector512.Load(p + 160) + s10a;
                s11a = Vector512.Load(p + 176) + s11a;
            }

            float* target = last ? result : pending + BitOperations.PopCount((uint)mask) * 192;
            s0a.Store(target);
            s1a.Store(target + 16);
            s2a.Store(target + 32);
            s3a.Store(target + 48);
            s4a.Store(target + 64);
            s5a.Store(target + 80);
            s6a.Store(target + 96);
            s7a.Store(target + 112);
            s8a.Store(target + 128);
            s9a.Store(target + 144);
            s10a.Store(target + 160);
            s11a.Store(target + 176);
        }
    }
}
