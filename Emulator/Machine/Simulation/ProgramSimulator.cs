using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.Fabric;
using RduEmu.Emulator.Machine.Spec;
using RduEmu.Emulator.Machine.Time;
using RduEmu.Emulator.Machine.Units;

namespace RduEmu.Emulator.Machine.Simulation;

/// <summary>One section in the course of the program.</summary>
/// <param name="Start">When its program load begins.</param>
/// <param name="ProgramLoad">Configuration of the units; none where the section before had the same.</param>
/// <param name="ArgumentLoad">Addresses and scalars.</param>
/// <param name="Launch">From the end of the section before to its own start, beside the loads.</param>
/// <param name="Execution">What the event simulation found.</param>
public sealed record SectionRun(PlacedSection Placed, Cycles Start, Cycles ProgramLoad, Cycles ArgumentLoad, Cycles Launch, SectionTiming Execution)
{
    public Cycles Total => ProgramLoad + ArgumentLoad + Launch + Execution.Total;
}

/// <summary>A program's time on a machine.</summary>
/// <param name="Tiles">Tiles of the RDU that the program has.</param>
/// <param name="Memory">Sustained bandwidth of the memory for the program.</param>
/// <param name="Simulated">What was simulated for each layout.</param>
/// <param name="Rdu">All sections one after the other.</param>
/// <param name="AllReduce">How long the optimizer waits for the gradients of the other sockets: what did not hide behind the backward pass; of RDUs that share a graph, for all their exchanges.</param>
/// <param name="AllReduceWork">How long the links are busy with gradients in all.</param>
/// <param name="Interval">
/// Of a program that stays on the chip, from batch to batch as they follow each other, weights being there already; else null.
/// </param>
/// <param name="HostTransfer">Inputs and outputs over PCIe; the next step's transfer overlaps this step's sections.</param>
public sealed record ProgramTiming(
    RduSpec Spec,
    PlacedProgram Program,
    long Tiles,
    BytesPerCycle Memory,
    long Sockets,
    ImmutableArray<SectionProgram> Simulated,
    ImmutableArray<SectionRun> Sections,
    Cycles Rdu,
    Cycles AllReduce,
    Cycles AllReduceWork,
    Cycles? Interval,
    Cycles HostTransfer)
{
    /// <summary>What goes over each link in a step of RDUs that share a graph.</summary>
    public ImmutableArray<LinkTraffic> Traffic { get; init; } = [];

    /// <summary>Samples of a step where RDUs share one graph; null where each has its own part of the batch.</summary>
    public long? SharedSamples { get; init; }

    /// <summary>Samples of a step, of all RDUs together.</summary>
    public long Samples => SharedSamples ?? (Program.Graph.Samples * Sockets);

    /// <summary>The same for RDUs that share a graph, of which this is the busiest: they wait for exchanges instead of an all-reduce.</summary>
    /// <param name="samples">Of a step.</param>
    /// <param name="traffic">Of a step.</param>
    public ProgramTiming WithExchanges(long samples, ExchangeTraffic traffic) => this with
    {
        SharedSamples = samples,
        Traffic = traffic.Links,
        AllReduce = new TrafficModel(Spec).StepTime(traffic.Links, traffic.Rounds),
        AllReduceWork = new TrafficModel(Spec).StepTime(traffic.Links, traffic.Rounds),
        Interval = null,
    };

    /// <summary>From step to step in the steady state: host transfers hide behind sections where they are shorter.</summary>
    public Cycles Step => Cycles.Max(Interval ?? Rdu + AllReduce, HostTransfer);

    public double Seconds => Step.Seconds(Spec.ClockHertz);

    /// <summary>Samples of all sockets together.</summary>
    public double SamplesPerSecond => Samples / Seconds;
}

/// <summary>
/// Times a placed program: each layout once by the event simulation, in parallel, for layouts share nothing; then sections one after
/// the other with their loads, as in the steady state: the step before was the same.
/// </summary>
/// <param name="sockets">RDUs, or parts of RDUs, that run the same program on their shares of the batch.</param>
/// <param name="isShared">True if other programs run on the RDU's other tiles: they share memory channels and PCIe.</param>
public sealed class ProgramSimulator(RduSpec spec, PlacedProgram program, long sockets = 1, bool isShared = false)
{
    /// <summary>Gradients are summed in binary32.</summary>
    private const long GradientBytes = 4;

    private readonly long _tiles = Math.Min(spec.Chip.Tiles, (long)program.Resources.TileRows * program.Resources.TileColumns);

    /// <summary>Threads that simulate layouts; no cycle depends on them.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    private BytesPerCycle Memory => spec.MemoryBandwidth(_tiles, isShared);

    /// <exception cref="Kernels.Errors.RduException">RDU0602: a section waits for itself.</exception>
    public ProgramTiming Run(CancellationToken cancellation = default)
    {
        int layouts = program.Layouts.Count;
        var builder = new SectionBuilder(spec, _tiles, Memory);
        var first = new PlacedSection?[layouts];
        foreach (PlacedSection section in program.Sections)
        {
            first[section.Layout] ??= section;
        }

        var simulated = new SectionProgram[layouts];
        var timings = new SectionTiming[layouts];
        var faults = new Exception?[layouts];
        Parallel.For(0, layouts, new ParallelOptions { MaxDegreeOfParallelism = Threads, CancellationToken = cancellation }, i =>
        {
            try
            {
                simulated[i] = builder.Build(first[i]!.Section, program.Layouts[i]);
                timings[i] = SectionSimulator.Run(simulated[i]);
            }
            catch (Kernels.Errors.RduException error)
            {
                faults[i] = error;
            }
        });
        if (Array.Find(faults, fault => fault is not null) is { } fault)
        {
            // The first by number, whichever thread came to it.
            throw fault;
        }

        // A prediction of one section stays on the chip and takes batch after batch; of several the first finds the last one's configuration.
        bool stays = program.Sections.Count == 1 && program.Sections[0].Section.DramTransfers.All(transfer => transfer.Timing != DramTiming.AfterLast);
        var runs = new List<SectionRun>();
        Cycles now = Cycles.Zero;
        Cycles load = spec.ProgramLoad;
        int configured = program.Sections.Count == 0 ? -1 : program.Sections[program.Sections.Count - 1].Layout;
        foreach (PlacedSection section in program.Sections)
        {
            var run = new SectionRun(
                section, now, section.Layout == configured ? Cycles.Zero : load, stays ? Cycles.Zero : new Cycles(spec.Load.ArgumentCycles),
                stays ? Cycles.Zero : new Cycles(spec.Load.LaunchCycles), timings[section.Layout]);
            configured = section.Layout;
            runs.Add(run);
            now += run.Total;
        }

        (Cycles work, Cycles exposed) = AllReduce(runs);
        return new ProgramTiming(spec, program, _tiles, Memory, sockets, [.. simulated], [.. runs], now, exposed, work, stays ? IntervalOf(builder) : null, HostTransfer(stays));
    }

    /// <summary>
    /// Gradients over the sockets: those of a section go over the links as soon as it has ended, while the sections before it in the model
    /// still compute theirs; the optimizer waits for the last of them.
    /// </summary>
    /// <returns>What the links do in all, and how long the optimizer waits for them.</returns>
    private (Cycles Work, Cycles Exposed) AllReduce(IReadOnlyList<SectionRun> runs)
    {
        Cycles work = Cycles.Zero;
        Cycles free = Cycles.Zero;
        Cycles last = Cycles.Zero;
        foreach (SectionRun run in sockets > 1 ? runs : [])
        {
            Cycles cycles = Exchange(run.Placed.Section);
            if (cycles > Cycles.Zero)
            {
                last = run.Start + run.Total;
                free = Cycles.Max(free, last) + cycles;
                work += cycles;
            }
        }

        return (work, free - last);
    }

    private Cycles Exchange(MachineSection section)
    {
        var collectives = new CollectiveModel(spec);
        Cycles cycles = Cycles.Zero;
        if (section.Stages.All(stage => stage.Part == stage.Parts - 1))
        {
            IEnumerable<MachineOperator> operators = section.Operators.Select(index => program.Graph.Operators[index]);
            foreach (MachineWork work in operators.Where(op => op.Phase != Phase.Forward).Select(op => op.Work))
            {
                // Rows of tables that take their gradient where they lie go to all others; sums over the batch are added.
                cycles += work.IndexedRowBytes > 0 ? collectives.AllGather(new Bytes(work.OutputBytes), sockets)
                    : work.AccumulatesSamples ? collectives.AllReduce(new Bytes(work.OutputBytes / program.Options.ElementBytes * GradientBytes), sockets)
                    : Cycles.Zero;
            }
        }

        return cycles;
    }

    /// <summary>Cycles of one batch more, where so many have followed each other that the pipeline is in its steady state.</summary>
    private Cycles IntervalOf(SectionBuilder builder)
    {
        const long Batches = 256;
        MachineSection section = program.Sections[0].Section;
        SectionLayout layout = program.Layouts[program.Sections[0].Layout];
        Cycles Total(long batches) => SectionSimulator.Run(builder.Build(section, layout, batches)).Total;
        return new Cycles(UnitModel.CeilDiv((Total(2 * Batches) - Total(Batches)).Count, Batches));
    }

    /// <param name="isQueued">True if the host has handed over the next batches already: then its latency is hidden.</param>
    private Cycles HostTransfer(bool isQueued)
    {
        long inputs = program.Graph.Tensors.Where(tensor => tensor.Role == ValueRole.Input).Sum(tensor => tensor.Bytes);
        long outputs = program.Graph.Outputs.Sum(output => program.Graph.Tensors[output].Bytes);
        Cycles latency = isQueued ? Cycles.Zero : spec.FromNanoseconds(spec.Host.LatencyNanoseconds);
        BytesPerCycle link = spec.HostBandwidth(isShared ? _tiles : spec.Chip.Tiles);
        return link.CyclesFor(new Bytes(inputs)) + link.CyclesFor(new Bytes(outputs)) + (latency * 2);
    }
}
