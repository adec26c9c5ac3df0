using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.Map;

/// <summary>The map template on a device: one thread for each element.</summary>
public static class MapKernel
{
    /// <summary>The kernel for one program.</summary>
    public static MethodInfo Method(Type program) => typeof(MapKernel).GetMethod(nameof(Run))!.MakeGenericMethod(program);

    public static void Run<TProgram>(Index1D index, ArrayView<float> arena, ArrayView<int> words, MapArguments arguments)
        where TProgram : struct, IProgram
    {
        int row = index / arguments.Columns;
        int column = index - row * arguments.Columns;
        var frame = new GpuFrame(arena, arguments.Slots, row, column, 0f);
        arena[arguments.Output.At(row, column)] = TProgram.Evaluate<ScalarLane, float, int, GpuFrame>(in frame);
    }
}
