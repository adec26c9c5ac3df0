using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.RowReduce;

/// <summary>The mean of squares of rows on a device: one thread for each row.</summary>
public static class RowMeanSquareKernel
{
    /// <summary>The kernel for one program.</summary>
    public static MethodInfo Method(Type program) => typeof(RowMeanSquareKernel).GetMethod(nameof(Run))!.MakeGenericMethod(program);

    public static void Run<TProgram>(Index1D row, ArrayView<float> arena, ArrayView<int> words, RowMeanSquareArguments p)
        where TProgram : struct, IProgram
    {
        float mean = Exact.Div(RowOrderDevice.SumOfSquares(arena, p.X, row, p.Width), p.Width);
        var frame = new GpuFrame(arena, p.Slots, row, 0, mean);
        arena[p.Output.At(row, 0)] = TProgram.Evaluate<ScalarLane, float, int, GpuFrame>(in frame);
    }
}
