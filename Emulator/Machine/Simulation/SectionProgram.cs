using RduEmu.Compiler.Graphs;
using RduEmu.Emulator.Machine.Time;

namespace RduEmu.Emulator.Machine.Simulation;

public enum ActorKind
{
    /// <summary>PCUs and PMUs of a stage.</summary>
    Stage,

    /// <summary>An AGCU that reads memory.</summary>
    Load,

    /// <summary>An AGCU that writes memory.</summary>
    Store,
}

public enum ResourceKind
{
    /// <summary>All DDR or HBM channels; they are interleaved, so that every stream uses all of them.</summary>
    Memory,

    /// <summary>One AGCU.</summary>
    Port,

    /// <summary>One link of the vector network.</summary>
    Link,

    /// <summary>The PMUs of one buffer, read or written.</summary>
    Buffer,

    /// <summary>The links to the other RDUs.</summary>
    Fabric,
}

/// <summary>Something that actors share: it serves one use after the other, in the order in which they ask.</summary>
public sealed record Resource(string Name, ResourceKind Kind);

/// <summary>What one firing needs of a resource.</summary>
public readonly record struct ResourceUse(int Resource, Cycles Occupancy, Bytes Bytes);

/// <summary>
/// A unit, or units that work as one. It fires so many times; a firing takes its service time, or longer where a resource that it
/// uses is late, and its result is there after the latency of its pipeline.
/// </summary>
/// <param name="Owner">Index of the stage or the DRAM transfer in the placed section.</param>
/// <param name="Firings">At least 1.</param>
/// <param name="Service">At least one cycle.</param>
public sealed record Actor(
    string Name, ActorKind Kind, int Owner, long Firings, Cycles Service, Cycles Latency, EquatableArray<ResourceUse> Uses);

public enum ChannelKind
{
    /// <summary>Firing i of the consumer needs the producer's firings up to i + lag - 1; the producer needs one of the depth credits.</summary>
    Stream,

    /// <summary>The consumer needs all firings of the producer: weights before the first iteration, sums after the last.</summary>
    Completion,
}

/// <param name="Lag">Firings of the producer that the first firing of the consumer needs, at least 1.</param>
/// <param name="Depth">Firings that the buffer holds: the producer's credits, which a firing of the consumer gives back as it ends.</param>
public sealed record Channel(string Name, int From, int To, ChannelKind Kind, long Lag = 1, long Depth = 2);

/// <summary>A section as the event simulation runs it: actors that exchange tokens and share resources.</summary>
public sealed record SectionProgram(
    string Name, EquatableArray<Actor> Actors, EquatableArray<Channel> Channels, EquatableArray<Resource> Resources);
