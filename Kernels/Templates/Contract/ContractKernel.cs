using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>A contraction on a device: one thread for each sum; neighbouring threads read neighbouring words of a panel.</summary>
public static class ContractKernel
{
    public static MethodInfo Method(Type epilogue) => typeof(ContractKernel).GetMethod(nameof(Run))!.MakeGenericMethod(epilogue);

    public static void Run<TEpilogue>(Index1D index, ArrayView<float> arena, ArrayView<int> words, ContractArguments p)
        where TEpilogue : struct, IProgram
    {
        int row = index / p.Columns;
        int column = index - row * p.Columns;
        long x = p.Input.At(row, 0);
        long w = p.PackedWeight.At(0, PackedWeight.IndexElements(column, 0, p.Depth));
        float total = 0f;
        for (int chunk = 0; chunk < p.Depth; chunk += ContractOrder.ChunkElements)
        {
            float sum = 0f;
            int end = chunk + ContractOrder.ChunkElements;
            end = end < p.Depth ? end : p.Depth;
            for (int k = chunk; k < end; k++)
            {
                sum = Exact.Fma(arena[x + k], arena[w + (long)k * ContractOrder.PanelColumns], sum);
            }

            total = chunk == 0 ? sum : Exact.Add(total, sum);
        }

        var frame = new GpuFrame(arena, p.Slots, row, column, total);
        arena[p.Output.At(row, column)] = TEpilogue.Evaluate<ScalarLane, float, int, GpuFrame>(in frame);
    }
}
