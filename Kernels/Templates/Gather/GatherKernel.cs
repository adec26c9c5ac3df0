using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.Gather;

/// <summary>The gather template on a device: one thread for each element of the output.</summary>
public static class GatherKernel
{
    public static MethodInfo Method => typeof(GatherKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, GatherArguments arguments)
    {
        int sample = index / arguments.Width;
        int column = index - sample * arguments.Width;
        float sum = 0f;
        for (int h = 0; h < arguments.Hotness; h++)
        {
            long at = arguments.Indices.At(sample, h * arguments.IndexWords);
            int low = words[at];
            int row = arguments.RowOf(low, arguments.IndexWords == 1 ? low >> 31 : words[at + 1]);
            if (row >= 0)
            {
                float element = BFloat16Pairs.ElementOf(arena, arguments.Table, row, column);
                sum = arguments.Weighted != 0
                    ? Exact.Fma(arena[arguments.Weights.At(sample, h)], element, sum)
                    : Exact.Add(sum, element);
            }
        }

        arena[arguments.Output.At(sample, column)] = sum;
    }
}
