using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Tests.Placement;

/// <summary>Chips for tests of the placement: round numbers of the size of real parts.</summary>
internal static class Chips
{
    /// <summary>One tile of 8 by 8 sites.</summary>
    public static RduResources Small { get; } = new(
        "small", TileRows: 1, TileColumns: 1, GridRows: 8, GridColumns: 8, Lanes: 16, PipelineStages: 8, MacsPerCycle: 256, PmuBytes: 1 << 19,
        VectorLinkBytesPerCycle: 64, AgcusPerTile: 4, ClockHz: 1_000_000_000, DramBytesPerSecond: 32_000_000_000, DramBytes: 1L << 37);

    public static RduResources Sn10 { get; } = Small with
    {
        Name = "sn10",
        TileRows = 2,
        TileColumns = 2,
        GridRows = 16,
        GridColumns = 20,
        AgcusPerTile = 10,
        DramBytesPerSecond = 128_000_000_000,
        DramBytes = 3L << 39,
    };
}
