using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using RduEmu.Emulator.Machine.Simulation;

namespace RduEmu.Emulator.Reports;

/// <summary>What a report says first: numbers of the whole program, and plain sentences in the manner of SambaTune's performance insights.</summary>
internal static class Summary
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static byte[] Write(ProgramReport report)
    {
        ProgramTiming timing = report.Timing;
        return JsonSerializer.SerializeToUtf8Bytes(
            new
            {
                report.Title,
                Unit = "modelled cycles",
                Target = report.Spec.Name,
                SpecDigest = $"sha256:{report.Spec.Digest}",
                Mode = timing.Program.Options.Mode.ToString().ToLowerInvariant(),
                timing.Tiles,
                timing.Sockets,
                ClockMegahertz = report.Spec.Chip.ClockMegahertz,
                timing.Samples,
                StepCycles = timing.Step.Count,
                StepSeconds = timing.Seconds,
                timing.SamplesPerSecond,
                RduCycles = timing.Rdu.Count,
                AllReduceCycles = timing.AllReduce.Count,
                AllReduceWorkCycles = timing.AllReduceWork.Count,
                LinkBytes = timing.Traffic.Sum(link => link.Bytes),
                HostTransferCycles = timing.HostTransfer.Count,
                Sections = report.Sections.Length,
                TeraflopsPerSecond = Teraflops(report),
                PeakShare = Teraflops(report) * 1e12 / (report.Spec.PeakOperationsPerSecond * timing.Tiles / report.Spec.Chip.Tiles),
                MemoryGigabytesPerSecond = Gigabytes(report),
                Bottleneck = Largest(report)?.Bottleneck,
                Insights = Sentences(report),
            },
            Options);
    }

    /// <summary>Of one socket, over its sections.</summary>
    public static double Teraflops(ProgramReport report) =>
        report.Sections.Sum(row => (double)row.Operations) / Math.Max(1e-30, report.Timing.Rdu.Seconds(report.Spec.ClockHertz)) / 1e12;

    public static double Gigabytes(ProgramReport report) =>
        report.Sections.Sum(row => (double)row.MemoryBytes) / Math.Max(1e-30, report.Timing.Rdu.Seconds(report.Spec.ClockHertz)) / 1e9;

    public static IReadOnlyList<string> Sentences(ProgramReport report)
    {
        ProgramTiming timing = report.Timing;
        var sentences = new List<string>();
        double rdu = Math.Max(1, timing.Rdu.Count);
        double step = Math.Max(1, timing.Step.Count);
        if (Largest(report) is not { } largest)
        {
            return ["The program has no sections: it computes nothing."];
        }

        sentences.Add($"One step of {timing.Samples} samples takes {timing.Step.Count.ToString("N0", CultureInfo.InvariantCulture)} cycles ({Milliseconds(timing.Seconds)} ms): {timing.SamplesPerSecond.ToString("F1", CultureInfo.InvariantCulture)} samples/s.");
        if (timing.Interval is not null)
        {
            sentences.Add($"The program stays on the chip with its weights, and batches follow each other; one alone takes {timing.Rdu.Count.ToString("N0", CultureInfo.InvariantCulture)} cycles, its weights included.");
        }

        sentences.Add($"Chip 0, section {largest.Id} ({largest.Name}) takes {Percent(largest.LatencyCycles / rdu)} of RDU latency; its bottleneck is {largest.Bottleneck}.");
        long load = report.Sections.Sum(row => row.ProgramLoadCycles + row.ArgumentLoadCycles + row.LaunchCycles);
        sentences.Add($"Program load, argument load and launch take {Percent(load / rdu)} of RDU latency over {Count(report.Sections.Length)}.");
        SectionRow busiest = report.Sections.MaxBy(row => row.TotalGigabytesPerSecond)!;
        sentences.Add($"Total {(report.Spec.Hbm is null ? "DDR" : "HBM")} bandwidth {Gigabytes(report).ToString("F2", CultureInfo.InvariantCulture)} GB/s; section {busiest.Id} {busiest.TotalGigabytesPerSecond.ToString("F2", CultureInfo.InvariantCulture)} GB/s.");
        sentences.Add($"The RDU computes {Teraflops(report).ToString("F2", CultureInfo.InvariantCulture)} TFLOPS, {Percent(Teraflops(report) * 1e12 / (report.Spec.PeakOperationsPerSecond * timing.Tiles / report.Spec.Chip.Tiles))} of the peak of its {timing.Tiles} tiles.");
        if (timing.AllReduceWork.Count > 0)
        {
            sentences.Add(timing.SharedSamples is null
                ? $"Gradients of {timing.Sockets} RDUs keep the links busy for {Percent(timing.AllReduceWork.Count / step)} of the step; {Percent(timing.AllReduce.Count / step)} do not hide behind the backward pass."
                : $"Exchanges between {timing.Sockets} RDUs take {Percent(timing.AllReduce.Count / step)} of the step.");
        }

        if (timing.Traffic.Length > 0)
        {
            long across = timing.Traffic.Where(link => !link.IsInNode).Sum(link => link.Bytes);
            sentences.Add($"In a step {Megabytes(timing.Traffic.Sum(link => link.Bytes))} MB go over {timing.Traffic.Length} links between RDUs, {Megabytes(across)} MB of them from node to node.");
        }

        sentences.Add(timing.HostTransfer > (timing.Interval ?? timing.Rdu + timing.AllReduce)
            ? $"Host takes {Percent(timing.HostTransfer.Count / step)}: the transfers over PCIe are the bottleneck of the step."
            : $"Host transfers over PCIe take {Percent(timing.HostTransfer.Count / step)} of the step and hide behind the sections.");
        foreach (IGrouping<string, SectionRow> kind in report.Sections.GroupBy(row => Kind(row.Bottleneck)).OrderByDescending(kind => kind.Sum(row => row.LatencyCycles)).ThenBy(kind => kind.Key, StringComparer.Ordinal))
        {
            sentences.Add($"{Percent(kind.Sum(row => row.LatencyCycles) / rdu)} of RDU latency is in {Count(kind.Count())} bound by {kind.Key}.");
        }

        return sentences;
    }

    public static SectionRow? Largest(ProgramReport report) => report.Sections.MaxBy(row => row.LatencyCycles);

    public static string Kind(string bottleneck) => bottleneck switch
    {
        _ when bottleneck.StartsWith("stage", StringComparison.Ordinal) => "the compute of a stage",
        _ when bottleneck.StartsWith("link ", StringComparison.Ordinal) => "a link of the network",
        _ when bottleneck.StartsWith("AGCU", StringComparison.Ordinal) => "an AGCU",
        _ when bottleneck.StartsWith("pipeline", StringComparison.Ordinal) => "pipeline latency",
        _ => bottleneck,
    };

    private static string Count(int sections) => sections == 1 ? "1 section" : $"{sections} sections";

    public static string Percent(double share) => (share * 100).ToString("F1", CultureInfo.InvariantCulture) + "%";

    private static string Megabytes(long bytes) => (bytes / 1e6).ToString("F3", CultureInfo.InvariantCulture);

    public static string Milliseconds(double seconds) => (seconds * 1e3).ToString("F3", CultureInfo.InvariantCulture);
}
