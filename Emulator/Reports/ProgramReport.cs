using System.Collections.Immutable;
using System.Globalization;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.Machine.Simulation;
using RduEmu.Emulator.Machine.Spec;
using RduEmu.Emulator.Machine.Units;

namespace RduEmu.Emulator.Reports;

/// <summary>Everything that reports show, as rows: a function of the timing alone.</summary>
public sealed record ProgramReport(
    string Title,
    ProgramTiming Timing,
    ImmutableArray<SectionRow> Sections,
    ImmutableArray<StageRow> Stages,
    ImmutableArray<BandwidthRow> Bandwidths,
    ImmutableArray<PathRow> Paths)
{
    private const double Giga = 1e9;

    /// <summary>Busy less than this and nothing is the bottleneck but the length of the pipeline.</summary>
    private const double BusyShare = 0.5;

    public RduSpec Spec => Timing.Spec;

    /// <param name="title">Model, preset and what is computed, for people.</param>
    public static ProgramReport Of(string title, ProgramTiming timing)
    {
        var sections = new List<SectionRow>();
        var stages = new List<StageRow>();
        var bandwidths = new List<BandwidthRow>();
        var paths = new List<PathRow>();
        foreach (SectionRun run in timing.Sections)
        {
            int id = sections.Count;
            SectionProgram program = timing.Simulated[run.Placed.Layout];
            sections.Add(Section(id, timing, run, program));
            stages.AddRange(StageRows(id, timing, run));
            bandwidths.AddRange(BandwidthRows(id, timing, run));
            paths.AddRange(PathReport.Of(id, timing, run));
        }

        return new ProgramReport(title, timing, [.. sections], [.. stages], [.. bandwidths], [.. paths]);
    }

    private static SectionRow Section(int id, ProgramTiming timing, SectionRun run, SectionProgram program)
    {
        RduSpec spec = timing.Spec;
        MachineSection section = run.Placed.Section;
        long read = 0;
        long written = 0;
        for (int i = 0; i < program.Actors.Count; i++)
        {
            Actor actor = program.Actors[i];
            if (actor.Kind != ActorKind.Stage)
            {
                long bytes = actor.Uses[0].Bytes.Count * actor.Firings;
                read += actor.Kind == ActorKind.Load ? bytes : 0;
                written += actor.Kind == ActorKind.Store ? bytes : 0;
            }
        }

        double seconds = run.Total.Seconds(spec.ClockHertz);
        long pcus = timing.Tiles * spec.Chip.PcusPerTile;
        long pmus = timing.Tiles * spec.Chip.PmusPerTile;
        double busy = section.Stages.Sum(stage => (double)run.Execution.Actors[stage.Index].Busy.Count * stage.Pcus);
        (string bottleneck, double share) = Bottleneck(spec, run, program);
        return new SectionRow(
            id, 0, section.Name, section.Phase.ToString(), run.Placed.Layout, section.Iterations,
            timing.Program.Graph.Samples / seconds, run.Total.Count, seconds, run.Start.Count, run.ProgramLoad.Count, run.ArgumentLoad.Count, run.Launch.Count,
            run.Execution.Total.Count, read / seconds / Giga, written / seconds / Giga, section.Pmus, section.Pmus / (double)pmus, section.Pcus,
            section.Pcus / (double)pcus, busy / Math.Max(1, (double)run.Total.Count * pcus), section.Stages.Sum(stage => stage.Operations * section.Iterations), read + written,
            bottleneck, share);
    }

    /// <summary>What was busy for the largest share of the section.</summary>
    private static (string Name, double Share) Bottleneck(RduSpec spec, SectionRun run, SectionProgram program)
    {
        double total = Math.Max(1, run.Total.Count);
        (string Name, double Share) best = ("loads and launch", (run.ProgramLoad + run.ArgumentLoad + run.Launch).Count / total);
        for (int i = 0; i < program.Actors.Count; i++)
        {
            double share = run.Execution.Actors[i].Busy.Count / total;
            if (program.Actors[i].Kind == ActorKind.Stage && share > best.Share)
            {
                best = ($"stage {program.Actors[i].Owner}, {run.Placed.Section.Stages[program.Actors[i].Owner].Name}", share);
            }
        }

        for (int i = 0; i < program.Resources.Count; i++)
        {
            double share = run.Execution.Resources[i].Busy.Count / total;
            if (share > best.Share)
            {
                best = (Describe(spec, program.Resources[i]), share);
            }
        }

        return best.Share < BusyShare ? ($"pipeline latency (nothing is busy for more than {best.Share.ToString("P0", CultureInfo.InvariantCulture)}: {best.Name})", best.Share) : best;
    }

    private static string Describe(RduSpec spec, Resource resource) => resource.Kind switch
    {
        ResourceKind.Memory => spec.Hbm is null ? "DDR bandwidth" : "HBM bandwidth",
        ResourceKind.Fabric => "links between RDUs",
        _ => resource.Name,
    };

    private static IEnumerable<StageRow> StageRows(int id, ProgramTiming timing, SectionRun run)
    {
        MachineSection section = run.Placed.Section;
        MachineGraph graph = timing.Program.Graph;
        foreach (StagePlan stage in section.Stages)
        {
            ActorTiming actor = run.Execution.Actors[stage.Index];
            IEnumerable<MachineOperator> operators = stage.Operators.Select(index => graph.Operators[index]);
            int buffers = section.Streams.Where(stream => stream.Consumer == stage.Index).Sum(stream => stream.Pmus);
            yield return new StageRow(
                id, stage.Depth, stage.Index,
                string.Join(' ', section.Streams.Where(stream => stream.Consumer == stage.Index).Select(stream => stream.Producer).Distinct()),
                stage.Template.ToString(), stage.Name, string.Join(' ', operators.Select(op => op.Name)), string.Join(' ', operators.Select(op => op.Operator)),
                actor.Firings == 0 ? 0 : (actor.Busy + actor.WaitedForResource).Count / actor.Firings, actor.Firings, stage.Pcus,
                stage.WeightPmus + stage.AccumulatorPmus + buffers, actor.Busy.Count, actor.WaitedForInput.Count, actor.WaitedForRoom.Count,
                actor.WaitedForResource.Count, actor.FirstStart.Count, actor.LastEnd.Count);
        }
    }

    private static IEnumerable<BandwidthRow> BandwidthRows(int id, ProgramTiming timing, SectionRun run)
    {
        RduSpec spec = timing.Spec;
        MachineSection section = run.Placed.Section;
        SectionLayout layout = timing.Program.LayoutOf(run.Placed);
        var pmus = new PmuModel(spec);
        ILookup<(UnitRole, int), PlacedUnit> units = layout.Units.ToLookup(unit => (unit.Role, unit.Owner));
        ILookup<int, Route> from = layout.Routes.Where(route => route.Network == Network.Vector).ToLookup(route => route.Source);
        long passes = Math.Max(1, section.Iterations);
        double interval = Math.Max(1, run.Execution.Total.Count) / (double)passes;
        foreach (StreamPlan stream in section.Streams)
        {
            PlacedUnit[] buffer = [.. units[(UnitRole.StreamBuffer, stream.Index)]];
            if (buffer.Length > 0)
            {
                double own = pmus.AccessCycles(new Machine.Time.Bytes(stream.BytesPerIteration), stream.Pmus, 0, isWrite: false).Count;
                yield return Row(
                    $"pmu{buffer[0].Site} of {buffer.Length}", $"stream {stream.Index}: {section.Stages[stream.Producer].Name} to {section.Stages[stream.Consumer].Name}",
                    stream.BytesPerIteration, own, section.Stages[stream.Consumer].Index, buffer, passes, 0);
            }
        }

        foreach (DramTransfer transfer in section.DramTransfers)
        {
            PlacedUnit[] ports = [.. units[(UnitRole.Port, transfer.Index)]];
            long count = transfer.Timing == DramTiming.PerIteration ? passes : 1;
            int actor = section.Stages.Count + transfer.Index;
            double own = new MemoryModel(spec, timing.Memory).CyclesFor(new Machine.Time.Bytes(transfer.Bytes)).Count;
            long padded = pmus.Padded(new Machine.Time.Bytes(transfer.Bytes), transfer.RequestBytes).Count - transfer.Bytes;
            long conflicts = Math.Max(0, padded) / (spec.Pcu.Lanes * 4) * count;
            yield return Row(
                ports.Length == 0 ? "agcu" : $"agcu{ports[0].Site} of {ports.Length}",
                $"{(transfer.Direction == DramDirection.Load ? "read" : "write")} {timing.Program.Graph.Tensors[transfer.Tensor].Name}", transfer.Bytes, own, actor, ports, count, conflicts);
        }

        BandwidthRow Row(string source, string what, long bytes, double ownCycles, int actor, PlacedUnit[] senders, long count, long conflicts)
        {
            ActorTiming took = run.Execution.Actors[actor];
            double each = took.Firings == 0 ? 0 : (took.Busy + took.WaitedForResource).Count / (double)took.Firings;
            double required = bytes * count / (interval * passes);
            int distance = senders.SelectMany(unit => from[unit.Index]).Select(route => route.Hops).DefaultIfEmpty(0).Max();
            return new BandwidthRow(
                id, source, what, required, required / spec.Network.VectorBytes, Math.Max(1, ownCycles <= 0 ? 1 : each / ownCycles), distance, count, count * timing.Sockets, conflicts);
        }
    }
}
