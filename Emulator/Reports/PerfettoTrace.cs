using System.Text.Encodings.Web;
using System.Text.Json;
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
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("displayTimeUnit", "ns");
            json.WriteStartObject("otherData");
            json.WriteString("unit", "modelled cycles: one microsecond of the viewer is one cycle");
            json.WriteString("target", report.Spec.Name);
            json.WriteString("title", report.Title);
            json.WriteEndObject();
            json.WriteStartArray("traceEvents");
            Name(json, "process_name", 0, $"{report.Title} on {report.Spec.Name} (modelled cycles)");
            Name(json, "thread_name", SectionTrack, "sections (modelled cycles)");
            int tracks = report.Stages.Length == 0 ? 0 : report.Stages.Max(row => row.Id) + 1;
            for (int i = 0; i < tracks; i++)
            {
                Name(json, "thread_name", FirstStageTrack + i, $"stage {i} (modelled cycles)");
            }

            ILookup<int, StageRow> stages = report.Stages.ToLookup(row => row.Section);
            foreach (SectionRow row in report.Sections)
            {
                Section(json, report, row, stages[row.Id]);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private static void Section(Utf8JsonWriter json, ProgramReport report, SectionRow row, IEnumerable<StageRow> stages)
    {
        long execution = row.StartCycles + row.ProgramLoadCycles + row.ArgumentLoadCycles + row.LaunchCycles;
        Slice(json, SectionTrack, $"{row.Id} {row.Name}", row.StartCycles, row.LatencyCycles, [
            ("type", row.Type), ("bottleneck", row.Bottleneck), ("iterations", $"{row.Iterations}"), ("PCUs", $"{row.PcuCount}"), ("PMUs", $"{row.PmuCount}"),
        ]);
        if (row.ProgramLoadCycles > 0)
        {
            Slice(json, SectionTrack, "program load", row.StartCycles, row.ProgramLoadCycles, []);
        }

        Slice(json, SectionTrack, "argument load", row.StartCycles + row.ProgramLoadCycles, row.ArgumentLoadCycles, []);
        SectionRun run = report.Timing.Sections[row.Id];
        foreach (StageRow stage in stages)
        {
            Slice(json, FirstStageTrack + stage.Id, stage.Name, execution + stage.FirstStartCycles, stage.LastEndCycles - stage.FirstStartCycles, [
                ("section", $"{row.Id}"), ("template", stage.Template), ("iterations", $"{stage.Iterations}"), ("cycles of an iteration", $"{stage.LatencyCyclesPerIteration}"),
                ("busy cycles", $"{stage.BusyCycles}"), ("waited for input", $"{stage.WaitedForInputCycles}"), ("waited for room", $"{stage.WaitedForRoomCycles}"),
            ]);
        }

        double cyclesPerSecond = report.Spec.ClockHertz;
        Counter(json, "memory GB/s", execution, run.Execution.Resources[0].Bytes.Count / Math.Max(1.0, run.Execution.Total.Count) * cyclesPerSecond / 1e9);
        Counter(json, "memory GB/s", execution + run.Execution.Total.Count, 0);
    }

    private static void Name(Utf8JsonWriter json, string kind, int thread, string name)
    {
        json.WriteStartObject();
        json.WriteString("ph", "M");
        json.WriteString("name", kind);
        json.WriteNumber("pid", 0);
        json.WriteNumber("tid", thread);
        json.WriteStartObject("args");
        json.WriteString("name", name);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Slice(Utf8JsonWriter json, int thread, string name, long start, long length, ReadOnlySpan<(string Name, string Value)> arguments)
    {
        json.WriteStartObject();
        json.WriteString("ph", "X");
        json.WriteString("name", name);
        json.WriteNumber("pid", 0);
        json.WriteNumber("tid", thread);
        json.WriteNumber("ts", start);
        json.WriteNumber("dur", length);
        json.WriteStartObject("args");
        foreach ((string argument, string value) in arguments)
        {
            json.WriteString(argument, value);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Counter(Utf8JsonWriter json, string name, long at, double value)
    {
        json.WriteStartObject();
        json.WriteString("ph", "C");
        json.WriteString("name", name);
        json.WriteNumber("pid", 0);
        json.WriteNumber("ts", at);
        json.WriteStartObject("args");
        json.WriteNumber("value", Math.Round(value, 3));
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
