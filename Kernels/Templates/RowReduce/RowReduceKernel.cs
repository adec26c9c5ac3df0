using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.RowReduce;

/// <summary>Row reductions on a device: one thread for each row, its sixteen lanes in loops of constant length (registers).</summary>
public static class RowReduceKernel
{
    public static MethodInfo Method(Type reduction, Type prologue, Type epilogue) =>
        typeof(RowReduceKernel).GetMethod(nameof(Run))!.MakeGenericMethod(reduction, prologue, epilogue);

    public static void Run<TReduction, TPrologue, TEpilogue>(
        Index1D index, ArrayView<float> arena, ArrayView<int> words, RowReduceArguments arguments)
        where TReduction : struct, IRowReduction
        where TPrologue : struct, IProgram
        where TEpilogue : struct, IProgram
    {
        ArrayView<float> lanes = LocalMemory.Allocate<float>(RowOrder.Lanes);
        for (int lane = 0; lane < RowOrder.Lanes; lane++)
        {
            lanes[lane] = TReduction.Identity;
        }

        for (int column = 0; column < arguments.Columns; column += RowOrder.Lanes)
        {
            for (int lane = 0; lane < RowOrder.Lanes; lane++)
            {
                if (column + lane < arguments.Columns)
                {
                    var frame = new GpuFrame(arena, arguments.PrologueSlots, index, column + lane, 0f);
                    float x = TPrologue.Evaluate<ScalarLane, float, int, GpuFrame>(in frame);
                    lanes[lane] = TReduction.Accumulate<ScalarLane, float, int>(lanes[lane], x);
                }
            }
        }

        for (int half = RowOrder.Lanes / 2; half > 0; half /= 2)
        {
            for (int lane = 0; lane < half; lane++)
            {
                lanes[lane] = TReduction.Combine(lanes[lane], lanes[lane + half]);
            }
        }

        float result = TReduction.Finish(lanes[0], arguments.Columns);
        var last = new GpuFrame(arena, arguments.EpilogueSlots, index, 0, result);
        arena[arguments.Output.At(index, 0)] = TEpilogue.Evaluate<ScalarLane, float, int, GpuFrame>(in last);
    }
}
