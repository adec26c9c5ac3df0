using static RduEmu.Emulator.Reports.Csv;

namespace RduEmu.Emulator.Reports;

/// <summary>
/// The four tables under the names and columns that SambaTune gives them (docs.sambanova.ai/sambatune: section, stage latency, PMU
/// bandwidth and paths reports), with a few of our own behind them. "Measured" is SambaTune's word: every value here is modelled.
/// </summary>
internal static class CsvReports
{
    public static byte[] Sections(ProgramReport report)
    {
        var csv = new Csv(
            "section_id", "chip_id", "partition_id", "section type", "measured throughput (samples/s)", "measured latency (cycles)", "measured latency (sec)",
            "measured DDR read BW (GB/s)", "measured DDR write BW (GB/s)", "measured DDR total BW (GB/s)", "measured PMU count", "measured PMU utilization",
            "measured PCU count", "measured PCU utilization", "PCU busy", "program load (cycles)", "argument load (cycles)", "launch (cycles)", "execution (cycles)",
            "iterations", "operations", "memory bytes", "bottleneck", "bottleneck share", "name");
        foreach (SectionRow row in report.Sections)
        {
            csv.Add(
                $"{row.Id}", $"{row.ChipId}", row.PartitionId, row.Type, Fixed(row.ThroughputSamplesPerSecond, 3), $"{row.LatencyCycles}", Fixed(row.LatencySeconds, 9),
                Fixed(row.ReadGigabytesPerSecond, 3), Fixed(row.WriteGigabytesPerSecond, 3), Fixed(row.TotalGigabytesPerSecond, 3), $"{row.PmuCount}", Fixed(row.PmuUtilization, 4),
                $"{row.PcuCount}", Fixed(row.PcuUtilization, 4), Fixed(row.PcuBusy, 4), $"{row.ProgramLoadCycles}", $"{row.ArgumentLoadCycles}", $"{row.LaunchCycles}",
                $"{row.ExecutionCycles}", $"{row.Iterations}", $"{row.Operations}", $"{row.MemoryBytes}", row.Bottleneck, Fixed(row.BottleneckShare, 4), row.Name);
        }

        return csv.ToBytes();
    }

    public static byte[] Stages(ProgramReport report)
    {
        var csv = new Csv(
            "section id", "stage depth", "stage id", "related ids", "non-buffer template names", "mac id", "nodes(kNames)", "nodes(NodeName)",
            "measured latency (cycles/iter)", "iterations", "PCU count", "PMU count", "busy (cycles)", "waited for input (cycles)", "waited for room (cycles)",
            "waited for resources (cycles)", "first start (cycles)", "last end (cycles)");
        foreach (StageRow row in report.Stages)
        {
            csv.Add(
                $"{row.Section}", $"{row.Depth}", $"{row.Id}", row.RelatedIds, row.Template, $"{row.Section}.{row.Id}", row.Operators, row.Nodes,
                $"{row.LatencyCyclesPerIteration}", $"{row.Iterations}", $"{row.Pcus}", $"{row.Pmus}", $"{row.BusyCycles}", $"{row.WaitedForInputCycles}",
                $"{row.WaitedForRoomCycles}", $"{row.WaitedForResourceCycles}", $"{row.FirstStartCycles}", $"{row.LastEndCycles}");
        }

        return csv.ToBytes();
    }

    public static byte[] Bandwidths(ProgramReport report)
    {
        var csv = new Csv(
            "section id", "source_unit_name", "event_name", "required_avg_bandwidth", "bandwidth_vec/cycles", "slowdown_factor", "manhattan_distance",
            "number_iterations", "number_iterations_global", "bank_conflict_count");
        foreach (BandwidthRow row in report.Bandwidths)
        {
            csv.Add(
                $"{row.Section}", row.Source, row.Event, Fixed(row.RequiredBytesPerCycle, 4), Fixed(row.VectorsPerCycle, 6), Fixed(row.SlowdownFactor, 3),
                $"{row.ManhattanDistance}", $"{row.Iterations}", $"{row.IterationsGlobal}", $"{row.BankConflicts}");
        }

        return csv.ToBytes();
    }

    /// <summary>What goes from RDU to RDU in a step; not one of SambaTune's tables.</summary>
    public static byte[] Traffic(ProgramReport report)
    {
        var csv = new Csv("from rdu", "to rdu", "network", "messages", "bytes");
        foreach (Fabric.LinkTraffic link in report.Timing.Traffic)
        {
            csv.Add($"{link.From}", $"{link.To}", link.IsInNode ? "links of the node" : "between nodes", $"{link.Messages}", $"{link.Bytes}");
        }

        return csv.ToBytes();
    }

    public static byte[] Paths(ProgramReport report)
    {
        var csv = new Csv("section id", "buffer chain", "latency (cycles)", "nodes", "source stage depth", "destination stage depth");
        foreach (PathRow row in report.Paths)
        {
            csv.Add($"{row.Section}", row.Buffers, $"{row.LatencyCycles}", row.Nodes, $"{row.SourceDepth}", $"{row.DestinationDepth}");
        }

        return csv.ToBytes();
    }
}
