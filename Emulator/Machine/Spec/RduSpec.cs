using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.Machine.Time;

namespace RduEmu.Emulator.Machine.Spec;

public sealed record ChipSpec(long Tiles, long PcusPerTile, long PmusPerTile, long GridRows, long GridColumns, long AgcusPerTile, long TileMemoryMegabytesPerSecond,
    long ClockMegahertz);

public sealed record PcuSpec(long Lanes, long Stages, long MultipliesPerLaneStage, long StageCycles, long TailCycles, long ReductionCycles);

public sealed record PmuSpec(long Kibibytes, long Banks, long ReadBytesPerCycle, long WriteBytesPerCycle);

public sealed record NetworkSpec(long VectorBytes, long HopCycles, long LinksPerSwitch, long FifoPackets, long CreditPackets);

public sealed record MemorySpec(
    long Channels, long ChannelMegabytesPerSecond, long Gibibytes, long EfficiencyPercent, long LatencyNanoseconds, long BurstBytes, long OutstandingBursts);

public sealed record HbmSpec(long Channels, long ChannelMegabytesPerSecond, long Gibibytes, long EfficiencyPercent, long LatencyNanoseconds);

public sealed record HostSpec(
    long PcieLinks, long PcieMegabytesPerSecond, long LatencyNanoseconds, long SequenceTokenMicroseconds);

public sealed record LoadSpec(long BytesPerUnit, long BytesPerCycle, long ArgumentCycles, long LaunchCycles);

public sealed record LinkSpec(
    long Count, long MegabytesPerSecond, long LatencyNanoseconds, long NodeMegabytesPerSecond, long NodeLatencyNanoseconds);

public sealed record NodeSpec(long Sockets, long Nodes);

/// <summary>Constants that published runs fix and no document gives; few, and each with a physical meaning.</summary>
public sealed record CalibrationSpec(long SystolicPercent, long SimdPercent);

/// <summary>
/// A part and the node it sits in: what the machine model knows of the hardware. Numbers are in <see cref="SpecSchema"/>; each
/// has its source.
/// </summary>
/// <param name="Name">As <c>--target</c> takes it.</param>
/// <param name="Title">For people.</param>
/// <param name="Hbm">Null if the part has none.</param>
/// <param name="Sources">Where each number is from, by path: a public address, or <c>inferred</c> and how.</param>
/// <param name="Digest">SHA-256 of the file, so that a report names the description it was made with.</param>
public sealed record RduSpec(
    string Name,
    string Title,
    ChipSpec Chip,
    PcuSpec Pcu,
    PmuSpec Pmu,
    NetworkSpec Network,
    MemorySpec Memory,
    HbmSpec? Hbm,
    HostSpec Host,
    LoadSpec Load,
    LinkSpec Link,
    NodeSpec Node,
    CalibrationSpec Calibration,
    IReadOnlyDictionary<string, string> Sources,
    string Digest)
{
    /// <summary>The file.</summary>
    public required ReadOnlyMemory<byte> Content { get; init; }

    private const long Mega = 1_000_000;

    public long ClockHertz => Chip.ClockMegahertz * Mega;

    public long Pcus => Chip.Tiles * Chip.PcusPerTile;

    public long Pmus => Chip.Tiles * Chip.PmusPerTile;

    public Bytes PmuBytes => new(Pmu.Kibibytes << 10);

    /// <summary>On-chip memory of one RDU.</summary>
    public Bytes SramBytes => PmuBytes * Pmus;

    /// <summary>Bfloat16 operations of one PCU in a cycle; a multiply-add counts two.</summary>
    public long OperationsPerPcuCycle => 2 * Pcu.Lanes * Pcu.Stages * Pcu.MultipliesPerLaneStage;

    /// <summary>Peak of one RDU in bfloat16 operations per second.</summary>
    public double PeakOperationsPerSecond => (double)Pcus * OperationsPerPcuCycle * ClockHertz;

    /// <summary>Sustained bandwidth of the memory that holds tensors, HBM where there is one, else DDR, for a program on so many tiles.</summary>
    /// <param name="isShared">True if other programs run on the RDU's other tiles: the channels are shared evenly.</param>
    public BytesPerCycle MemoryBandwidth(long tiles, bool isShared)
    {
        BytesPerCycle peak = Hbm is null
            ? new BytesPerCycle(Memory.Channels * Memory.ChannelMegabytesPerSecond, Chip.ClockMegahertz).Percent(Memory.EfficiencyPercent)
            : new BytesPerCycle(Hbm.Channels * Hbm.ChannelMegabytesPerSecond, Chip.ClockMegahertz).Percent(Hbm.EfficiencyPercent);
        BytesPerCycle reach = new(tiles * Chip.TileMemoryMegabytesPerSecond, Chip.ClockMegahertz);
        BytesPerCycle share = isShared ? peak.Times(tiles, Chip.Tiles) : peak;
        return share.Value < reach.Value ? share : reach;
    }

    public Cycles MemoryLatency => FromNanoseconds(Hbm?.LatencyNanoseconds ?? Memory.LatencyNanoseconds);

    public Bytes MemoryBytes => new((Hbm?.Gibibytes ?? Memory.Gibibytes) << 30);

    /// <summary>Everything that one RDU can hold off chip: a working set that exceeds HBM lives in DDR.</summary>
    public Bytes TotalMemoryBytes => new(((Hbm?.Gibibytes ?? 0) + Memory.Gibibytes) << 30);

    public BytesPerCycle HostBandwidth(long tiles) =>
        new BytesPerCycle(Host.PcieLinks * Host.PcieMegabytesPerSecond, Chip.ClockMegahertz).Times(tiles, Chip.Tiles);

    /// <summary>All links of one RDU together, each direction.</summary>
    public BytesPerCycle LinkBandwidth => new(Math.Max(1, Link.Count) * Link.MegabytesPerSecond, Chip.ClockMegahertz);

    public BytesPerCycle NodeBandwidth => new(Link.NodeMegabytesPerSecond, Chip.ClockMegahertz);

    /// <summary>What one AGCU may ask for: its outstanding bursts within one memory latency (Little's law).</summary>
    public BytesPerCycle AgcuBandwidth => new(Memory.OutstandingBursts * Memory.BurstBytes, Math.Max(1, MemoryLatency.Count));

    /// <summary>What the compiler may use of so many tiles.</summary>
    /// <param name="isShared">True if other programs run on the RDU's other tiles: they share the memory's channels.</param>
    public RduResources Resources(long tiles, bool isShared = false)
    {
        // As near to a square as the count allows: 4 tiles are 2 x 2, 8 are 2 x 4.
        long rows = 1;
        for (long side = 1; side * side <= tiles; side++)
        {
            rows = tiles % side == 0 ? side : rows;
        }

        BytesPerCycle memory = MemoryBandwidth(tiles, isShared);
        return new RduResources(
            Name, checked((int)rows), checked((int)(tiles / rows)), checked((int)Chip.GridRows), checked((int)Chip.GridColumns), checked((int)Pcu.Lanes),
            checked((int)Pcu.Stages), checked((int)(OperationsPerPcuCycle / 2)), PmuBytes.Count, checked((int)Network.VectorBytes), checked((int)Chip.AgcusPerTile),
            ClockHertz, (long)((Int128)memory.BytesPerSecond * ClockHertz / memory.CyclesPerSecond), TotalMemoryBytes.Count,
            checked((int)Calibration.SystolicPercent), (ProgramLoad + new Cycles(Load.ArgumentCycles + Load.LaunchCycles)).Count);
    }

    /// <summary>Configuration of all units of a tile; tiles load side by side.</summary>
    public Cycles ProgramLoad => BytesPerCycle.Width(Load.BytesPerCycle).CyclesFor(new Bytes((Chip.PcusPerTile + Chip.PmusPerTile) * Load.BytesPerUnit));

    public Cycles FromNanoseconds(long nanoseconds) => new((nanoseconds * Chip.ClockMegahertz + 999) / 1000);

    public Cycles FromMicroseconds(long microseconds) => new(checked(microseconds * Chip.ClockMegahertz));

    public override string ToString() => $"{Name} ({Title})";
}
