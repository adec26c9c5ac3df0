using System.Globalization;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Checks;

namespace RduEmu.Emulator.Receipts;

/// <summary>Digests of what each section of a training step wrote, step by step.</summary>
/// <param name="Mode">The compile mode, on which sections depend.</param>
/// <param name="Sections">Names, in the order in which a step runs them.</param>
/// <param name="Steps">For each step the sections' digests, 64 bits as hexadecimal digits, separated by blanks.</param>
public sealed record SectionTrace(string Mode, IReadOnlyList<string> Sections, IReadOnlyList<string> Steps);

/// <summary>
/// Makes a <see cref="SectionTrace"/> while a session trains. Digests are the sums of <see cref="StageRecorder"/>, so they do not depend
/// on the device, on threads or on tiles.
/// </summary>
public sealed class SectionTracer(CompileMode mode)
{
    /// <summary>An odd constant with no pattern (2^64 by the golden ratio): equal digests of two stages must not cancel out.</summary>
    private const ulong Odd = 0x9E3779B97F4A7C15;

    private readonly StageRecorder _recorder = new();
    private readonly List<string> _steps = [];
    private (string Name, StageRecorder.RecordedStage[] Stages)[] _sections = [];

    /// <summary>For <see cref="Execution.ExecutionTarget.Probe"/>.</summary>
    public Kernels.Templates.Probe.IProbe Add(ProbePoint point) => _recorder.Add(point);

    /// <summary>Begins: all programs have been compiled.</summary>
    /// <param name="step">The graph of a training step.</param>
    public void Begin(Graph step)
    {
        _sections =
        [
            .. _recorder.Stages.Where(stage => ReferenceEquals(stage.Point.Graph, step)).GroupBy(stage => stage.Point.Section).Select(group => (group.Key, group.ToArray())),
        ];
        _recorder.Begin(0);
    }

    /// <summary>A step was done.</summary>
    public void Take()
    {
        _steps.Add(string.Join(' ', _sections.Select(section => DigestOf(section.Stages).ToString("x16", CultureInfo.InvariantCulture))));
        _recorder.Begin(_steps.Count);
    }

    public SectionTrace Result() => new(mode.ToString().ToLowerInvariant(), [.. _sections.Select(section => section.Name)], _steps);

    private static ulong DigestOf(StageRecorder.RecordedStage[] stages)
    {
        ulong digest = 0;
        foreach (StageRecorder.RecordedStage stage in stages)
        {
            digest = (digest ^ (ulong)stage.Digest) * Odd;
            digest ^= digest >> 29;
        }

        return digest;
    }
}
