using BenchmarkDotNet.Attributes;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;

namespace RduEmu.Perf.Benchmarks;

/// <summary>One unit over all its items on one thread, in an arena of drawn numbers.</summary>
public abstract unsafe class UnitBenchmark : IMeasuredWork, IDisposable
{
    private HostArena? _arena;
    private HostArena? _scratch;
    private ConfiguredUnit _unit = null!;
    private int _items;

    public abstract Work Work { get; }

    [GlobalSetup]
    public void Setup()
    {
        (_unit, _items, long arenaElements, long scratchElements) = Create();
        _arena = new HostArena(arenaElements * sizeof(float));
        _scratch = new HostArena(scratchElements * sizeof(float));
        var random = new Random(1);
        var elements = (float*)_arena.Start;
        for (long i = 0; i < arenaElements; i++)
        {
            elements[i] = random.NextSingle() - 0.5f;
        }

        Fill(elements, random);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _arena?.Dispose();
        _scratch?.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public void Run() => _unit.Run(new HostTile(_arena!.Start, _scratch!.Start, 0, _items));

    /// <summary>The unit, its items, and the words of arena and scratch that it needs.</summary>
    protected abstract (ConfiguredUnit Unit, int Items, long ArenaElements, long ScratchElements) Create();

    /// <summary>Where drawn numbers in ±0.5 will not do: indices.</summary>
    protected virtual void Fill(float* arena, Random random)
    {
    }
}
