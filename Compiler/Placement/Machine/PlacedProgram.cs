using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Placement.Machine;

public enum UnitKind
{
    Pcu,
    Pmu,

    /// <summary>A port to the memory outside; several streams may share one.</summary>
    Agcu,
}

/// <summary>What a unit does in its section.</summary>
public enum UnitRole
{
    /// <summary>PCU of a stage; ordinal = copy · PcusInSeries + position in series.</summary>
    Compute,

    /// <summary>PMU with weights of a stage.</summary>
    Weights,

    /// <summary>PMU with sums of a stage.</summary>
    Accumulator,

    /// <summary>PMU of a stream's buffer; the owner is the stream's index.</summary>
    StreamBuffer,

    /// <summary>PMU of a DRAM transfer's buffer; the owner is the DRAM transfer's index.</summary>
    DramBuffer,

    /// <summary>AGCU of a DRAM transfer; the owner is the DRAM transfer's index.</summary>
    Port,
}

/// <summary>A unit with its place.</summary>
/// <param name="Index">Position in the layout.</param>
/// <param name="Owner">Index of the stage, stream or DRAM transfer that <paramref name="Role"/> speaks of.</param>
/// <param name="Ordinal">Which of its owner's units.</param>
/// <param name="Site">Its switch. PCUs and PMUs have it to themselves; an AGCU hangs on a switch of the edge.</param>
public readonly record struct PlacedUnit(int Index, UnitKind Kind, UnitRole Role, int Owner, int Ordinal, Site Site);

/// <summary>The three meshes of switches.</summary>
public enum Network
{
    /// <summary>Packet-switched, a vector of lanes wide.</summary>
    Vector,

    /// <summary>Packet-switched, one word wide: addresses and indices.</summary>
    Scalar,

    /// <summary>Circuit-switched single bits: tokens and credits.</summary>
    Control,
}

/// <summary>
/// A way from one unit to others, as a multicast tree along rows first, then along columns. Link number = (row · columns of the grid +
/// column) · 4 + direction, directions 0 to 3 being east, west, south, north, seen from the switch that sends.
/// </summary>
/// <param name="Source">Unit that sends.</param>
/// <param name="Sinks">Units that receive.</param>
/// <param name="Links">Links of the tree, in ascending order, each once; empty where source and sinks share a switch.</param>
/// <param name="Hops">Switches from the source to the farthest sink.</param>
/// <param name="BytesPerIteration">Of the source, in one iteration; once for a whole section where <paramref name="IsOnce"/>.</param>
/// <param name="IsOnce">True for weights before the first iteration and sums after the last one.</param>
public sealed record Route(
    int Index, Network Network, int Source, EquatableArray<int> Sinks, EquatableArray<int> Links, int Hops, long BytesPerIteration, bool IsOnce);

/// <summary>What all routes of a network put on one link in an iteration.</summary>
public readonly record struct LinkLoad(Network Network, int Link, long BytesPerIteration, int Routes);

/// <summary>Where the units of a section stand and how they are connected. Sections that are alike share one.</summary>
/// <param name="GridRows">Rows of switches of all tiles in use together.</param>
/// <param name="GridColumns">Columns of switches of all tiles in use together.</param>
/// <param name="LinkLoads">In ascending order of network and link; only links with a load.</param>
/// <param name="InitialCost">Cost of the first placement: bytes times hops of the vector network in one iteration, in units of a vector.</param>
/// <param name="Cost">The same after annealing.</param>
public sealed record SectionLayout(
    int Index,
    int GridRows,
    int GridColumns,
    EquatableArray<PlacedUnit> Units,
    EquatableArray<Route> Routes,
    EquatableArray<LinkLoad> LinkLoads,
    long InitialCost,
    long Cost);

/// <summary>A section with its layout. Sections with one layout are equal in everything but names, tensors and operators.</summary>
/// <param name="Layout">Index into <see cref="PlacedProgram.Layouts"/>.</param>
public sealed record PlacedSection(MachineSection Section, int Layout);

/// <summary>A program on a chip: what a simulator runs and an executable file holds. Legal by <c>PlacedSpec</c>.</summary>
/// <param name="Resources">The part of the chip that it may use.</param>
/// <param name="Graph">What it computes.</param>
/// <param name="Sections">In the order in which they run.</param>
public sealed record PlacedProgram(
    RduResources Resources, PlacementOptions Options, MachineGraph Graph, EquatableArray<PlacedSection> Sections, EquatableArray<SectionLayout> Layouts)
{
    public SectionLayout LayoutOf(PlacedSection section) => Layouts[section.Layout];
}
