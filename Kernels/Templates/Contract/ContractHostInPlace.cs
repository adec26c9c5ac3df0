using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>
/// A contraction of few rows, whose second operand is read where it lies: y[m, n] = sum over k of x[m, k] · w[k · stride + n]. Packing it
/// would cost as much as the products.
/// </summary>
internal static unsafe class ContractHostInPlace
{
    /// <param name="strideW">Words from one k to the next.</param>
    /// <param name="columns">At most 32.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(float* x, nint strideX, float* w, nint strideW, float* y, nint strideY, int rows, int columns, int depth)
    {
        for (int row = 0; row < rows; row++, x += strideX, y += strideY)
        {
            int n = 0;
            for (; n + WideLane.WidthElements <= columns; n += WideLane.WidthElements)
            {
                Vector512<float> total = Vector512<float>.Zero;
                for (int chunk = 0; chunk < depth; chunk += ContractOrder.ChunkElements)
                {
                    Vector512<float> sum = Vector512<float>.Zero;
                    int end = Math.Min(depth, chunk + ContractOrder.ChunkElements);
                    for (nint k = chunk; k < end; k++)
                    {
                        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[k]), Vector512.Load(w + k * strideW + n), sum);
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
                        sum = MathF.FusedMultiplyAdd(x[k], w[k * strideW + n], sum);
                    }

                    total = chunk == 0 ? sum : total + sum;
                }

                y[n] = total;
            }
        }
    }
}
