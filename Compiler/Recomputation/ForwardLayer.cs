using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Recomputation;

/// <summary>A part of a network that can be computed again from what it reads.</summary>
/// <param name="Name">As the user names it.</param>
/// <param name="Inner">What it makes, but for its result.</param>
public sealed record ForwardLayer(string Name, ImmutableArray<ValueId> Inner);
