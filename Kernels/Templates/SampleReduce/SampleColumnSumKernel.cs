using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>Column sums on a device: one thread for each column, the binary counter in its local memory.</summary>
public static class SampleColumnSumKernel
{
    public static MethodInfo Method(Type prologue) => typeof(SampleColumnSumKernel).GetMethod(nameof(Run))!.MakeGenericMethod(prologue);

    public static void Run<TPrologue>(Index1D index, ArrayView<float> arena, ArrayView<int> words, SampleColumnSumArguments arguments)
        where TPrologue : struct, IProgram
    {
        ArrayView<float> pending = LocalMemory.Allocate<float>(SampleTree.MaximumLevels);
        int leafCount = (arguments.Rows + SampleTree.LeafRows - 1) / SampleTree.LeafRows;
        for (int leaf = 0; leaf < leafCount; leaf++)
        {
            float sum = 0f;
            int end = (leaf + 1) * SampleTree.LeafRows;
            end = end < arguments.Rows ? end : arguments.Rows;
            for (int row = leaf * SampleTree.LeafRows; row < end; row++)
            {
                var frame = new GpuFrame(arena, arguments.Slots, row, index, 0f);
                sum = Exact.Add(sum, TPrologue.Evaluate<ScalarLane, float, int, GpuFrame>(in frame));
            }

            int level = 0;
            while (((leaf >> level) & 1) != 0)
            {
                sum = Exact.Add(pending[level], sum);
                level++;
            }

            pending[level] = sum;
        }

        float total = 0f;
        bool empty = true;
        for (int level = 0; level < SampleTree.MaximumLevels; level++)
        {
            if (((leafCount >> level) & 1) != 0)
            {
                total = empty ? pending[level] : Exact.Add(pending[level], total);
                empty = false;
            }
        }

        arena[arguments.Output.At(0, index)] = total;
    }
}
