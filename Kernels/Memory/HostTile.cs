using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Memory;

/// <summary>
/// What one worker computes in one step of a pipeline: a range of the pipeline's items (samples of the batch; or rows of a
/// parameter, where a pipeline computes an update), and for units that split over their columns a part of those. Arena operands are addressed by the absolute row, scratch operands by the row within the tile.
/// </summary>
public readonly unsafe struct HostTile
{
    public readonly byte* Arena;

    /// <summary>The worker's own buffers, 64-byte aligned; shared by all workers when they share one tile.</summary>
    public readonly byte* Scratch;

    public readonly int ItemBegin;
    public readonly int ItemCount;

    /// <summary>This worker's parts of the columns are [Part, PartEnd) of Parts; [0, 1) of 1 when each worker has a tile of its own.</summary>
    public readonly int Part;

    public readonly int PartEnd;
    public readonly int Parts;

    public HostTile(byte* arena, byte* scratch, int itemBegin, int itemCount)
        : this(arena, scratch, itemBegin, itemCount, 0, 1, 1)
    {
    }

    public HostTile(byte* arena, byte* scratch, int itemBegin, int itemCount, int part, int partEnd, int parts)
    {
        Arena = arena;
        Scratch = scratch;
        ItemBegin = itemBegin;
        ItemCount = itemCount;
        Part = part;
        PartEnd = partEnd;
        Parts = parts;
    }

    /// <summary>The address of column 0 in row <paramref name="rowInTile"/> of the tile.</summary>
    /// <param name="operand">An operand with <paramref name="rowsPerItem"/> rows for each item.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* Row(Operand operand, int rowsPerItem, long rowInTile)
    {
        if (operand.Space == OperandSpace.Scratch)
        {
            return (float*)Scratch + operand.At(rowInTile, 0);
        }

        return (float*)Arena + operand.At((long)ItemBegin * rowsPerItem + rowInTile, 0);
    }

    /// <summary>The address of element (0, 0) of an arena operand that has no item axis (weights, biases, scalars).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* Whole(Operand operand) => (float*)Arena + operand.OffsetElements;

    /// <summary>The address of an operand's element (item, 0, ..., 0), items counted from the start of the tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* Item(in NdOperand operand, int itemInTile) => operand.Space == OperandSpace.Scratch
        ? (float*)Scratch + operand.OffsetElements + itemInTile * operand.ItemStrideElements
        : (float*)Arena + operand.OffsetElements + ((long)ItemBegin + itemInTile) * operand.ItemStrideElements;

    /// <summary>This worker's share [begin, end) of <paramref name="count"/> columns, cut at multiples of <paramref name="granule"/>.</summary>
    public void Share(int count, int granule, out int begin, out int end)
    {
        Share((long)count, granule, out long first, out long last);
        begin = (int)first;
        end = (int)last;
    }

    /// <inheritdoc cref="Share(int, int, out int, out int)"/>
    public void Share(long count, int granule, out long begin, out long end)
    {
        long granules = (count + granule - 1) / granule;
        begin = Math.Min(count, granules * Part / Parts * granule);
        end = Math.Min(count, granules * PartEnd / Parts * granule);
    }
}
