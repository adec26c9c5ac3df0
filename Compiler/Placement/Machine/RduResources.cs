namespace RduEmu.Compiler.Placement.Machine;

/// <summary>
/// What the compiler may use of a chip: counts and widths, no behaviour. Units stand on a grid of sites, one mesh switch at each; site
/// (row, column) holds a PCU where row + column is even, else a PMU: a checkerboard, as in Plasticine (Prabhakar et al., ISCA'17,
/// section 3.3). Where the numbers come from is the business of the file that they were read from.
/// </summary>
/// <param name="Name">The part, for people: <c>sn10</c>.</param>
/// <param name="TileRows">Tiles of the chip from north to south.</param>
/// <param name="TileColumns">Tiles of the chip from west to east.</param>
/// <param name="GridRows">Rows of sites in a tile.</param>
/// <param name="GridColumns">Columns of sites in a tile; rows times columns is even.</param>
/// <param name="Lanes">SIMD lanes of a PCU.</param>
/// <param name="PipelineStages">Stages of a PCU's SIMD pipeline: operations of one program.</param>
/// <param name="MacsPerCycle">Multiply-accumulates that one PCU completes in a cycle as a systolic array, in the storage format.</param>
/// <param name="PmuBytes">Scratchpad of one PMU.</param>
/// <param name="VectorLinkBytesPerCycle">Width of one link of the vector network, and of a PMU's port.</param>
/// <param name="AgcusPerTile">Ports to the memory outside, on the west and the east edge of a tile.</param>
/// <param name="ClockHz">Cycles in a second.</param>
/// <param name="DramBytesPerSecond">What all channels of the chip deliver together, sustained.</param>
/// <param name="DramBytes">Memory outside, of one chip.</param>
/// <param name="SystolicPercent">Share of the cycles in which a systolic array that has its operands advances.</param>
/// <param name="SectionSwitchCycles">Cycles of a section beside its work: units are configured, arguments loaded, the section launched.</param>
public sealed record RduResources(
    string Name,
    int TileRows,
    int TileColumns,
    int GridRows,
    int GridColumns,
    int Lanes,
    int PipelineStages,
    int MacsPerCycle,
    long PmuBytes,
    int VectorLinkBytesPerCycle,
    int AgcusPerTile,
    long ClockHz,
    long DramBytesPerSecond,
    long DramBytes,
    int SystolicPercent = 100,
    long SectionSwitchCycles = 20_000)
{
    public int Tiles => TileRows * TileColumns;

    public int PcusPerTile => GridRows * GridColumns / 2;

    public int PmusPerTile => GridRows * GridColumns / 2;

    /// <summary>Bytes that the memory outside delivers in a cycle, times 256: integer arithmetic keeps plans the same everywhere.</summary>
    public long DramBytesPerCycleTimes256 => (long)((Int128)DramBytesPerSecond * 256 / ClockHz);

    /// <summary>True if the site holds a PCU, false if a PMU.</summary>
    public static bool IsPcu(Site site) => ((site.Row + site.Column) & 1) == 0;

    /// <summary>
    /// The part of the chip that a program with fewer tiles gets: whole columns of tiles first. Memory bandwidth is the chip's, since its
    /// channels serve all tiles.
    /// </summary>
    /// <param name="tiles">1 up to <see cref="Tiles"/>; must divide into a rectangle, or the largest rectangle of at most so many is taken.</param>
    public RduResources WithTiles(int tiles)
    {
        if (tiles <= TileRows)
        {
            return this with { TileRows = tiles, TileColumns = 1 };
        }

        return this with { TileColumns = Math.Min(TileColumns, tiles / TileRows) };
    }
}

/// <summary>A place on the grid of the whole chip: tiles continue each other's rows and columns.</summary>
public readonly record struct Site(int Row, int Column)
{
    public int DistanceTo(Site other) => Math.Abs(Row - other.Row) + Math.Abs(Column - other.Column);

    public override string ToString() => $"({Row},{Column})";
}
