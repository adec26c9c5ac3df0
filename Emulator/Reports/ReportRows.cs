namespace RduEmu.Emulator.Reports;

/// <summary>A section as SambaTune's section report has it, and what limits it.</summary>
/// <param name="Type">Forward, Backward or Optimizer.</param>
/// <param name="Iterations">Pieces of the batch that pass its pipeline.</param>
/// <param name="PcuUtilization">PCUs in use, of those of the program's tiles.</param>
/// <param name="PcuBusy">Share of the PCUs' cycles in which they work.</param>
/// <param name="Bottleneck">What it waits for, in words.</param>
public sealed record SectionRow(
    int Id,
    int ChipId,
    string Name,
    string Type,
    int Layout,
    int Iterations,
    double ThroughputSamplesPerSecond,
    long LatencyCycles,
    double LatencySeconds,
    long StartCycles,
    long ProgramLoadCycles,
    long ArgumentLoadCycles,
    long LaunchCycles,
    long ExecutionCycles,
    double ReadGigabytesPerSecond,
    double WriteGigabytesPerSecond,
    int PmuCount,
    double PmuUtilization,
    int PcuCount,
    double PcuUtilization,
    double PcuBusy,
    long Operations,
    long MemoryBytes,
    string Bottleneck,
    double BottleneckShare)
{
    public string PartitionId => $"({Id},{ChipId})";

    public double TotalGigabytesPerSecond => ReadGigabytesPerSecond + WriteGigabytesPerSecond;
}

/// <summary>A stage as SambaTune's stage report has it, and what it waited for.</summary>
public sealed record StageRow(
    int Section,
    int Depth,
    int Id,
    string RelatedIds,
    string Template,
    string Name,
    string Nodes,
    string Operators,
    long LatencyCyclesPerIteration,
    long Iterations,
    int Pcus,
    int Pmus,
    long BusyCycles,
    long WaitedForInputCycles,
    long WaitedForRoomCycles,
    long WaitedForResourceCycles,
    long FirstStartCycles,
    long LastEndCycles);

/// <summary>A buffer's traffic as SambaTune's PMU bandwidth report has it.</summary>
/// <param name="RequiredBytesPerCycle">On average over the section.</param>
/// <param name="VectorsPerCycle">The same in vectors of the network.</param>
/// <param name="SlowdownFactor">How much longer than its own bandwidth needs it took, at least 1.</param>
public sealed record BandwidthRow(
    int Section,
    string Source,
    string Event,
    double RequiredBytesPerCycle,
    double VectorsPerCycle,
    double SlowdownFactor,
    int ManhattanDistance,
    long Iterations,
    long IterationsGlobal,
    long BankConflicts);

/// <summary>A way through a section's pipeline.</summary>
public sealed record PathRow(int Section, string Buffers, long LatencyCycles, string Nodes, int SourceDepth, int DestinationDepth);
