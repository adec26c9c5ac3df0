using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Memory;

namespace RduEmu.Compiler.Lowering;

/// <summary>Words that are in the arena before the first step.</summary>
public sealed record ArenaConstant(long OffsetElements, ImmutableArray<int> Words);

/// <summary>A graph with addresses: sections of pipelines of units over one arena.</summary>
/// <param name="Graph">What was compiled.</param>
/// <param name="Plan">The sections before they had addresses.</param>
/// <param name="Load">Runs once after parameters were written: packs weights.</param>
/// <param name="Step">The sections of one step, in order.</param>
/// <param name="Operands">Where each value with storage in the arena lies.</param>
/// <param name="Packed">Where the packed copies of weights lie, by the name of the weight.</param>
/// <param name="Constants">To be written before the first step.</param>
/// <param name="ArenaBytes">Size of the arena.</param>
/// <param name="ScratchBytes">Scratch of each worker.</param>
public sealed record CompiledProgram(
    Graph Graph,
    IReadOnlyList<SectionPlan> Plan,
    Section Load,
    ImmutableArray<Section> Step,
    IReadOnlyDictionary<ValueId, Operand> Operands,
    IReadOnlyDictionary<(string Weight, WeightPacking Packing), Operand> Packed,
    ImmutableArray<ArenaConstant> Constants,
    long ArenaBytes,
    long ScratchBytes)
{
    /// <summary>What the arena is for.</summary>
    public MemoryUse Memory { get; init; } = new(0, 0, 0);

    /// <summary>What packs a parameter that is kept as packed only, to be run as soon as it was written.</summary>
    public IReadOnlyDictionary<ValueId, Section> PackOnWrite { get; init; } = ImmutableDictionary<ValueId, Section>.Empty;
}
