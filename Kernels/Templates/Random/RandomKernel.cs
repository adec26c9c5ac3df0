using System.Reflection;
using ILGPU;

namespace RduEmu.Kernels.Templates.Random;

/// <summary>The random template on a device: one thread for each element.</summary>
public static class RandomKernel
{
    public static MethodInfo Method(Type distribution) => typeof(RandomKernel).GetMethod(nameof(Run))!.MakeGenericMethod(distribution);

    public static void Run<TDistribution>(Index1D index, ArrayView<float> arena, ArrayView<int> words, RandomArguments arguments)
        where TDistribution : struct, IRandomDistribution
    {
        int row = index / arguments.Columns;
        int column = index - row * arguments.Columns;
        int step = words[arguments.Step.At(0, 0)];
        arena[arguments.Output.At(row, column)] = RandomHost.Draw<TDistribution>(
            (int)index, step, arguments.Seed, arguments.Stream, arguments.A, arguments.B);
    }
}
