using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.ScatterAdd;

/// <summary>
/// A scatter on a device: one thread for each position. The thread whose position is the first of its row sums all later ones
/// of that row; the others have nothing to do. Reads grow with the square of the positions, but are integers that all threads
/// share.
/// </summary>
public static class ScatterUpdateKernel
{
    public static MethodInfo Method(Type state, Type update) =>
        typeof(ScatterUpdateKernel).GetMethod(nameof(Run))!.MakeGenericMethod(state, update);

    public static void Run<TState, TUpdate>(Index1D first, ArrayView<float> arena, ArrayView<int> words, ScatterUpdateArguments p)
        where TState : struct, IProgram
        where TUpdate : struct, IProgram
    {
        int positions = p.Samples * p.Hotness;
        int row = words[p.Indices.At(first / p.Hotness, first % p.Hotness)];
        bool isFirst = row >= 0;
        for (int earlier = 0; isFirst && earlier < first; earlier++)
        {
            isFirst = words[p.Indices.At(earlier / p.Hotness, earlier % p.Hotness)] != row;
        }

        if (!isFirst)
        {
            return;
        }

        for (int column = 0; column < p.Width; column++)
        {
            float sum = 0f;
            for (int position = first; position < positions; position++)
            {
                if (words[p.Indices.At(position / p.Hotness, position % p.Hotness)] == row)
                {
                    float element = arena[p.Gradient.At(position / p.Hotness, column)];
                    sum = p.Weighted != 0
                        ? Exact.Fma(arena[p.Weights.At(position / p.Hotness, position % p.Hotness)], element, sum)
                        : Exact.Add(sum, element);
                }
            }

            arena[p.Sums.At(first, column)] = sum;
        }

        if (p.StateKind == (int)ScatterState.Row)
        {
            float mean = Exact.Div(RowOrderDevice.SumOfSquares(arena, p.Sums, first, p.Width), p.Width);
            var frame = new GpuFrame(arena, p.StateSlots, row, 0, mean);
            arena[p.State.At(row, 0)] = TState.Evaluate<ScalarLane, float, int, GpuFrame>(in frame);
        }

        for (int column = 0; column < p.Width; column++)
        {
            float sum = arena[p.Sums.At(first, column)];
            if (p.StateKind == (int)ScatterState.Elements)
            {
                var stateFrame = new GpuFrame(arena, p.StateSlots, row, column, sum);
                arena[p.State.At(row, column)] = TState.Evaluate<ScalarLane, float, int, GpuFrame>(in stateFrame);
            }

            var frame = new GpuFrame(arena, p.UpdateSlots, row, column, sum);
            arena[p.Destination.At(row, column)] = TUpdate.Evaluate<ScalarLane, float, int, GpuFrame>(in frame);
        }
    }
}
