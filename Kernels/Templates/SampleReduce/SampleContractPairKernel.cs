using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>
/// The register tile of <see cref="SampleContractMicroKernels"/> for 32 registers of 16 lanes: 24 sums. A step loads two
/// vectors of X and twelve words of dY for 24 FMAs; with one vector of X the loads, of which a core does one of 64 bytes in a
/// cycle, were more than the FMAs, and a gradient stayed at 70% of the peak.
/// </summary>
internal static unsafe class SampleContractPairKernel
{
    /// <summary>Words of one tile of sums: [panel][n][16].</summary>
    public const int TileElements = 2 * 12 * 16;

    /// <summary>Twelve n by two panels of sixteen k.</summary>
    /// <param name="dy">The packed dY of the tile's first n.</param>
    /// <param name="x">The packed X, first panel.</param>
    /// <param name="panelStride">Words from panel to panel of X.</param>
    /// <param name="rows">Rows of the block.</param>
    /// <param name="pending">Room for the tiles that pend, level by level.</param>
    /// <param name="result">Where the sum of all leaves goes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows12(float* dy, float* x, nint panelStride, int rows, float* pending, float* result)
    {
        int leafCount = SampleTree.LeafCount(rows);
        for (int leaf = 0; leaf < leafCount; leaf++)
        {
            int count = Math.Min(SampleTree.LeafRows, rows - leaf * SampleTree.LeafRows);
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
            int b = 0;
            for (; b + 4 <= count; b += 4, dy += 48, x += 64)
            {
                Vector512<float> xa = Vector512.Load(x);
                Vector512<float> xb = Vector512.Load(x + panelStride);
                Vector512<float> d = Vector512.Create(dy[0]);
                s0a = Vector512.FusedMultiplyAdd(d, xa, s0a);
                s0b = Vector512.FusedMultiplyAdd(d, xb, s0b);
                d = Vector512.Create(dy[1]);
                s1a = Vector512.FusedMultiplyAdd(d, xa, s1a);
                s1b = Vector512.FusedMultiplyAdd(d, xb, s1b);
                d = Vector512.Create(dy[2]);
                s2a = Vector512.FusedMultiplyAdd(d, xa, s2a);
                s2b = Vector512.FusedMultiplyAdd(d, xb, s2b);
                d = Vector512.Create(dy[3]);
                s3a = Vector512.FusedMultiplyAdd(d, xa, s3a);
                s3b = Vector512.FusedMultiplyAdd(d, xb, s3b);
                d = Vector512.Create(dy[4]);
                s4a = Vector512.FusedMultiplyAdd(d, xa, s4a);
                s4b = Vector512.FusedMultiplyAdd(d, xb, s4b);
                d = Vector512.Create(dy[5]);
                s5a = Vector512.FusedMultiplyAdd(d, xa, s5a);
                s5b = Vector512.FusedMultiplyAdd(d, xb, s5b);
                d = Vector512.Create(dy[6]);
                s6a = Vector512.FusedMultiplyAdd(d, xa, s6a);
                s6b = Vector512.FusedMultiplyAdd(d, xb, s6b);
                d = Vector512.Create(dy[7]);
                s7a = Vector512.FusedMultiplyAdd(d, xa, s7a);
                s7b = Vector512.FusedMultiplyAdd(d, xb, s7b);
                d = Vector512.Create(dy[8]);
                s8a = Vector512.FusedMultiplyAdd(d, xa, s8a);
                s8b = Vector512.FusedMultiplyAdd(d, xb, s8b);
                d = Vector512.Create(dy[9]);
                s9a = Vector512.FusedMultiplyAdd(d, xa, s9a);
                s9b = Vector512.FusedMultiplyAdd(d, xb, s9b);
                d = Vector512.Create(dy[10]);
                s10a = Vector512.FusedMultiplyAdd(d, xa, s10a);
                s10b = Vector512.FusedMultiplyAdd(d, xb, s10b);
                d = Vector512.Create(dy[11]);
                s11a = Vector512.FusedMultiplyAdd(d, xa, s11a);
                s11b = Vector512.FusedMultiplyAdd(d, xb, s11b);
                xa = Vector512.Load(x + 16);
                xb = Vector512.Load(x + panelStride + 16);
                d = Vector512.Create(dy[12]);
                s0a = Vector512.FusedMultiplyAdd(d, xa, s0a);
                s0b = Vector512.FusedMultiplyAdd(d, xb, s0b);
                d = Vector512.Create(dy[13]);
                s1a = Vector512.FusedMultiplyAdd(d, xa, s1a);
                s1b = Vector512.FusedMultiplyAdd(d, xb, s1b);
                d = Vector512.Create(dy[14]);
                s2a = Vector512.FusedMultiplyAdd(d, xa, s2a);
                s2b = Vector512.FusedMultiplyAdd(d, xb, s2b);
                d = Vector512.Create(dy[15]);
                s3a = Vector512.FusedMultiplyAdd(d, xa, s3a);
                s3b = Vector512.FusedMultiplyAdd(d, xb, s3b);
                d = Vector512.Create(dy[16]);
                s4a = Vector512.FusedMultiplyAdd(d, xa, s4a);
                s4b = Vector512.FusedMultiplyAdd(d, xb, s4b);
                d = Vector512.Create(dy[17]);
                s5a = Vector512.FusedMultiplyAdd(d, xa, s5a);
                s5b = Vector512.FusedMultiplyAdd(d, xb, s5b);
                d = Vector512.Create(dy[18]);
                s6a = Vector512.FusedMultiplyAdd(d, xa, s6a);
                s6b = Vector512.FusedMultiplyAdd(d, xb, s6b);
                d = Vector512.Create(dy[19]);
                s7a = Vector512.FusedMultiplyAdd(d, xa, s7a);
                s7b = Vector512.FusedMultiplyAdd(d, xb, s7b);
                d = Vector512.Create(dy[20]);
                s8a = Vector512.FusedMultiplyAdd(d, xa, s8a);
                s8b = Vector512.FusedMultiplyAdd(d, xb, s8b);
                d = Vector512.Create(dy[21]);
                s9a = Vector512.FusedMultiplyAdd(d, xa, s9a);
                s9b = Vector512.FusedMultiplyAdd(d, xb, s9b);
                d = Vector512.Create(dy[22]);
                s10a = Vector512.FusedMultiplyAdd(d, xa, s10a);
                s10b = Vector512.FusedMultiplyAdd(d, xb, s10b);
                d = Vector512.Create(dy[23]);
                s11a = Vector512.FusedMultiplyAdd(d, xa, s11a);
                s11b = Vector512.FusedMultiplyAdd(d, xb, s11b);
                xa = Vector512.Load(x + 32);
                xb = Vector512.Load(x + panelStride + 32);
                d = Vector512.Create(dy[24]);
                s0a = Vector512.FusedMultiplyAdd(d, xa, s0a);
                s0b = Vector512.FusedMultiplyAdd(d, xb, s0b);
                d = Vector512.Create(dy[25]);
                s1a = Vector512.FusedMultiplyAdd(d, xa, s1a);
                s1b = Vector512.FusedMultiplyAdd(d, xb, s1b);
                d = Vector512.Create(dy[26]);
                s2a = Vector512.FusedMultiplyAdd(d, xa, s2a);
                s2b = Vector512.FusedMultiplyAdd(d, xb, s2b);
                d = Vector512.Create(dy[27]);
                s3a = Vector512.FusedMultiplyAdd(d, xa, s3a);
                s3b = Vector512.FusedMultiplyAdd(d, xb, s3b);
                d = Vector512.Create(dy[28]);
                s4a = Vector512.FusedMultiplyAdd(d, xa, s4a);
                s4b = Vector512.FusedMultiplyAdd(d, xb, s4b);
                d = Vector512.Create(dy[29]);
                s5a = Vector512.FusedMultiplyAdd(d, xa, s5a);
                s5b = Vector512.FusedMultiplyAdd(d, xb, s5b);
                d = Vector512.Create(dy[30]);
                s6a = Vector512.FusedMultiplyAdd(d, xa, s6a);
                s6b = Vector512.FusedMultiplyAdd(d, xb, s6b);
                d = Vector512.Create(dy[31]);
                s7a = Vector512.FusedMultiplyAdd(d, xa, s7a);
                s7b = Vector512.FusedMultiplyAdd(d, xb, s7b);
                d = Vector512.Create(dy[32]);
                s8a = Vector512.FusedMultiplyAdd(d, xa, s8a);
                s8b = Vector512.FusedMultiplyAdd(d, xb, s8b);
                d = Vector512.Create(dy[33]);
                s9a = Vector512.FusedMultiplyAdd(d, xa, s9a);
                s9b = Vector512.FusedMultiplyAdd(d, xb, s9b);
                d = Vector512.Create(dy[34]);
                s10a = Vector512.FusedMultiplyAdd(d, xa, s10a);
                s10b = Vector512.FusedMultiplyAdd(d, xb, s10b);
                d = Vector512.Create(dy[35]);
                s11a = Vector512.FusedMultiplyAdd(d, xa, s11a);
                s11b = Vector512.FusedMultiplyAdd(d, xb, s11b);
                xa = Vector512.Load(x + 48);
                xb = Vector512.Load(x + panelStride + 48);
                d = Vector512.Create(dy[36]);
                s0a = Vector512.FusedMultiplyAdd(d, xa, s0a);
                s0b = Vector512.FusedMultiplyAdd(d, xb, s0b);
                d = Vector512.Create(dy[37]);
                s1a = Vector512.FusedMultiplyAdd(d, xa, s1a);
                s1b = Vector512.FusedMultiplyAdd(d, xb, s1b);
                d = Vector512.Create(dy[38]);
                s2a = Vector512.FusedMultiplyAdd(d, xa, s2a);
                s2b = Vector512.FusedMultiplyAdd(d, xb, s2b);
                d = Vector512.Create(dy[39]);
                s3a = Vector512.FusedMultiplyAdd(d, xa, s3a);
                s3b = Vector512.FusedMultiplyAdd(d, xb, s3b);
                d = Vector512.Create(dy[40]);
                s4a = Vector512.FusedMultiplyAdd(d, xa, s4a);
                s4b = Vector512.FusedMultiplyAdd(d, xb, s4b);
                d = Vector512.Create(dy[41]);
                s5a = Vector512.FusedMultiplyAdd(d, xa, s5a);
                s5b = Vector512.FusedMultiplyAdd(d, xb, s5b);
                d = Vector512.Create(dy[42]);
                s6a = Vector512.FusedMultiplyAdd(d, xa, s6a);
                s6b = Vector512.FusedMultiplyAdd(d, xb, s6b);
                d = Vector512.Create(dy[43]);
                s7a = Vector512.FusedMultiplyAdd(d, xa, s7a);
                s7b = Vector512.FusedMultiplyAdd(d, xb, s7b);
                d = Vector512.Create(dy[44]);
                s8a = Vector512.FusedMultiplyAdd(d, xa, s8a);
                s8b = Vector512.FusedMultiplyAdd(d, xb, s8b);
                d = Vector512.Create(dy[45]);
                s9a = Vector512.FusedMultiplyAdd(d, xa, s9a);
                s9b = Vector512.FusedMultiplyAdd(d, xb, s9b);
                d = Vector512.Create(dy[46]);
                s10a = Vector512.FusedMultiplyAdd(d, xa, s10a);
                s10b = Vector512.FusedMultiplyAdd(d, xb, s10b);
                d = Vector512.Create(dy[47]);
                s11a = Vector512.FusedMultiplyAdd(d, xa, s11a);
                s11b = Vector512.FusedMultiplyAdd(d, xb, s11b);
            }

            for (; b < count; b++, dy += 12, x += 16)
            {
                Vector512<float> xa = Vector512.Load(x);
                Vector512<float> xb = Vector512.Load(x + panelStride);
                Vector512<float> d = Vector512.Create(dy[0]);
                s0a = Vector512.FusedMultiplyAdd(d, xa, s0a);
                s0b = Vector512.FusedMultiplyAdd(d, xb, s0b);
                d = Vector512.Create(dy[1]);
                s1a = Vector512.FusedMultiplyAdd(d, xa, s1a);
                s1b = Vector512.FusedMultiplyAdd(d, xb, s1b);
                d = Vector512.Create(dy[2]);
                s2a = Vector512.FusedMultiplyAdd(d, xa, s2a);
                s2b = Vector512.FusedMultiplyAdd(d, xb, s2b);
                d = Vector512.Create(dy[3]);
                s3a = Vector512.FusedMultiplyAdd(d, xa, s3a);
                s3b = Vector512.FusedMultiplyAdd(d, xb, s3b);
                d = Vector512.Create(dy[4]);
                s4a = Vector512.FusedMultiplyAdd(d, xa, s4a);
                s4b = Vector512.FusedMultiplyAdd(d, xb, s4b);
                d = Vector512.Create(dy[5]);
                s5a = Vector512.FusedMultiplyAdd(d, xa, s5a);
                s5b = Vector512.FusedMultiplyAdd(d, xb, s5b);
                d = Vector512.Create(dy[6]);
                s6a = Vector512.FusedMultiplyAdd(d, xa, s6a);
                s6b = Vector512.FusedMultiplyAdd(d, xb, s6b);
                d = Vector512.Create(dy[7]);
                s7a = Vector512.FusedMultiplyAdd(d, xa, s7a);
                s7b = Vector512.FusedMultiplyAdd(d, xb, s7b);
                d = Vector512.Create(dy[8]);
                s8a = Vector512.FusedMultiplyAdd(d, xa, s8a);
                s8b = Vector512.FusedMultiplyAdd(d, xb, s8b);
                d = Vector512.Create(dy[9]);
                s9a = Vector512.FusedMultiplyAdd(d, xa, s9a);
                s9b = Vector512.FusedMultiplyAdd(d, xb, s9b);
                d = Vector512.Create(dy[10]);
                s10a = Vector512.FusedMultiplyAdd(d, xa, s10a);
                s10b = Vector512.FusedMultiplyAdd(d, xb, s10b);
                d = Vector512.Create(dy[11]);
                s11a = Vector512.FusedMultiplyAdd(d, xa, s11a);
                s11b = Vector512.FusedMultiplyAdd(d, xb, s11b);
            }

            bool last = leaf == leafCount - 1;
            int mask = SampleContractMicroKernels.MergeMask(leaf, last);
            for (int level = 0; mask >> level != 0; level++)
            {
                if ((mask >> level & 1) == 0)
                {
                    continue;
                }

                float* p = pending + level * TileElements;
                s0a = Vector512.Load(p) + s0a;
                s0b = Vector512.Load(p + 192) + s0b;
                s1a = Vector512.Load(p + 16) + s1a;
                s1b = Vector512.Load(p + 208) + s1b;
                s2a = Vector512.Load(p + 32) + s2a;
                s2b = Vector512.Load(p + 224) + s2b;
                s3a = Vector512.Load(p + 48) + s3a;
                s3b = Vector512.Load(p + 240) + s3b;
                s4a = Vector512.Load(p + 64) + s4a;
                s4b = Vector512.Load(p + 256) + s4b;
                s5a = Vector512.Load(p + 80) + s5a;
                s5b = Vector512.Load(p + 272) + s5b;
                s6a = Vector512.Load(p + 96) + s6a;
                s6b = Vector512.Load(p + 288) + s6b;
                s7a = Vector512.Load(p + 112) + s7a;
                s7b = Vector512.Load(p + 304) + s7b;
                s8a = Vector512.Load(p + 128) + s8a;
                s8b = Vector512.Load(p + 320) + s8b;
                s9a = Vector512.Load(p + 144) + s9a;
                s9b = Vector512.Load(p + 336) + s9b;
                s10a = Vector512.Load(p + 160) + s10a;
                s10b = Vector512.Load(p + 352) + s10b;
                s11a = Vector512.Load(p + 176) + s11a;
                s11b = Vector512.Load(p + 368) + s11b;
            }

            float* target = last ? result : pending + BitOperations.PopCount((uint)mask) * TileElements;
            s0a.Store(target);
            s0b.Store(target + 192);
            s1a.Store(target + 16);
            s1b.Store(target + 208);
            s2a.Store(target + 32);
            s2b.Store(target + 224);
            s3a.Store(target + 48);
            s3b.Store(target + 240);
            s4a.Store(target + 64);
            s4b.Store(target + 256);
            s5a.Store(target + 80);
            s5b.Store(target + 272);
            s6a.Store(target + 96);
            s6b.Store(target + 288);
            s7a.Store(target + 112);
            s7b.Store(target + 304);
            s8a.Store(target + 128);
            s8b.Store(target + 320);
            s9a.Store(target + 144);
            s9b.Store(target + 336);
            s10a.Store(target + 160);
            s10b.Store(target + 352);
            s11a.Store(target + 176);
            s11b.Store(target + 368);
        }
    }
}
