using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.BatchContract;

/// <summary>Small products on a device: one thread for each element of C.</summary>
public static class BatchContractKernel
{
    public static MethodInfo Method => typeof(BatchContractKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, BatchContractArguments p)
    {
        int elements = p.Rows * p.Columns;
        int matrix = index / elements;
        int element = index - matrix * elements;
        int sample = matrix / p.Heads;
        int head = matrix - sample * p.Heads;
        int i = element / p.Columns;
        int j = element - i * p.Columns;
        long a = p.A.At(sample, (long)head * p.HeadStrideA + (long)i * p.RowStrideA);
        long b = p.B.At(sample, (long)head * p.HeadStrideB + (long)j * p.ColumnStrideB);
        float total = 0f;
        for (int chunk = 0; chunk < p.Depth; chunk += ContractOrder.ChunkElements)
        {
            float sum = 0f;
            int end = chunk + ContractOrder.ChunkElements;
            end = end < p.Depth ? end : p.Depth;
            for (int k = chunk; k < end; k++)
            {
                sum = Exact.Fma(arena[a + (long)k * p.DepthStrideA], arena[b + (long)k * p.DepthStrideB], sum);
            }

            total = chunk == 0 ? sum : Exact.Add(total, sum);
        }

        arena[p.Output.At(sample, (long)head * p.HeadStrideC + (long)i * p.RowStrideC + j)] = total;
    }
}
