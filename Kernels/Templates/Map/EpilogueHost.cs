using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.Map;

/// <summary>
/// A program over what a template has just written, while that is in L1: its leaf <see cref="Accumulated"/> reads the output
/// in place. Bits are those of a program that had the sum in a register.
/// </summary>
internal static unsafe class EpilogueHost
{
    public static void Run<TProgram>(in HostTile tile, int rowsPerItem, Operand output, ProgramBinding binding, int begin, int end)
        where TProgram : struct, IProgram
    {
        float** rows = stackalloc float*[SlotTable.MaximumSlots];
        nint* strides = stackalloc nint[SlotTable.MaximumSlots];
        binding.Bind(in tile, rowsPerItem, 0, rows, strides);
        float* target = tile.Row(output, rowsPerItem, 0);
        long rowCount = (long)tile.ItemCount * rowsPerItem;
        for (long row = 0; row < rowCount; row++)
        {
            Row<TProgram>(rows, target, target, begin, end);
            target += output.RowStrideElements;
            for (int slot = 0; slot < binding.Count; slot++)
            {
                rows[slot] += strides[slot];
            }
        }
    }

    /// <summary>target[c] = program at column c, with accumulated[c] as the template's value; both may be the same row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Row<TProgram>(float** rows, float* accumulated, float* target, nint begin, nint end)
        where TProgram : struct, IProgram
    {
        nint column = begin;
        if (HalfLane.IsPreferred)
        {
            for (; column + HalfLane.WidthElements <= end; column += HalfLane.WidthElements)
            {
                var frame = new HostHalfFrame(rows, column, Vector256.Load(accumulated + column));
                TProgram.Evaluate<HalfLane, Vector256<float>, Vector256<int>, HostHalfFrame>(in frame).Store(target + column);
            }
        }

        for (; column + WideLane.WidthElements <= end; column += WideLane.WidthElements)
        {
            var frame = new HostWideFrame(rows, column, Vector512.Load(accumulated + column));
            TProgram.Evaluate<WideLane, Vector512<float>, Vector512<int>, HostWideFrame>(in frame).Store(target + column);
        }

        for (; column < end; column++)
        {
            var frame = new HostScalarFrame(rows, column, accumulated[column]);
            target[column] = TProgram.Evaluate<ScalarLane, float, int, HostScalarFrame>(in frame);
        }
    }
}
