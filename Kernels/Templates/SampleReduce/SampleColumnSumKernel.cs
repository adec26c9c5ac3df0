using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>Column sums on a device: one thread for each column, the binary counters in its local memory.</summary>
public static class SampleColumnSumKernel
{
    public static MethodInfo Method(Type prologue) => typeof(SampleColumnSumKernel).GetMethod(nameof(Run))!.MakeGenericMethod(prologue);

    public static void Run<TPrologue>(Index1D index, ArrayView<float> arena, ArrayView<int> words, SampleColumnSumArguments arguments)
        where TPrologue : struct, IProgram
    {
        ArrayView<float> leaves = LocalMemory.Allocate<float>(SampleTree.MaximumLevels);
        ArrayView<float> groups = LocalMemory.Allocate<float>(SampleTree.MaximumLevels);
        int groupCount = 0;
        for (int group = 0; group < arguments.Rows; group += arguments.GroupRows)
        {
            int groupEnd = group + arguments.GroupRows < arguments.Rows ? group + arguments.GroupRows : arguments.Rows;
            int leafCount = 0;
            for (int leaf = group; leaf < groupEnd; leaf += SampleTree.LeafRows)
            {
                float sum = 0f;
                int end = leaf + SampleTree.LeafRows < groupEnd ? leaf + SampleTree.LeafRows : groupEnd;
                for (int row = leaf; row < end; row++)
                {
                    var frame = new GpuFrame(arena, arguments.Slots, row, index, 0f);
                    sum = Exact.Add(sum, TPrologue.Evaluate<ScalarLane, float, int, GpuFrame>(in frame));
                }

                SampleTreeDevice.Push(leaves, leafCount, sum);
                leafCount++;
            }

            SampleTreeDevice.Push(groups, groupCount, SampleTreeDevice.Total(leaves, leafCount));
            groupCount++;
        }

        arena[arguments.Output.At(0, index)] = SampleTreeDevice.Total(groups, groupCount);
    }
}
