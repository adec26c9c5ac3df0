using System.Diagnostics;

namespace RduEmu.Kernels.Devices.Host;

/// <summary>What one worker did for a while: a unit on a tile, or the wait for the others after it.</summary>
/// <param name="Section">The section.</param>
/// <param name="Pipeline">Index of the pipeline in it.</param>
/// <param name="Unit">Index of the unit in the pipeline.</param>
/// <param name="Tile">Index of the tile.</param>
/// <param name="IsWait">True for a wait at the barrier behind the unit.</param>
/// <param name="BeginTicks">By <see cref="Stopwatch"/>.</param>
/// <param name="EndTicks">By <see cref="Stopwatch"/>.</param>
public readonly record struct WorkerSpan(Section Section, int Pipeline, int Unit, int Tile, bool IsWait, long BeginTicks, long EndTicks)
{
    public double Seconds => (double)(EndTicks - BeginTicks) / Stopwatch.Frequency;
}

/// <summary>One run of a section by all workers.</summary>
/// <param name="Section">The section.</param>
/// <param name="BeginTicks">By <see cref="Stopwatch"/>.</param>
/// <param name="EndTicks">By <see cref="Stopwatch"/>.</param>
public readonly record struct SectionSpan(Section Section, long BeginTicks, long EndTicks)
{
    public double Seconds => (double)(EndTicks - BeginTicks) / Stopwatch.Frequency;
}

/// <summary>
/// A clock around every unit that the workers of a host run. It changes neither the order of tiles nor the bits, and costs two looks
/// at the clock for each unit and tile.
/// </summary>
/// <param name="workers">Workers that will be recorded.</param>
public sealed class HostProfile(int workers)
{
    private readonly List<WorkerSpan>[] _spans = [.. Enumerable.Range(0, workers).Select(_ => new List<WorkerSpan>())];

    private readonly List<SectionSpan> _sections = [];

    public int Workers => _spans.Length;

    /// <summary>Every run of every section, in order.</summary>
    public IReadOnlyList<SectionSpan> Sections => _sections;

    /// <summary>What a worker did, in order.</summary>
    public IReadOnlyList<WorkerSpan> Of(int worker) => _spans[worker];

    /// <summary>Forgets what was recorded: the warm-up.</summary>
    public void Clear()
    {
        Array.ForEach(_spans, spans => spans.Clear());
        _sections.Clear();
    }

    /// <summary>Called by the worker that starts sections.</summary>
    internal void Add(in SectionSpan span) => _sections.Add(span);

    /// <summary>Called by each worker for itself.</summary>
    internal void Add(int worker, in WorkerSpan span) => _spans[worker].Add(span);
}
