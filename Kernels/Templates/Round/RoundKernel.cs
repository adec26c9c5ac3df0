using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.Round;

/// <summary>Rounding on a device: one thread for each word, two neighbours, so that no word has two writers.</summary>
public static class RoundKernel
{
    /// <summary>The kernel for one program.</summary>
    public static MethodInfo Method(Type program) => typeof(RoundKernel).GetMethod(nameof(Run))!.MakeGenericMethod(program);

    public static void Run<TProgram>(Index1D index, ArrayView<float> arena, ArrayView<int> words, RoundArguments p)
        where TProgram : struct, IProgram
    {
        int pairs = p.Columns / 2;
        int row = index / pairs;
        int pair = index - row * pairs;
        var even = new GpuFrame(arena, p.Slots, row, 2 * pair, 0f);
        var odd = new GpuFrame(arena, p.Slots, row, 2 * pair + 1, 0f);
        float first = TProgram.Evaluate<ScalarLane, float, int, GpuFrame>(in even);
        float second = TProgram.Evaluate<ScalarLane, float, int, GpuFrame>(in odd);
        if (p.Stochastic == 0)
        {
            first = BFloat16.NearestEven<ScalarLane, float, int>(first);
            second = BFloat16.NearestEven<ScalarLane, float, int>(second);
        }
        else
        {
            int item = p.RowsPerNumber == 0 ? 0 : row / p.RowsPerNumber;
            long element = (long)(row - item * p.RowsPerNumber) * p.Columns + 2 * pair;
            int number = words[p.Numbers.At(item, 0)];
            first = BFloat16.Stochastic<ScalarLane, float, int>(first, RoundingDraw.Bits(element, number, p.Seed, p.Stream));
            second = BFloat16.Stochastic<ScalarLane, float, int>(second, RoundingDraw.Bits(element + 1, number, p.Seed, p.Stream));
        }

        words[p.Output.At(row, pair)] = BFloat16Pairs.Pair(first, second);
    }
}
