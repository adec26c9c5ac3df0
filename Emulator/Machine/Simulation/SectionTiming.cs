using System.Collections.Immutable;
using RduEmu.Emulator.Machine.Time;

namespace RduEmu.Emulator.Machine.Simulation;

/// <summary>How an actor spent its time; all from the start of the section.</summary>
/// <param name="Busy">Its service times.</param>
/// <param name="WaitedForInput">Idle until data came.</param>
/// <param name="WaitedForRoom">Idle until a credit came back.</param>
/// <param name="WaitedForResource">Firings that took longer because a resource was late.</param>
public readonly record struct ActorTiming(
    long Firings, Cycles FirstStart, Cycles LastEnd, Cycles Busy, Cycles WaitedForInput, Cycles WaitedForRoom, Cycles WaitedForResource);

/// <param name="Contention">Cycles that uses waited while another one was served.</param>
public readonly record struct ResourceTiming(Cycles Busy, Bytes Bytes, Cycles Contention);

/// <summary>What the event simulation found.</summary>
/// <param name="Total">From the first start to the last result.</param>
/// <param name="Interval">Cycles between two firings in the steady state, averaged over its period, or null if none was seen.</param>
/// <param name="Period">Firings after which the steady state repeats, 0 if none was seen.</param>
/// <param name="SkippedFirings">Firings that were not simulated one by one because they repeat earlier ones.</param>
public sealed record SectionTiming(
    Cycles Total, ImmutableArray<ActorTiming> Actors, ImmutableArray<ResourceTiming> Resources, double? Interval, long Period, long SkippedFirings);
