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

    /// <summary>True if rows must be converted before they are packed.</summary>
    public static bool Converts(Operand weight, int rounds) => weight.IsPaired || rounds != 0;

    /// <summary>Some rows on the host: where they lie, or converted in <paramref name="buffer"/>.</summary>
    /// <param name="buffer">Room for the rows, if they are converted.</param>
    /// <param name="stride">Words from row to row of what is returned.</param>
    public static float* Rows(in HostTile tile, Operand weight, int row, int count, int columns, int rounds, float* buffer, out nint stride)
    {
        float* source = tile.Row(weight, 1, row);
        stride = weight.RowStrideElements;
        if (!Converts(weight, rounds))
        {
            return source;
        }

        for (int r = 0; r < count; r++)
        {
            float* from = tile.Row(weight, 1, row + r);
            float* to = buffer + (nint)r * columns;
            if (weight.IsPaired)
            {
                BFloat16Pairs.Widen((ushort*)from, to, columns);
                continue;
            }

            for (int i = 0; i < columns; i++)
            {
                to[i] = BFloat16.NearestEven<ScalarLane, float, int>(from[i]);
            }
        }

        stride = columns;
        return buffer;
    }

    public static float OnDevice(ArrayView<float> arena, Operand weight, long row, int column, int rounds)
    {
        float value = BFloat16Pairs.ElementOf(arena, weight, row, column);
        return rounds != 0 ? BFloat16.NearestEven<ScalarLane, float, int>(value) : value;
    }
}
