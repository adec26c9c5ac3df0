using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>
/// The innermost loops of a contraction of few k, for registers of 8 lanes: a few rows by all panels in one call, since entering a loop
/// of thirteen FMAs a sum costs as much as the half of it.
/// </summary>
internal static unsafe class ContractThinKernels
{
    /// <summary>Y[r, n] for a height that is known only when it runs, 1 to 6 rows.</summary>
    public static void Panels(int height, float* x, nint strideX, float* panel, int panels, int depth, float* y, nint strideY)
    {
        switch (height)
        {
            case 1:
                Panels<Rows1>(x, strideX, panel, panels, depth, y, strideY);
                break;
            case 2:
                Panels<Rows2>(x, strideX, panel, panels, depth, y, strideY);
                break;
            case 3:
                Panels<Rows3>(x, strideX, panel, panels, depth, y, strideY);
                break;
            case 4:
                Panels<Rows4>(x, strideX, panel, panels, depth, y, strideY);
                break;
            case 5:
                Panels<Rows5>(x, strideX, panel, panels, depth, y, strideY);
                break;
            default:
                Panels<Rows6>(x, strideX, panel, panels, depth, y, strideY);
                break;
        }
    }

    /// <param name="x">X[row, 0] of the first row.</param>
    /// <param name="strideX">Words from row to row of X.</param>
    /// <param name="panel">packed[panel][k][16].</param>
    /// <param name="panels">How many.</param>
    /// <param name="depth">K, at most one chunk.</param>
    /// <param name="y">Where the sums go.</param>
    /// <param name="strideY">Words from row to row of Y.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Panels<TRows>(float* x, nint strideX, float* panel, int panels, int depth, float* y, nint strideY)
        where TRows : struct, IRegisterRows
    {
        float* x3 = x + 3 * strideX;
        for (int i = 0; i < panels; i++, y += 16)
        {
            Vector256<float> s0a = default, s0b = default;
            Vector256<float> s1a = default, s1b = default;
            Vector256<float> s2a = default, s2b = default;
            Vector256<float> s3a = default, s3b = default;
            Vector256<float> s4a = default, s4b = default;
            Vector256<float> s5a = default, s5b = default;
            float* at = x;
            float* at3 = x3;
            for (int k = 0; k < depth; k++, panel += 16, at++, at3++)
            {
                Vector256<float> ba = Vector256.Load(panel);
                Vector256<float> bb = Vector256.Load(panel + 8);
                Vector256<float> a = Vector256.Create(*at);
                s0a = Vector256.FusedMultiplyAdd(a, ba, s0a);
                s0b = Vector256.FusedMultiplyAdd(a, bb, s0b);

                if (TRows.Count > 1)
                {
                    a = Vector256.Create(at[strideX]);
                    s1a = Vector256.FusedMultiplyAdd(a, ba, s1a);
                    s1b = Vector256.FusedMultiplyAdd(a, bb, s1b);
                }

                if (TRows.Count > 2)
                {
                    a = Vector256.Create(at[2 * strideX]);
                    s2a = Vector256.FusedMultiplyAdd(a, ba, s2a);
                    s2b = Vector256.FusedMultiplyAdd(a, bb, s2b);
                }

                if (TRows.Count > 3)
                {
                    a = Vector256.Create(*at3);
                    s3a = Vector256.FusedMultiplyAdd(a, ba, s3a);
                    s3b = Vector256.FusedMultiplyAdd(a, bb, s3b);
                }

                if (TRows.Count > 4)
                {
                    a = Vector256.Create(at3[strideX]);
                    s4a = Vector256.FusedMultiplyAdd(a, ba, s4a);
                    s4b = Vector256.FusedMultiplyAdd(a, bb, s4b);
                }

                if (TRows.Count > 5)
                {
                    a = Vector256.Create(at3[2 * strideX]);
                    s5a = Vector256.FusedMultiplyAdd(a, ba, s5a);
                    s5b = Vector256.FusedMultiplyAdd(a, bb, s5b);
                }
            }

            s0a.Store(y);
            s0b.Store(y + 8);

            if (TRows.Count > 1)
            {
                s1a.Store(y + strideY);
                s1b.Store(y + strideY + 8);
            }

            if (TRows.Count > 2)
            {
                s2a.Store(y + 2 * strideY);
                s2b.Store(y + 2 * strideY + 8);
            }

            if (TRows.Count > 3)
            {
                s3a.Store(y + 3 * strideY);
                s3b.Store(y + 3 * strideY + 8);
            }

            if (TRows.Count > 4)
            {
                s4a.Store(y + 4 * strideY);
                s4b.Store(y + 4 * strideY + 8);
            }

            if (TRows.Count > 5)
            {
                s5a.Store(y + 5 * strideY);
                s5b.Store(y + 5 * strideY + 8);
            }
        }
    }
}
