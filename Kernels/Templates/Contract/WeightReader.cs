using ILGPU;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>Elements of a weight on their way into panels: of words or pairs, and rounded to bf16 where the contraction takes these.</summary>
internal static unsafe class WeightReader
{
    public static float Interpreted(InterpreterMemory memory, Operand weight, long row, long column, int rounds)
    {
        float value = memory.Float(weight, row, column);
        return rounds != 0 ? BFloat16.NearestEven<ScalarLane, float, int>(value) : value;
    }

    /// <summary>A row on the host: where it lies, or in <paramref name="buffer"/>.</summary>
    public static float* Row(in HostTile tile, Operand weight, int row, int columns, int rounds, float* buffer)
    {
        float* source = tile.Row(weight, 1, row);
        if (weight.IsPaired)
        {
            BFloat16Pairs.Widen((ushort*)source, buffer, columns);
            return buffer;
        }

        if (rounds == 0)
        {
            return source;
        }

        for (int i = 0; i < columns; i++)
        {
            buffer[i] = BFloat16.NearestEven<ScalarLane, float, int>(source[i]);
        }

        return buffer;
    }

    public static float OnDevice(ArrayView<float> arena, Operand weight, long row, int column, int rounds)
    {
        float value = BFloat16Pairs.ElementOf(arena, weight, row, column);
        return rounds != 0 ? BFloat16.NearestEven<ScalarLane, float, int>(value) : value;
    }
}
