using System.Collections.Immutable;
using RduEmu.Kernels.Templates;

namespace RduEmu.Kernels.Devices.Host;

/// <summary>
/// A chain of units over the tiles of one domain. A worker runs the whole chain on its tile; what passes between the units
/// stays in the worker's scratch.
/// </summary>
/// <param name="Units">The chain, in order.</param>
/// <param name="Items">Items of the domain.</param>
/// <param name="TileItems">Items of one tile, the last may be short.</param>
/// <param name="ScratchBytes">Scratch that a tile of <paramref name="TileItems"/> needs.</param>
public sealed record Pipeline(ImmutableArray<ConfiguredUnit> Units, int Items, int TileItems, long ScratchBytes)
{
    public int TileCount => (Items + TileItems - 1) / TileItems;
}

/// <summary>
/// Pipelines that do not read each other's results: their tiles run in any order and side by side. One section ends before the
/// next begins.
/// </summary>
public sealed record Section(string Name, ImmutableArray<Pipeline> Pipelines)
{
    /// <summary>Scratch of its largest pipeline; asked for in every run, so worked out once.</summary>
    public long ScratchBytes { get; } = Pipelines.IsEmpty ? 0 : Pipelines.Max(pipeline => pipeline.ScratchBytes);
}
