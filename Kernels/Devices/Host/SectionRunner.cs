using System.Collections.Immutable;
using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;

namespace RduEmu.Kernels.Devices.Host;

/// <summary>
/// Runs sections on a team of workers. Workers take tiles in whatever order; the bits do not depend on it, because no unit
/// adds across tiles. Where a section has a single tile, the workers share it and each computes its part of the columns.
/// Running a section again allocates nothing.
/// </summary>
public sealed unsafe class SectionRunner : ITeamWork, IDisposable
{
    private const nuint AlignmentBytes = 64;

    /// <summary>
    /// A shared tile that took this many times its best, and <see cref="StallTicks"/> more, waited for a worker that the system
    /// had taken off its core.
    /// </summary>
    private const int StallFactor = 8;

    private static readonly long StallTicks = Stopwatch.Frequency / 10_000;

    /// <summary>How long small sections then run on one worker: some time slices of a busy system.</summary>
    private static readonly long AloneTicks = Stopwatch.Frequency / 50;

    /// <summary>Parts for each worker, at most, of a unit whose parts workers take as they become ready.</summary>
    private const int PartsPerWorker = 16;

    /// <summary>Least operations of a part: some 20 us, against which taking it costs nothing.</summary>
    private const long PartOperations = 2_000_000;

    private readonly Dictionary<Section, long> _bestTicks = new(ReferenceEqualityComparer.Instance);
    private readonly WorkerTeam _team;
    private readonly HostArena _arena;
    private readonly byte*[] _scratch;
    private Section? _section;

    /// <summary>For each unit of a shared tile the parts that were taken.</summary>
    private int[] _taken = [];
    private int _nextTile;
    private int _allTiles;
    private int _tileStride = 1;
    private int _scramble;
    private long _aloneUntil;

    /// <param name="team">The workers.</param>
    /// <param name="arena">Where arena operands live.</param>
    /// <param name="scratchBytes">Scratch of each worker: the largest that a section needs.</param>
    public SectionRunner(WorkerTeam team, HostArena arena, long scratchBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(scratchBytes);
        _team = team;
        _arena = arena;
        ScratchBytes = scratchBytes;
        _scratch = new byte*[team.Workers];
        for (int i = 0; i < _scratch.Length; i++)
        {
            _scratch[i] = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(scratchBytes, 1), AlignmentBytes);
        }
    }

    public long ScratchBytes { get; }

    /// <summary>Where the time of every unit is recorded; null for nowhere.</summary>
    public HostProfile? Profile { get; set; }

    /// <exception cref="ArgumentException">The section needs more scratch than the runner has.</exception>
    public void Run(Section section)
    {
        if (section.ScratchBytes > ScratchBytes)
        {
            throw new ArgumentException($"{section.Name} needs {section.ScratchBytes} bytes of scratch, there are {ScratchBytes}", nameof(section));
        }

        long begin = Now();
        if (IsShared(section))
        {
            RunSingleTile(section);
        }
        else
        {
            RunOnTeam(section);
        }

        Profile?.Add(new SectionSpan(section, begin, Now()));
    }

    /// <summary>Fills all scratch with one byte, to prove that nothing reads what it did not write.</summary>
    public void PoisonScratch(byte pattern)
    {
        foreach (byte* scratch in _scratch)
        {
            NativeMemory.Fill(scratch, (nuint)Math.Max(ScratchBytes, 1), pattern);
        }
    }

    /// <summary>Fills all scratch with words that look like numbers, another one everywhere.</summary>
    /// <param name="seed">Of the words.</param>
    public void PoisonScratchRandomly(int seed)
    {
        uint word = (uint)seed;
        foreach (byte* scratch in _scratch)
        {
            for (long i = 0; i < ScratchBytes / sizeof(uint); i++)
            {
                word = word * 1664525 + 1013904223;
                ((uint*)scratch)[i] = word;
            }
        }
    }

    /// <summary>Gives tiles to workers in another order, which must not matter: to prove that it does not.</summary>
    /// <param name="seed">Of the order; 0 for the usual one.</param>
    public void ScrambleTiles(int seed) => _scramble = seed;

    void ITeamWork.Run(int worker)
    {
        Section section = _section!;
        if (IsShared(section))
        {
            ShareTile(section, worker);
            return;
        }

        byte* scratch = _scratch[worker];
        while (true)
        {
            int tile = Interlocked.Increment(ref _nextTile) - 1;
            if (_tileStride != 1 && tile < _allTiles)
            {
                tile = (int)(((long)tile * _tileStride + _scramble) % _allTiles);
            }

            int index = 0;
            while (index < section.Pipelines.Length && tile >= section.Pipelines[index].TileCount)
            {
                tile -= section.Pipelines[index++].TileCount;
            }

            if (index == section.Pipelines.Length)
            {
                return;
            }

            Pipeline pipeline = section.Pipelines[index];
            int begin = tile * pipeline.TileItems;
            RunTile(section, index, tile, worker, new HostTile(_arena.Start, scratch, begin, Math.Min(pipeline.TileItems, pipeline.Items - begin)));
        }
    }

    public void Dispose()
    {
        for (int i = 0; i < _scratch.Length; i++)
        {
            NativeMemory.AlignedFree(_scratch[i]);
            _scratch[i] = null;
        }
    }

    /// <summary>
    /// Shared by all workers, who meet after every unit: the fastest way as long as all of them run. On a busy machine one is
    /// taken off its core for milliseconds, a hundred times what the section takes; for a while it is then run alone.
    /// </summary>
    private void RunSingleTile(Section section)
    {
        long begin = Stopwatch.GetTimestamp();
        if (begin < _aloneUntil)
        {
            RunTile(section, 0, 0, 0, new HostTile(_arena.Start, _scratch[0], 0, section.Pipelines[0].Items));
            return;
        }

        RunOnTeam(section);
        long end = Stopwatch.GetTimestamp();
        long ticks = end - begin;
        if (!_bestTicks.TryGetValue(section, out long best) || ticks < best)
        {
            _bestTicks[section] = ticks;
        }
        else if (ticks > StallFactor * best + StallTicks)
        {
            _aloneUntil = end + AloneTicks;
        }
    }

    /// <summary>True if the workers share the section's only tile.</summary>
    private bool IsShared(Section section) => _team.Workers > 1 && section.Pipelines.Length == 1 && section.Pipelines[0].TileCount == 1;

    private void RunOnTeam(Section section)
    {
        _section = section;
        _nextTile = 0;
        if (IsShared(section))
        {
            int units = section.Pipelines[0].Units.Length;
            if (_taken.Length < units)
            {
                _taken = new int[units];
            }

            Array.Clear(_taken, 0, units);
        }

        if (_scramble != 0)
        {
            Scramble(section);
        }

        _team.Run(this);
        _section = null;
    }

    /// <summary>Tile n becomes stride · n + seed modulo the tiles: an order of its own where the stride has no divisor in common with them.</summary>
    private void Scramble(Section section)
    {
        _allTiles = 0;
        foreach (Pipeline pipeline in section.Pipelines)
        {
            _allTiles += pipeline.TileCount;
        }

        _tileStride = Math.Max(2, _scramble % Math.Max(1, _allTiles));
        while (_allTiles > 2 && (int)BigInteger.GreatestCommonDivisor(_tileStride, _allTiles) != 1)
        {
            _tileStride++;
        }

        _tileStride = _allTiles > 2 ? _tileStride : 1;
    }

    private void RunTile(Section section, int pipeline, int index, int worker, in HostTile tile)
    {
        ImmutableArray<ConfiguredUnit> units = section.Pipelines[pipeline].Units;
        for (int i = 0; i < units.Length; i++)
        {
            long begin = Now();
            units[i].Run(in tile);
            Record(worker, section, pipeline, i, index, false, begin);
        }
    }

    private void ShareTile(Section section, int worker)
    {
        Pipeline pipeline = section.Pipelines[0];
        byte* scratch = _scratch[0];
        var whole = new HostTile(_arena.Start, scratch, 0, pipeline.Items);
        Exception? error = null;
        for (int i = 0; i < pipeline.Units.Length; i++)
        {
            ConfiguredUnit unit = pipeline.Units[i];
            long begin = Now();
            try
            {
                if (error is not null)
                {
                    // A worker that failed still meets the others at every barrier.
                }
                else if (unit.SplitsColumns)
                {
                    ShareUnit(pipeline, i, worker);
                    Record(worker, section, 0, i, 0, false, begin);
                }
                else if (worker == 0)
                {
                    unit.Run(in whole);
                    Record(worker, section, 0, i, 0, false, begin);
                }
            }
            catch (Exception thrown)
            {
                error = thrown;
            }

            // Units that do not split follow each other on worker 0 alone: nobody waits between them, nor after the last.
            if (i + 1 < pipeline.Units.Length && (unit.SplitsColumns || pipeline.Units[i + 1].SplitsColumns))
            {
                long end = Now();
                _team.Barrier();
                Record(worker, section, 0, i, 0, true, end);
            }
        }

        if (error is not null)
        {
            throw new InvalidOperationException("a unit failed on a shared tile", error);
        }
    }

    /// <summary>This worker's parts of a unit: a fixed one, or what is left as often as it is ready, less and less at a time.</summary>
    private void ShareUnit(Pipeline pipeline, int index, int worker)
    {
        ConfiguredUnit unit = pipeline.Units[index];
        int workers = _team.Workers;
        int parts = unit.SplitsFinely ? (int)Math.Clamp(unit.OperationsPerItem * pipeline.Items / PartOperations, workers, PartsPerWorker * workers) : workers;
        if (parts == workers)
        {
            unit.Run(new HostTile(_arena.Start, _scratch[0], 0, pipeline.Items, worker, worker + 1, parts));
            return;
        }

        int begin = Volatile.Read(ref _taken[index]);
        while (begin < parts)
        {
            int end = begin + Math.Max(1, (parts - begin) / (2 * workers));
            int seen = Interlocked.CompareExchange(ref _taken[index], end, begin);
            if (seen == begin)
            {
                unit.Run(new HostTile(_arena.Start, _scratch[0], 0, pipeline.Items, begin, end, parts));
                begin = Volatile.Read(ref _taken[index]);
            }
            else
            {
                begin = seen;
            }
        }
    }

    private long Now() => Profile is null ? 0 : Stopwatch.GetTimestamp();

    private void Record(int worker, Section section, int pipeline, int unit, int tile, bool isWait, long begin) =>
        Profile?.Add(worker, new WorkerSpan(section, pipeline, unit, tile, isWait, begin, Stopwatch.GetTimestamp()));
}
