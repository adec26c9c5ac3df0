using System.Diagnostics;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Templates;

namespace RduEmu.Emulator.Reports;

/// <summary>A stage of a run on the host, per step and over all workers.</summary>
/// <param name="Section">Name of its section.</param>
/// <param name="Name">The nodes that it computes.</param>
/// <param name="BusySeconds">Time of all workers in it.</param>
/// <param name="WaitSeconds">Time that workers waited for each other behind it.</param>
/// <param name="Operations">Floating-point operations: an FMA counts two, everything else one.</param>
/// <param name="Bytes">What its operands have, each once, wherever they lie: in memory or in a cache.</param>
/// <param name="RooflineShare">The least time that the machine could need, by arithmetic or by memory, over the time that was needed.</param>
public sealed record HostStageRow(string Section, string Name, double BusySeconds, double WaitSeconds, double Operations, double Bytes, double RooflineShare)
{
    /// <summary>Of one worker.</summary>
    public double GflopsPerWorker => Operations / BusySeconds / 1e9;

    /// <summary>Of one worker.</summary>
    public double GBPerSecondPerWorker => Bytes / BusySeconds / 1e9;
}

/// <summary>A section of a run on the host, per step.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Seconds">From its first stage to its last.</param>
/// <param name="BusyShare">Of the time of all workers, what they computed.</param>
/// <param name="Operations">Floating-point operations.</param>
public sealed record HostSectionRow(string Name, double Seconds, double BusyShare, double Operations);

/// <summary>Where the time of a run on the host went, beside what the machine could do at most.</summary>
public sealed class HostProfileReport
{
    public HostProfileReport(CompiledProgram program, HostProfile profile, MachineCeiling ceiling, int steps)
    {
        Ceiling = ceiling;
        Steps = steps;
        var sections = new List<HostSectionRow>();
        var stages = new List<HostStageRow>();
        for (int i = 0; i < program.Step.Length; i++)
        {
            Section section = program.Step[i];
            WorkerSpan[] spans = [.. Enumerable.Range(0, profile.Workers).SelectMany(profile.Of).Where(span => ReferenceEquals(span.Section, section))];
            if (spans.Length == 0)
            {
                continue;
            }

            Dictionary<string, double> bytes = Bytes(program, program.Plan[i]);
            for (int pipeline = 0; pipeline < section.Pipelines.Length; pipeline++)
            {
                Pipeline of = section.Pipelines[pipeline];
                ILookup<int, WorkerSpan> byUnit = spans.Where(span => span.Pipeline == pipeline).ToLookup(span => span.Unit);
                for (int unit = 0; unit < of.Units.Length; unit++)
                {
                    stages.Add(Row(section, of, of.Units[unit], byUnit[unit], bytes));
                }
            }

            double busy = spans.Where(span => !span.IsWait).Sum(span => span.Seconds) / steps;
            double seconds = profile.Sections.Where(span => ReferenceEquals(span.Section, section)).Sum(span => span.Seconds) / steps;
            sections.Add(new HostSectionRow(
                section.Name, seconds, busy / (seconds * profile.Workers), section.Pipelines.Sum(of => of.Units.Sum(unit => (double)unit.OperationsPerItem * of.Items))));
        }

        Sections = sections;
        Stages = stages;
    }

    public MachineCeiling Ceiling { get; }

    /// <summary>Steps that were recorded.</summary>
    public int Steps { get; }

    /// <summary>In the order in which they ran.</summary>
    public IReadOnlyList<HostSectionRow> Sections { get; }

    /// <summary>In the order in which they ran.</summary>
    public IReadOnlyList<HostStageRow> Stages { get; }

    /// <summary>The recorded run as Chrome trace events, in real microseconds, a track for each worker.</summary>
    public static byte[] Trace(HostProfile profile, string title)
    {
        using var trace = new TraceEvents($"{title} on the host (measured)", ("unit", "microseconds, measured"), ("title", title));
        long start = Enumerable.Range(0, profile.Workers).SelectMany(profile.Of).Select(span => span.BeginTicks).DefaultIfEmpty().Min();
        for (int worker = 0; worker < profile.Workers; worker++)
        {
            trace.Track(worker, $"worker {worker}");
            foreach (WorkerSpan span in profile.Of(worker))
            {
                trace.Slice(
                    worker, span.IsWait ? "waits" : span.Section.Pipelines[span.Pipeline].Units[span.Unit].Name,
                    Microseconds(span.BeginTicks - start), Microseconds(span.EndTicks - span.BeginTicks),
                    ("section", span.Section.Name), ("pipeline", $"{span.Pipeline}"), ("tile", $"{span.Tile}"));
            }
        }

        return trace.ToBytes();
    }

    private static double Microseconds(long ticks) => Math.Round(ticks * 1e6 / Stopwatch.Frequency, 3);

    private HostStageRow Row(Section section, Pipeline pipeline, ConfiguredUnit unit, IEnumerable<WorkerSpan> spans, Dictionary<string, double> bytesOf)
    {
        double busy = spans.Where(span => !span.IsWait).Sum(span => span.Seconds) / Steps;
        double wait = spans.Where(span => span.IsWait).Sum(span => span.Seconds) / Steps;
        double operations = (double)unit.OperationsPerItem * pipeline.Items;
        double bytes = bytesOf.GetValueOrDefault(unit.Name);
        double least = Math.Max(operations / (Ceiling.PeakGflops / Ceiling.Threads), bytes / (Ceiling.BandwidthGBs / Ceiling.Threads)) / 1e9;
        return new HostStageRow(section.Name, unit.Name, busy, wait, operations, bytes, least / busy);
    }

    /// <summary>Bytes of the values that each stage reads and writes, by its name.</summary>
    private static Dictionary<string, double> Bytes(CompiledProgram program, SectionPlan plan)
    {
        var bytes = new Dictionary<string, double>();
        foreach (Stage stage in plan.Pipelines.SelectMany(pipeline => pipeline.Stages))
        {
            bytes[stage.Name] = bytes.GetValueOrDefault(stage.Name)
                + stage.Inputs.Concat(stage.Outputs).Distinct().Sum(value => (double)BytesOf(program, value));
        }

        return bytes;
    }

    private static long BytesOf(CompiledProgram program, ValueId value)
    {
        long bytes = program.Graph[value].Type.CountWords * sizeof(int);
        return program.Operands.TryGetValue(value, out Kernels.Memory.Operand operand) && operand.IsPaired ? bytes / 2 : bytes;
    }
}
