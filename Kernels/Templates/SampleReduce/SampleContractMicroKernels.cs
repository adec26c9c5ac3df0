using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>
/// The innermost loops of a weight gradient: a register tile of sums over the rows of one leaf, merged at once with the
/// partial sums that pend in L1 (<see cref="SampleTree"/>'s binary counter).
/// </summary>
internal static unsafe class SampleContractMicroKernels
{
    /// <summary>Which pending levels a leaf (or block) merges: the trailing ones of its index, or all ones if it is the last.</summary>
    public static int MergeMask(int index, bool last) => last ? index : index & ~(index + 1);

    /// <summary>Six n by sixteen k, for the 16 registers of AVX2.</summary>
    /// <param name="dy">dY[b, n] of the leaf's first row and the tile's first n.</param>
    /// <param name="x">X[b, k] of the leaf's first row and the tile's first k.</param>
    /// <param name="rows">Rows of the leaf, at most 32.</param>
    /// <param name="pending">Tiles that pend, level by level.</param>
    /// <param name="leaf">Index of the leaf.</param>
    /// <param name="result">Where the sum of all leaves goes if this is the last, else null.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows6(float* dy, nint strideDy, float* x, nint strideX, int rows, float* pending, int leaf, float* result)
    {
        Vector256<float> s0a = default, s0b = default;
        Vector256<float> s1a = default, s1b = default;
        Vector256<float> s2a = default, s2b = default;
        Vector256<float> s3a = default, s3b = default;
        Vector256<float> s4a = default, s4b = default;
        Vector256<float> s5a = default, s5b = default;
        for (int b = 0; b < rows; b++, dy += strideDy, x += strideX)
        {
            Vector256<float> xa = Vector256.Load(x);
            Vector256<float> xb = Vector256.Load(x + 8);
            Vector256<float> d0 = Vector256.Create(dy[0]);
            s0a = Vector256.FusedMultiplyAdd(d0, xa, s0a);
            s0b = Vector256.FusedMultiplyAdd(d0, xb, s0b);
            Vector256<float> d1 = Vector256.Create(dy[1]);
            s1a = Vector256.FusedMultiplyAdd(d1, xa, s1a);
            s1b = Vector256.FusedMultiplyAdd(d1, xb, s1b);
            Vector256<float> d2 = Vector256.Create(dy[2]);
            s2a = Vector256.FusedMultiplyAdd(d2, xa, s2a);
            s2b = Vector256.FusedMultiplyAdd(d2, xb, s2b);
            Vector256<float> d3 = Vector256.Create(dy[3]);
            s3a = Vector256.FusedMultiplyAdd(d3, xa, s3a);
            s3b = Vector256.FusedMultiplyAdd(d3, xb, s3b);
            Vector256<float> d4 = Vector256.Create(dy[4]);
            s4a = Vector256.FusedMultiplyAdd(d4, xa, s4a);
            s4b = Vector256.FusedMultiplyAdd(d4, xb, s4b);
            Vector256<float> d5 = Vector256.Create(dy[5]);
            s5a = Vector256.FusedMultiplyAdd(d5, xa, s5a);
            s5b = Vector256.FusedMultiplyAdd(d5, xb, s5b);
        }

        int mask = MergeMask(leaf, result is not null);
        for (int level = 0; mask >> level != 0; level++)
        {
            if ((mask >> level & 1) == 0)
            {
                continue;
            }

            float* p = pending + level * 96;
            s0a = Vector256.Load(p) + s0a;
            s0b = Vector256.Load(p + 8) + s0b;
            s1a = Vector256.Load(p + 16) + s1a;
            s1b = Vector256.Load(p + 24) + s1b;
            s2a = Vector256.Load(p + 32) + s2a;
            s2b = Vector256.Load(p + 40) + s2b;
            s3a = Vector256.Load(p + 48) + s3a;
            s3b = Vector256.Load(p + 56) + s3b;
            s4a = Vector256.Load(p + 64) + s4a;
            s4b = Vector256.Load(p + 72) + s4b;
            s5a = Vector256.Load(p + 80) + s5a;
            s5b = Vector256.Load(p + 88) + s5b;
        }

        float* target = result is not null ? result : pending + BitOperations.PopCount((uint)mask) * 96;
        s0a.Store(target);
        s0b.Store(target + 8);
        s1a.Store(target + 16);
        s1b.Store(target + 24);
        s2a.Store(target + 32);
        s2b.Store(target + 40);
        s3a.Store(target + 48);
        s3b.Store(target + 56);
        s4a.Store(target + 64);
        s4b.Store(target + 72);
        s5a.Store(target + 80);
        s5b.Store(target + 88);
    }

    /// <summary>Twelve n by sixteen k, for registers of 16 lanes.</summary>
    /// <param name="dy">dY[b, n] of the leaf's first row and the tile's first n.</param>
    /// <param name="x">X[b, k] of the leaf's first row and the tile's first k.</param>
    /// <param name="rows">Rows of the leaf, at most 32.</param>
    /// <param name="pending">Tiles that pend, level by level.</param>
    /// <param name="leaf">Index of the leaf.</param>
    /// <param name="result">Where the sum of all leaves goes if this is the last, else null.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows12(float* dy, nint strideDy, float* x, nint strideX, int rows, float* pending, int leaf, float* result)
    {
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
        for (int b = 0; b < rows; b++, dy += strideDy, x += strideX)
        {
            Vector512<float> xa = Vector512.Load(x);
            Vector512<float> d0 = Vector512.Create(dy[0]);
            s0a = Vector512.FusedMultiplyAdd(d0, xa, s0a);
            Vector512<float> d1 = Vector512.Create(dy[1]);
            s1a = Vector512.FusedMultiplyAdd(d1, xa, s1a);
            Vector512<float> d2 = Vector512.Create(dy[2]);
            s2a = Vector512.FusedMultiplyAdd(d2, xa, s2a);
            Vector512<float> d3 = Vector512.Create(dy[3]);
            s3a = Vector512.FusedMultiplyAdd(d3, xa, s3a);
            Vector512<float> d4 = Vector512.Create(dy[4]);
            s4a = Vector512.FusedMultiplyAdd(d4, xa, s4a);
            Vector512<float> d5 = Vector512.Create(dy[5]);
            s5a = Vector512.FusedMultiplyAdd(d5, xa, s5a);
            Vector512<float> d6 = Vector512.Create(dy[6]);
            s6a = Vector512.FusedMultiplyAdd(d6, xa, s6a);
            Vector512<float> d7 = Vector512.Create(dy[7]);
            s7a = Vector512.FusedMultiplyAdd(d7, xa, s7a);
            Vector512<float> d8 = Vector512.Create(dy[8]);
            s8a = Vector512.FusedMultiplyAdd(d8, xa, s8a);
            Vector512<float> d9 = Vector512.Create(dy[9]);
            s9a = Vector512.FusedMultiplyAdd(d9, xa, s9a);
            Vector512<float> d10 = Vector512.Create(dy[10]);
            s10a = Vector512.FusedMultiplyAdd(d10, xa, s10a);
            Vector512<float> d11 = Vector512.Create(dy[11]);
            s11a = Vector512.FusedMultiplyAdd(d11, xa, s11a);
        }

        int mask = MergeMask(leaf, result is not null);
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

        float* target = result is not null ? result : pending + BitOperations.PopCount((uint)mask) * 192;
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

    /// <summary>One n by sixteen k: what is left over.</summary>
    /// <param name="dy">dY[b, n] of the leaf's first row and the tile's first n.</param>
    /// <param name="x">X[b, k] of the leaf's first row and the tile's first k.</param>
    /// <param name="rows">Rows of the leaf, at most 32.</param>
    /// <param name="pending">Tiles that pend, level by level.</param>
    /// <param name="leaf">Index of the leaf.</param>
    /// <param name="result">Where the sum of all leaves goes if this is the last, else null.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows1(float* dy, nint strideDy, float* x, nint strideX, int rows, float* pending, int leaf, float* result)
    {
        Vector256<float> s0a = default, s0b = default;
        for (int b = 0; b < rows; b++, dy += strideDy, x += strideX)
        {
            Vector256<float> xa = Vector256.Load(x);
            Vector256<float> xb = Vector256.Load(x + 8);
            Vector256<float> d0 = Vector256.Create(dy[0]);
            s0a = Vector256.FusedMultiplyAdd(d0, xa, s0a);
            s0b = Vector256.FusedMultiplyAdd(d0, xb, s0b);
        }

        int mask = MergeMask(leaf, result is not null);
        for (int level = 0; mask >> level != 0; level++)
        {
            if ((mask >> level & 1) == 0)
            {
                continue;
            }

            float* p = pending + level * 16;
            s0a = Vector256.Load(p) + s0a;
            s0b = Vector256.Load(p + 8) + s0b;
        }

        float* target = result is not null ? result : pending + BitOperations.PopCount((uint)mask) * 16;
        s0a.Store(target);
        s0b.Store(target + 8);
    }
}
