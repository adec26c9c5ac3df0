using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Lowering;

/// <summary>What a stage may ask for in the arena besides values.</summary>
public abstract class StageRequests(Graph graph)
{
    public Graph Graph { get; } = graph;

    /// <summary>A constant row of integers; equal rows are one.</summary>
    public abstract void Table(EquatableArray<int> words);

    /// <summary>Words that a device's kernels need for themselves; the host takes scratch instead.</summary>
    /// <param name="key">The value that the stage computes.</param>
    /// <param name="lengthElements">How many.</param>
    public abstract void DeviceWorkspace(ValueId key, long lengthElements);
}
