using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Programs;

/// <summary>How a program reads one of its inputs; see <see cref="IFrame{TFloat}"/>.</summary>
public enum SlotAccess
{
    Full,
    Paired,
    PerColumn,
    PerRow,
    Uniform,
}

/// <summary>The inputs of one program: an operand and a way of reading it for each slot.</summary>
public sealed class ProgramBinding
{
    private readonly Operand[] _operands;
    private readonly SlotAccess[] _accesses;

    public ProgramBinding(ReadOnlySpan<Operand> operands, ReadOnlySpan<SlotAccess> accesses)
    {
        if (operands.Length != accesses.Length)
        {
            throw new ArgumentException($"{operands.Length} operands for {accesses.Length} slots", nameof(operands));
        }

        _operands = operands.ToArray();
        _accesses = accesses.ToArray();
        Slots = SlotTable.From(operands);
    }

    public static ProgramBinding Empty { get; } = new([], []);

    public int Count => _operands.Length;

    public SlotTable Slots { get; }

    public ReadOnlySpan<Operand> Operands => _operands;

    public ReadOnlySpan<SlotAccess> Accesses => _accesses;

    /// <summary>True if the program reads whole rows only, so that rows that follow each other without a gap are one long row.</summary>
    public bool ReadsOnlyFull
    {
        get
        {
            foreach (SlotAccess access in _accesses)
            {
                if (access is SlotAccess.PerColumn or SlotAccess.PerRow)
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Sets for each slot the address of element (row, 0) and the words to the next row (0 where rows share it).</summary>
    /// <param name="tile">The tile.</param>
    /// <param name="rowsPerItem">Rows of the program's domain for each item of the tile.</param>
    /// <param name="rowInTile">The first row.</param>
    /// <param name="rows">Room for <see cref="Count"/> addresses.</param>
    /// <param name="strides">Room for <see cref="Count"/> strides, in words.</param>
    public unsafe void Bind(in HostTile tile, int rowsPerItem, long rowInTile, float** rows, nint* strides)
    {
        for (int slot = 0; slot < _operands.Length; slot++)
        {
            bool shared = _accesses[slot] is SlotAccess.PerColumn or SlotAccess.Uniform;
            rows[slot] = shared ? tile.Whole(_operands[slot]) : tile.Row(_operands[slot], rowsPerItem, rowInTile);
            strides[slot] = shared ? 0 : _operands[slot].RowStrideElements;
        }
    }
}
