using RduEmu.Kernels.Templates.Probe;

namespace RduEmu.Compiler.Lowering;

/// <summary>How much of a graph becomes one section; bits do not depend on it.</summary>
public enum CompileMode
{
    /// <summary>Each operator a section by itself.</summary>
    O0,

    /// <summary>Elementwise chains are fused into the template before them; each template a section.</summary>
    O1,

    /// <summary>The whole graph: as many stages in a section as the data allow.</summary>
    O3,
}

/// <param name="Mode">How much becomes one section.</param>
/// <param name="Workers">Host threads that will run it: tiles are cut so that each gets some.</param>
/// <param name="Materialize">True if every value lives in the arena (interpreter and devices), false if scratch is used.</param>
/// <param name="TileSamples">Samples of a tile, or 0 to choose.</param>
public sealed record CompileOptions(CompileMode Mode = CompileMode.O3, int Workers = 1, bool Materialize = false, int TileSamples = 0)
{
    /// <summary>Makes a probe for every value that a stage writes; null for none. Stages, sections and addresses are the same with and without.</summary>
    public Func<ProbePoint, IProbe>? Probe { get; init; }

    /// <summary>
    /// True if a parameter that is read as packed only is packed as soon as it is written, by way of a piece of memory that all of
    /// these share: it is in the arena once. Such a parameter is written as one tensor, and cannot be read.
    /// </summary>
    public bool PacksOnWrite { get; init; }
}
