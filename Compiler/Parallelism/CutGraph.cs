using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Parallelism;

/// <summary>What of a value crosses from one graph of a cut batch to another.</summary>
public enum CrossingKind
{
    /// <summary>A part's rows of a value with samples; all parts' rows, where a join takes it.</summary>
    Rows,

    /// <summary>A part's share of a sum over samples.</summary>
    Sum,

    /// <summary>A value without samples.</summary>
    Whole,
}

/// <summary>A value that crosses.</summary>
/// <param name="Value">The value of the whole batch's graph.</param>
/// <param name="Kind">What of it.</param>
/// <param name="Part">Of a sum that a join takes: whose share it is; else 0.</param>
public readonly record struct Crossing(ValueId Value, CrossingKind Kind, int Part = 0);

/// <summary>One graph of a cut batch. Its parameters are those of the whole graph, by name, all of them.</summary>
/// <param name="Graph">What is computed.</param>
/// <param name="Given">Inputs that other graphs compute.</param>
/// <param name="Taken">Outputs that other graphs take, or that the whole graph has.</param>
/// <param name="Original">The value of the whole graph that each input and parameter is.</param>
public sealed record CutGraph(
    Graph Graph,
    ImmutableArray<(Crossing Crossing, ValueId Id)> Given,
    ImmutableArray<(Crossing Crossing, ValueId Id)> Taken,
    IReadOnlyDictionary<ValueId, ValueId> Original);

/// <summary>First every part's samples, each part by itself; then, once, what takes them together.</summary>
/// <param name="Part">For a part's samples; the same for each part.</param>
/// <param name="Join">For the batch.</param>
public sealed record CutPhase(CutGraph Part, CutGraph Join);
