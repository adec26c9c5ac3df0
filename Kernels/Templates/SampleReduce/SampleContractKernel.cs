using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>A weight gradient on a device: one thread for each sum, the binary counters in its local memory.</summary>
public static class SampleContractKernel
{
    public static MethodInfo Method => typeof(SampleContractKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, SampleContractArguments p)
    {
        int n = index / p.Columns;
        int k = index - n * p.Columns;
        ArrayView<float> leaves = LocalMemory.Allocate<float>(SampleTree.MaximumLevels);
        ArrayView<float> groups = LocalMemory.Allocate<float>(SampleTree.MaximumLevels);
        int groupCount = 0;
        for (int group = 0; group < p.Rows; group += p.GroupRows)
        {
            int groupEnd = group + p.GroupRows < p.Rows ? group + p.GroupRows : p.Rows;
            int leafCount = 0;
            for (int leaf = group; leaf < groupEnd; leaf += SampleTree.LeafRows)
            {
                float sum = 0f;
                int end = leaf + SampleTree.LeafRows < groupEnd ? leaf + SampleTree.LeafRows : groupEnd;
                for (int row = leaf; row < end; row++)
                {
                    sum = Exact.Fma(BFloat16Pairs.ElementOf(arena, p.OutputGradient, row, n), BFloat16Pairs.ElementOf(arena, p.Input, row, k), sum);
                }

                SampleTreeDevice.Push(leaves, leafCount, sum);
                leafCount++;
            }

            SampleTreeDevice.Push(groups, groupCount, SampleTreeDevice.Total(leaves, leafCount));
            groupCount++;
        }

        arena[p.Output.At(n, k)] = SampleTreeDevice.Total(groups, groupCount);
    }
}
