using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>
/// A contraction of few rows, whose second operand is read where it lies: y[m, n] = sum over k of x[m, k] · w[place[k] + n]. Packing it
/// would cost as much as the products.
/// </summary>
internal static unsafe class ContractHostInPlace
{
    /// <param name="places">For each k, in words from <paramref name="w"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(float* x, nint strideX, float* w, int* places, float* y, nint strideY, int rows, int columns, int depth)
    {
        for (int row = 0; row < rows; row++, x += strideX, y += strideY)
        {
            int n = 0;
            for (; n + 2 * WideLane.WidthElements <= columns; n += 2 * WideLane.WidthElements)
            {
                Vector512<float> total0 = Vector512<float>.Zero;
                Vector512<float> total1 = Vector512<float>.Zero;
                for (int chunk = 0; chunk < depth; chunk += ContractOrder.ChunkElements)
                {
                    Vector512<float> sum0 = Vector512<float>.Zero;
                    Vector512<float> sum1 = Vector512<float>.Zero;
                    int end = Math.Min(depth, chunk + ContractOrder.ChunkElements);
                    for (nint k = chunk; k < end; k++)
                    {
                        float* from = w + places[k] + n;
                        Vector512<float> factor = Vector512.Create(x[k]);
                        sum0 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(from), sum0);
                        sum1 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(from + WideLane.WidthElements), sum1);
                    }

                    total0 = chunk == 0 ? sum0 : total0 + sum0;
                    total1 = chunk == 0 ? sum1 : total1 + sum1;
                }

                total0.Store(y + n);
                total1.Store(y + n + WideLane.WidthElements);
            }

            for (; n + Vector256<float>.Count <= columns; n += Vector256<float>.Count)
            {
                Vector256<float> total = Vector256<float>.Zero;
                for (int chunk = 0; chunk < depth; chunk += ContractOrder.ChunkElements)
                {
                    Vector256<float> sum = Vector256<float>.Zero;
                    int end = Math.Min(depth, chunk + ContractOrder.ChunkElements);
                    for (nint k = chunk; k < end; k++)
                    {
                        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[k]), Vector256.Load(w + places[k] + n), sum);
                    }

                    total = chunk == 0 ? sum : total + sum;
                }

                total.Store(y + n);
            }

            for (; n < columns; n++)
            {
                float total = 0f;
                for (int chunk = 0; chunk < depth; chunk += ContractOrder.ChunkElements)
                {
                    float sum = 0f;
                    int end = Math.Min(depth, chunk + ContractOrder.ChunkElements);
                    for (nint k = chunk; k < end; k++)
                    {
                        sum = MathF.FusedMultiplyAdd(x[k], w[places[k] + n], sum);
                    }

                    total = chunk == 0 ? sum : total + sum;
                }

                y[n] = total;
            }
        }
    }
}
