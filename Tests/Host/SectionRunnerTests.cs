using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Map;

namespace RduEmu.Tests.Host;

/// <summary>A chain of two units through scratch, against the interpreter on the arena.</summary>
[TestFixture]
public sealed unsafe class SectionRunnerTests
{
    private const int Columns = 37;

    [Test]
    public void Chain_IsTheSameForEveryThreadCountAndTile(
        [Values(1, 2, 3)] int workers, [Values(1, 7, 64, 100)] int tileItems)
    {
        const int items = 100;
        using var arena = new HostArena(3L * items * Columns * sizeof(float));
        Fill(arena, items);
        Interpret(arena, items);
        uint[] expected = Output(arena, items);
        ClearOutput(arena, items);

        using var team = new WorkerTeam(workers);
        Section section = Chain(items, tileItems);
        using var runner = new SectionRunner(team, arena, section.ScratchBytes);
        runner.PoisonScratch(0xFF);
        runner.Run(section);

        Assert.That(Output(arena, items), Is.EqualTo(expected));
        Assert.That(expected, Has.Some.Not.Zero);
    }

    /// <summary>Every tile is run once, in an order of its own, and the bits are the same.</summary>
    [Test]
    public void ScrambledTiles_GiveTheSameBits([Values(1, 2)] int workers, [Values(1, 2, 5, 1000003)] int seed)
    {
        const int items = 100;
        using var arena = new HostArena(3L * items * Columns * sizeof(float));
        Fill(arena, items);
        Interpret(arena, items);
        uint[] expected = Output(arena, items);
        ClearOutput(arena, items);
        using var team = new WorkerTeam(workers);
        Section chain = Chain(items, tileItems: 7);
        var order = new OrderUnit();
        var section = new Section("scrambled", [.. chain.Pipelines.Select(pipeline => pipeline with { Units = [.. pipeline.Units, order] })]);
        using var runner = new SectionRunner(team, arena, section.ScratchBytes);
        runner.PoisonScratchRandomly(seed);
        runner.ScrambleTiles(seed);
        runner.Run(section);

        Assert.That(Output(arena, items), Is.EqualTo(expected));
        Assert.That(order.Begins, Is.EquivalentTo(Enumerable.Range(0, 15).Select(tile => 7 * tile)));
        Assert.That(order.Begins, Is.Not.Ordered);
    }

    [Test]
    public void SteadyState_AllocatesNothing([Values(1, 2)] int workers)
    {
        const int items = 64;
        using var arena = new HostArena(3L * items * Columns * sizeof(float));
        Fill(arena, items);
        using var team = new WorkerTeam(workers);
        Section section = Chain(items, tileItems: 8);
        using var runner = new SectionRunner(team, arena, section.ScratchBytes);
        for (int i = 0; i < 100; i++)
        {
            runner.Run(section);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            runner.Run(section);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    /// <summary>Jobs with pauses in which some workers fall asleep and others do not; a lost wake-up would never end.</summary>
    [Test, CancelAfter(60_000)]
    public void Team_WakesEveryWorker_AfterPausesOfAnyLength(CancellationToken cancellation)
    {
        using var team = new WorkerTeam(4);
        var work = new CountingWork();
        for (int i = 0; i < 3000; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            team.Run(work);
            Thread.SpinWait(i % 64 * 50);
        }

        Assert.That(work.Count, Is.EqualTo(4 * 3000));
    }

    [Test]
    public void AFailingUnit_IsReported_AndTheTeamGoesOn([Values(1, 2)] int workers, [Values(1, 4)] int tileItems)
    {
        const int items = 4;
        using var arena = new HostArena(3L * items * Columns * sizeof(float));
        using var team = new WorkerTeam(workers);
        var failing = new Section("failing", [new Pipeline([new FailingUnit()], items, tileItems, 0)]);
        using var runner = new SectionRunner(team, arena, Chain(items, items).ScratchBytes);

        Assert.Throws<AggregateException>(() => runner.Run(failing));
        Assert.DoesNotThrow(() => runner.Run(Chain(items, items)));
    }

    [Test]
    public void PiecesOfASharedTile_AreAllTaken_EachOnce([Values(1, 2, 3)] int workers, [Values(0, 40_000_000)] long operations)
    {
        const int columns = 997;
        using var arena = new HostArena(64);
        using var team = new WorkerTeam(workers);
        using var runner = new SectionRunner(team, arena, 0);
        var pieces = new PieceUnit(columns, operations);
        var section = new Section("pieces", [new Pipeline([pieces, new OrderUnit(), pieces], 1, 1, 0)]);
        const int runs = 50;
        for (int run = 0; run < runs; run++)
        {
            runner.Run(section);
        }

        Assert.That(pieces.Times, Is.All.EqualTo(2 * runs));
        Assert.That(pieces.Calls, workers > 1 && operations > 0 ? Is.GreaterThan(2 * runs * workers) : Is.LessThanOrEqualTo(2 * runs * workers));
    }

    [Test]
    public void AProfile_HasASpanForEveryUnitAndTile_AndLeavesTheBitsAlone([Values(1, 2)] int workers, [Values(1, 3, 8)] int tileItems)
    {
        const int items = 8;
        using var arena = new HostArena(3L * items * Columns * sizeof(float));
        Fill(arena, items);
        using var team = new WorkerTeam(workers);
        Section chain = Chain(items, tileItems);
        using var runner = new SectionRunner(team, arena, chain.ScratchBytes);
        runner.Run(chain);
        uint[] expected = Output(arena, items);
        ClearOutput(arena, items);

        runner.Profile = new HostProfile(workers);
        runner.Run(chain);
        WorkerSpan[] spans = [.. Enumerable.Range(0, workers).SelectMany(runner.Profile.Of)];

        Assert.That(Output(arena, items), Is.EqualTo(expected));
        Assert.That(runner.Profile.Sections, Has.Count.EqualTo(1));
        SectionSpan section = runner.Profile.Sections[0];
        Assert.That(spans, Is.All.Matches<WorkerSpan>(span => span.BeginTicks >= section.BeginTicks && span.BeginTicks <= span.EndTicks && span.EndTicks <= section.EndTicks));
        int tiles = chain.Pipelines[0].TileCount;
        Assert.That(
            spans.Where(span => !span.IsWait).Select(span => (span.Unit, span.Tile)).Distinct(),
            Is.EquivalentTo(Enumerable.Range(0, 2).SelectMany(unit => Enumerable.Range(0, tiles).Select(tile => (unit, tile)))));
        Assert.That(spans.Count(span => span.IsWait), Is.EqualTo(tiles == 1 && workers > 1 ? workers : 0));

        runner.Profile.Clear();
        Assert.That(runner.Profile.Of(0), Is.Empty);
    }

    [Test]
    public void ArenaLargerThanItsLimit_IsRefused()
    {
        RduException error = Assert.Throws<RduException>(() => new HostArena(2000, limitBytes: 1000).Dispose())!;

        Assert.That(error.Id, Is.SameAs(ErrorCatalogue.MemoryExceeded));
    }

    [Test]
    public void MappedArena_HoldsWhatIsWritten_AndBadFoldersAreRefused()
    {
        string path = Path.Combine(Path.GetTempPath(), $"rdu-{Guid.NewGuid():N}.arena");
        try
        {
            using (var arena = new HostArena(1 << 20, path))
            {
                Assert.That(arena.IsMapped);
                arena.Start[(1 << 20) - 1] = 42;
            }

            Assert.That(File.ReadAllBytes(path)[^1], Is.EqualTo(42));
        }
        finally
        {
            File.Delete(path);
        }

        RduException error = Assert.Throws<RduException>(() => new HostArena(16, Path.Combine(path, "no", "such")).Dispose())!;
        Assert.That(error.Id, Is.SameAs(ErrorCatalogue.OutputNotWritten));
    }

    private static Section Chain(int items, int tileItems)
    {
        var between = new Operand(0, Columns, OperandSpace.Scratch);
        return new Section("chain", [new Pipeline([Doubled(items, between), Shifted(items, between)], items, tileItems, (long)tileItems * Columns * sizeof(float))]);
    }

    private static void Interpret(HostArena arena, int items)
    {
        var between = new Operand((long)items * Columns, Columns);
        var memory = new InterpreterMemory(arena.Start, arena.LengthBytes);
        Doubled(items, between).Interpret(memory, items);
        Shifted(items, between).Interpret(memory, items);
    }

    private static MapUnit<Binary<AddFunction, Full<S0>, Full<S0>>> Doubled(int items, Operand output) =>
        new("double", 1, Columns, output, new ProgramBinding([new Operand(0, Columns)], [SlotAccess.Full]), 1);

    private static MapUnit<Binary<SubFunction, Full<S0>, Full<S1>>> Shifted(int items, Operand input) =>
        new("shift", 1, Columns, new Operand(2L * items * Columns, Columns), new ProgramBinding([input, new Operand(0, Columns)], [SlotAccess.Full, SlotAccess.Full]), 1);

    private static void Fill(HostArena arena, int items)
    {
        var random = new Random(3);
        for (int i = 0; i < items * Columns; i++)
        {
            ((float*)arena.Start)[i] = random.NextSingle() - 0.5f;
        }
    }

    private static uint[] Output(HostArena arena, int items) =>
        new Span<uint>((uint*)arena.Start + 2L * items * Columns, items * Columns).ToArray();

    private static void ClearOutput(HostArena arena, int items) =>
        new Span<uint>((uint*)arena.Start + 2L * items * Columns, items * Columns).Clear();

    private sealed class CountingWork : ITeamWork
    {
        private int _count;

        public int Count => _count;

        public void Run(int worker) => Interlocked.Increment(ref _count);
    }

    private sealed class FailingUnit() : ConfiguredUnit("fails", 1)
    {
        public override bool SplitsColumns => true;

        public override long OperationsPerItem => 0;

        public override void Interpret(InterpreterMemory memory, int items) => throw new InvalidOperationException("on purpose");

        public override void Run(in HostTile tile) => throw new InvalidOperationException("on purpose");

        public override void Launch(KernelLauncher launcher, int items) => throw new InvalidOperationException("on purpose");
    }

    /// <summary>Notes which tiles it is given.</summary>
    private sealed class OrderUnit() : ConfiguredUnit("order", 1)
    {
        private readonly List<int> _begins = [];

        public IReadOnlyList<int> Begins => _begins;

        public override long OperationsPerItem => 0;

        public override void Interpret(InterpreterMemory memory, int items)
        {
        }

        public override void Run(in HostTile tile)
        {
            lock (_begins)
            {
                _begins.Add(tile.ItemBegin);
            }
        }

        public override void Launch(KernelLauncher launcher, int items)
        {
        }
    }

    /// <summary>Counts how often each of its columns is computed.</summary>
    private sealed class PieceUnit(int columns, long operations) : ConfiguredUnit("pieces", 1)
    {
        private readonly int[] _times = new int[columns];
        private int _calls;

        public IReadOnlyList<int> Times => _times;

        public int Calls => _calls;

        public override bool SplitsColumns => true;

        public override bool SplitsFinely => true;

        public override long OperationsPerItem => operations;

        public override void Interpret(InterpreterMemory memory, int items)
        {
        }

        public override void Run(in HostTile tile)
        {
            Interlocked.Increment(ref _calls);
            tile.Share(columns, 1, out int begin, out int end);
            for (int column = begin; column < end; column++)
            {
                Interlocked.Increment(ref _times[column]);
            }
        }

        public override void Launch(KernelLauncher launcher, int items)
        {
        }
    }
}
