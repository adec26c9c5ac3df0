namespace RduEmu.Emulator.Machine.Spec;

/// <summary>One number of a machine description.</summary>
/// <param name="Path">Group and name, as <c>pcu.lanes</c>; the name ends in the unit where there is one.</param>
/// <param name="Minimum">The smallest value that makes sense.</param>
/// <param name="Meaning">What it is, for the schema and for error messages.</param>
public sealed record SpecField(string Path, long Minimum, string Meaning)
{
    public string Group => Path[..Path.IndexOf('.', StringComparison.Ordinal)];

    public string Name => Path[(Path.IndexOf('.', StringComparison.Ordinal) + 1)..];
}

/// <summary>
/// The schema of a machine description. Every group is an object, every number an object {"value": integer, "source": text}; all
/// are required except the group <c>hbm</c>, which a part without such memory leaves out.
/// </summary>
public static class SpecSchema
{
    public const string Version = "rdu-spec/1";

    /// <summary>The one group that may be missing as a whole.</summary>
    public const string OptionalGroup = "hbm";

    public static IReadOnlyList<SpecField> Fields { get; } =
    [
        new("chip.tiles", 1, "tiles of one RDU; a section runs on some of them"),
        new("chip.pcusPerTile", 1, "pattern compute units of a tile"),
        new("chip.pmusPerTile", 1, "pattern memory units of a tile"),
        new("chip.gridRows", 1, "rows of a tile's grid of units; PCUs and PMUs lie like the fields of a chess board"),
        new("chip.gridColumns", 1, "columns of that grid"),
        new("chip.agcusPerTile", 1, "address generators with coalescing units, the doors between a tile and memory"),
        new("chip.tileMemoryMegabytesPerSecond", 1, "what one tile draws from memory at most, however many channels are idle"),
        new("chip.clockMegahertz", 1, "clock of all units"),
        new("pcu.lanes", 1, "SIMD lanes"),
        new("pcu.stages", 1, "pipeline stages of the body, each one operation deep"),
        new("pcu.multipliesPerLaneStage", 1, "multiply-adds in bfloat16 that a lane does in a stage each cycle when the body is a systolic array"),
        new("pcu.stageCycles", 1, "latency of one stage"),
        new("pcu.tailCycles", 0, "latency of the tail, which holds the special functions and the rounding"),
        new("pcu.reductionCycles", 1, "latency of one level of the tree over the lanes"),
        new("pmu.kibibytes", 1, "capacity of one PMU"),
        new("pmu.banks", 1, "banks; an access that needs a bank twice takes a cycle more"),
        new("pmu.readBytesPerCycle", 1, "what one PMU reads without conflicts, while it writes"),
        new("pmu.writeBytesPerCycle", 1, "what one PMU writes without conflicts, while it reads"),
        new("network.vectorBytes", 1, "bytes of a packet of the vector network: what a link moves each cycle"),
        new("network.hopCycles", 1, "latency of one switch"),
        new("network.linksPerSwitch", 1, "vector links between two neighbouring switches in each direction"),
        new("network.fifoPackets", 1, "depth of a unit's vector input FIFO"),
        new("network.creditPackets", 1, "packets that may be under way on a stream before a credit must return"),
        new("memory.channels", 1, "DDR channels of one RDU"),
        new("memory.channelMegabytesPerSecond", 1, "peak of one channel"),
        new("memory.gibibytes", 1, "DDR capacity of one RDU"),
        new("memory.efficiencyPercent", 1, "share of the peak that long streams reach"),
        new("memory.latencyNanoseconds", 0, "from a request to its first bytes"),
        new("memory.burstBytes", 1, "smallest access; a shorter one takes as long"),
        new("memory.outstandingBursts", 1, "bursts that one AGCU may have under way"),
        new("hbm.channels", 1, "HBM stacks of one RDU"),
        new("hbm.channelMegabytesPerSecond", 1, "peak of one stack"),
        new("hbm.gibibytes", 1, "HBM capacity of one RDU"),
        new("hbm.efficiencyPercent", 1, "share of the peak that long streams reach"),
        new("hbm.latencyNanoseconds", 0, "from a request to its first bytes"),
        new("host.pcieLinks", 1, "PCIe links of one RDU"),
        new("host.pcieMegabytesPerSecond", 1, "one link, each direction"),
        new("host.latencyNanoseconds", 0, "from the host's request to the first bytes on the RDU"),
        new("host.sequenceTokenMicroseconds", 0, "the host's own work for one token of one sequence in generation: sampling and streaming it out"),
        new("load.bytesPerUnit", 0, "configuration of one unit with its switch: what program load shifts in"),
        new("load.bytesPerCycle", 1, "what the program-load controller of one tile shifts in each cycle"),
        new("load.argumentCycles", 0, "argument load of a section: addresses and scalars"),
        new("load.launchCycles", 0, "from the end of one section to the start of the next, besides the loads"),
        new("link.count", 0, "links of one RDU to the others of its node"),
        new("link.megabytesPerSecond", 1, "one link, each direction"),
        new("link.latencyNanoseconds", 0, "from one RDU to another"),
        new("link.nodeMegabytesPerSecond", 1, "from one node to another, each direction, per RDU"),
        new("link.nodeLatencyNanoseconds", 0, "from one node to another"),
        new("node.sockets", 1, "RDUs of a node"),
        new("node.nodes", 1, "nodes of an installation"),
        new("calibration.systolicPercent", 1, "share of the cycles in which a systolic array that has its operands advances"),
        new("calibration.simdPercent", 1, "share of the cycles in which a SIMD pipeline that has its operands advances"),
    ];
}
