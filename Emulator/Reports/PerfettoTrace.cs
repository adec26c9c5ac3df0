using RduEmu.Emulator.Machine.Simulation;

namespace RduEmu.Emulator.Reports;

/// <summary>
/// The program as Chrome trace events, which Perfetto opens. Its unit is the modelled cycle: a viewer that says "us" means cycles,
/// and every track says so.
/// </summary>
internal static class PerfettoTrace
{
    private const int SectionTrack = 1;

    /// <summary>Stages have their tracks by depth in the pipeline, from here.</summary>
    private const int FirstStageTrack = 10;

    public static byte[] Write(ProgramReport report)
    {
        using var trace = new TraceEvents(
            $"{report.Title} on {report.Spec.Name} (modelled cycles)",
            ("unit", "modelled cycles: one microsecond of the viewer is one cycle"), ("target", report.Spec.Name), ("title", report.Title));
        trace.Track(SectionTrack, "sections (modelled cycles)");
        int tracks = report.Stages.Length == 0 ? 0 : report.Stages.Max(row => row.Id) + 1;
        for (int i = 0; i < tracks; i++)
        {
            trace.Track(FirstStageTrack + i, $"stage {i} (modelled cycles)");
        }

        ILookup<int, StageRow> stages = report.Stages.ToLookup(row => row.Section);
        foreach (SectionRow row in report.Sections)
        {
            Section(trace, report, row, stages[row.Id]);
        }

        return trace.ToBytes();
    }

    private static void Section(TraceEvents trace, ProgramReport report, SectionRow row, IEnumerable<StageRow> stages)
    {
        long execution = row.StartCycles + row.ProgramLoadCycles + row.ArgumentLoadCycles + row.LaunchCycles;
        trace.Slice(
            SectionTrack, $"{row.Id} {row.Name}", row.StartCycles, row.LatencyCycles,
            ("type", row.Type), ("bottleneck", row.Bottleneck), ("iterations", $"{row.Iterations}"), ("PCUs", $"{row.PcuCount}"), ("PMUs", $"{row.PmuCount}"));
        if (row.ProgramLoadCycles > 0)
        {
            trace.Slice(SectionTrack, "program load", row.StartCycles, row.ProgramLoadCycles);
        }

        trace.Slice(SectionTrack, "argument load", row.StartCycles + row.ProgramLoadCycles, row.ArgumentLoadCycles);
        SectionRun run = report.Timing.Sections[row.Id];
        foreach (StageRow stage in stages)
        {
            trace.Slice(
                FirstStageTrack + stage.Id, stage.Name, execution + stage.FirstStartCycles, stage.LastEndCycles - stage.FirstStartCycles,
                ("section", $"{row.Id}"), ("template", stage.Template), ("iterations", $"{stage.Iterations}"), ("cycles of an iteration", $"{stage.LatencyCyclesPerIteration}"),
                ("busy cycles", $"{stage.BusyCycles}"), ("waited for input", $"{stage.WaitedForInputCycles}"), ("waited for room", $"{stage.WaitedForRoomCycles}"));
        }

        double cyclesPerSecond = report.Spec.ClockHertz;
        trace.Counter("memory GB/s", execution, run.Execution.Resources[0].Bytes.Count / Math.Max(1.0, run.Execution.Total.Count) * cyclesPerSecond / 1e9);
        trace.Counter("memory GB/s", execution + run.Execution.Total.Count, 0);
    }
}
