using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.Map;

/// <summary>The host's loop of the map template; also the epilogue of the others, on a block that is still in L1.</summary>
internal static unsafe class MapHost
{
    /// <summary>Evaluates the program over columns [begin, end) of all rows of the tile.</summary>
    /// <param name="tile">The tile.</param>
    /// <param name="rowsPerItem">Rows of the output for each item.</param>
    /// <param name="output">Where the values go.</param>
    /// <param name="binding">The program's inputs.</param>
    /// <param name="begin">First column.</param>
    /// <param name="end">One past the last column.</param>
    /// <param name="wholeRows">True if [begin, end) is the whole row: rows without gaps are then one long row.</param>
    public static void Run<TProgram>(
        in HostTile tile, int rowsPerItem, Operand output, ProgramBinding binding, int begin, int end, bool wholeRows)
        where TProgram : struct, IProgram
    {
        long rowCount = (long)tile.ItemCount * rowsPerItem;
        if (rowCount == 0 || begin >= end)
        {
            return;
        }

        float** rows = stackalloc float*[SlotTable.MaximumSlots];
        nint* strides = stackalloc nint[SlotTable.MaximumSlots];
        binding.Bind(in tile, rowsPerItem, 0, rows, strides);
        float* target = tile.Row(output, rowsPerItem, 0);
        nint columnBegin = begin;
        nint columnEnd = end;
        if (wholeRows && IsOneLongRow(output, binding, end))
        {
            columnEnd = (nint)(end * rowCount);
            rowCount = 1;
        }

        for (long row = 0; row < rowCount; row++)
        {
            Row<TProgram>(rows, target, columnBegin, columnEnd);
            target += output.RowStrideElements;
            for (int slot = 0; slot < binding.Count; slot++)
            {
                rows[slot] += strides[slot];
            }
        }
    }

    /// <summary>target[c] = program at column c, for c in [begin, end).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Row<TProgram>(float** rows, float* target, nint begin, nint end)
        where TProgram : struct, IProgram
    {
        nint column = begin;
        if (HalfLane.IsPreferred)
        {
            for (; column + HalfLane.WidthElements <= end; column += HalfLane.WidthElements)
            {
                var frame = new HostHalfFrame(rows, column);
                TProgram.Evaluate<HalfLane, Vector256<float>, Vector256<int>, HostHalfFrame>(in frame).Store(target + column);
            }
        }

        for (; column + WideLane.WidthElements <= end; column += WideLane.WidthElements)
        {
            var frame = new HostWideFrame(rows, column);
            TProgram.Evaluate<WideLane, Vector512<float>, Vector512<int>, HostWideFrame>(in frame).Store(target + column);
        }

        for (; column < end; column++)
        {
            var frame = new HostScalarFrame(rows, column);
            target[column] = TProgram.Evaluate<ScalarLane, float, int, HostScalarFrame>(in frame);
        }
    }

    private static bool IsOneLongRow(Operand output, ProgramBinding binding, int columns)
    {
        if (!binding.ReadsOnlyFull || output.RowStrideElements != columns)
        {
            return false;
        }

        for (int slot = 0; slot < binding.Count; slot++)
        {
            int stride = binding.Operands[slot].RowStrideElements;
            if ((binding.Accesses[slot] == SlotAccess.Full && stride != columns) || (binding.Accesses[slot] == SlotAccess.Paired && 2 * stride != columns))
            {
                return false;
            }
        }

        return true;
    }
}
