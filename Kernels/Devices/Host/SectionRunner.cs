using System.Runtime.InteropServices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;

namespace RduEmu.Kernels.Devices.Host;

/// <summary>
/// Runs sections on a team of workers. Workers take tiles in whatever order; the bits do not depend on it, because no unit
/// adds across tiles. Where a section has a single tile, the workers share it and each computes its part of the columns.
/// Running allocates nothing.
/// </summary>
public sealed unsafe class SectionRunner : ITeamWork, IDisposable
{
    private const nuint AlignmentBytes = 64;

    private readonly WorkerTeam _team;
    private readonly HostArena _arena;
    private readonly byte*[] _scratch;
    private Section? _section;
    private int _nextTile;

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

    /// <exception cref="ArgumentException">The section needs more scratch than the runner has.</exception>
    public void Run(Section section)
    {
        if (section.ScratchBytes > ScratchBytes)
        {
            throw new ArgumentException($"{section.Name} needs {section.ScratchBytes} bytes of scratch, there are {ScratchBytes}", nameof(section));
        }

        _section = section;
        _nextTile = 0;
        _team.Run(this);
        _section = null;
    }

    /// <summary>Fills all scratch with one byte, to prove that nothing reads what it did not write.</summary>
    public void PoisonScratch(byte pattern)
    {
        foreach (byte* scratch in _scratch)
        {
            NativeMemory.Fill(scratch, (nuint)Math.Max(ScratchBytes, 1), pattern);
        }
    }

    void ITeamWork.Run(int worker)
    {
        Section section = _section!;
        if (_team.Workers > 1 && section.Pipelines.Length == 1 && section.Pipelines[0].TileCount == 1)
        {
            ShareTile(section.Pipelines[0], worker);
            return;
        }

        byte* scratch = _scratch[worker];
        while (true)
        {
            int tile = Interlocked.Increment(ref _nextTile) - 1;
            Pipeline? pipeline = null;
            foreach (Pipeline candidate in section.Pipelines)
            {
                if (tile < candidate.TileCount)
                {
                    pipeline = candidate;
                    break;
                }

                tile -= candidate.TileCount;
            }

            if (pipeline is null)
            {
                return;
            }

            int begin = tile * pipeline.TileItems;
            var hostTile = new HostTile(_arena.Start, scratch, begin, Math.Min(pipeline.TileItems, pipeline.Items - begin));
            foreach (ConfiguredUnit unit in pipeline.Units)
            {
                unit.Run(in hostTile);
            }
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

    private void ShareTile(Pipeline pipeline, int worker)
    {
        byte* scratch = _scratch[0];
        var part = new HostTile(_arena.Start, scratch, 0, pipeline.Items, worker, _team.Workers);
        var whole = new HostTile(_arena.Start, scratch, 0, pipeline.Items);
        Exception? error = null;
        for (int i = 0; i < pipeline.Units.Length; i++)
        {
            ConfiguredUnit unit = pipeline.Units[i];
            try
            {
                if (error is not null)
                {
                    // A worker that failed still meets the others at every barrier.
                }
                else if (unit.SplitsColumns)
                {
                    unit.Run(in part);
                }
                else if (worker == 0)
                {
                    unit.Run(in whole);
                }
            }
            catch (Exception thrown)
            {
                error = thrown;
            }

            // Units that do not split follow each other on worker 0 alone: nobody waits between them, nor after the last.
            if (i + 1 < pipeline.Units.Length && (unit.SplitsColumns || pipeline.Units[i + 1].SplitsColumns))
            {
                _team.Barrier();
            }
        }

        if (error is not null)
        {
            throw new InvalidOperationException("a unit failed on a shared tile", error);
        }
    }
}
