using RduEmu.Compiler.Graphs;
using RduEmu.Emulator.Machine.Time;

namespace RduEmu.Emulator.Machine.Simulation;

/// <summary>
/// The event simulation of one section: integer time, and events of one instant in the order in which they were made, so the result is a
/// function of the section alone. As soon as the state repeats itself, shifted in time, everything between now and the end that
/// must repeat as well is added up instead of simulated (<see cref="SteadyState"/>): the same cycles, in the time of a few iterations.
/// </summary>
public static class SectionSimulator
{
    /// <param name="fastForward">False to simulate every firing one by one.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU0602: the section waits for itself; the message says who waits on what.</exception>
    public static SectionTiming Run(SectionProgram program, bool fastForward = true) => new SimulationState(program, fastForward).Run();
}

/// <summary>The mutable state of a simulation.</summary>
internal sealed class SimulationState
{
    private readonly PriorityQueue<(bool IsDelivery, int Actor), (long Time, long Sequence)> _events = new();
    private readonly SteadyState? _steadyState;
    private readonly SortedSet<int> _candidates = [];
    private long _sequence;

    public SimulationState(SectionProgram program, bool fastForward)
    {
        Program = program;
        int actors = program.Actors.Count;
        Started = new long[actors];
        Done = new long[actors];
        Delivered = new long[actors];
        BusyUntil = new long[actors];
        IdleSince = new long[actors];
        FirstStart = new long[actors];
        LastEnd = new long[actors];
        Statistics = new long[(actors * ActorStatistics) + (program.Resources.Count * ResourceStatistics)];
        FreeAt = new long[program.Resources.Count];
        Blocked = new BlockReason[actors];
        InTo = Index(program.Channels, actors, channel => channel.To);
        OutOf = Index(program.Channels, actors, channel => channel.From);
        Array.Fill(BusyUntil, -1);
        _steadyState = fastForward ? SteadyState.For(this) : null;
    }

    internal enum BlockReason
    {
        None,
        Input,
        Room,
    }

    public const int ActorStatistics = 4;
    public const int ResourceStatistics = 3;
    private const int BusyAt = 0;
    private const int InputAt = 1;
    private const int RoomAt = 2;
    private const int LateAt = 3;

    public SectionProgram Program { get; }

    public long Now { get; private set; }

    public long[] Started { get; }

    /// <summary>Firings that have ended: their input is free.</summary>
    public long[] Done { get; }

    /// <summary>Firings whose output is there.</summary>
    public long[] Delivered { get; }

    /// <summary>End of the firing under way, or -1.</summary>
    public long[] BusyUntil { get; }

    public long[] IdleSince { get; }

    public long[] FirstStart { get; }

    public long[] LastEnd { get; }

    public long[] FreeAt { get; }

    public BlockReason[] Blocked { get; }

    /// <summary>For each actor busy, waited for input, for room, for resources; then for each resource busy, bytes, contention.</summary>
    public long[] Statistics { get; }

    public int[][] InTo { get; }

    public int[][] OutOf { get; }

    public SectionTiming Run()
    {
        for (int actor = 0; actor < Program.Actors.Count; actor++)
        {
            TryStart(actor);
        }

        while (_events.TryPeek(out _, out (long Time, long Sequence) first))
        {
            Now = first.Time;
            while (_events.TryPeek(out _, out (long Time, long Sequence) next) && next.Time == Now)
            {
                (bool isDelivery, int actor) = _events.Dequeue();
                Apply(isDelivery, actor);
            }

            foreach (int actor in _candidates)
            {
                TryStart(actor);
            }

            _candidates.Clear();
            _steadyState?.Observe(this);
        }

        for (int actor = 0; actor < Program.Actors.Count; actor++)
        {
            if (Delivered[actor] < Program.Actors[actor].Firings)
            {
                throw Deadlock.Explain(this);
            }
        }

        return Result();
    }

    /// <summary>The events still to come, in their order, with times from now.</summary>
    public void AppendEvents(List<long> signature)
    {
        foreach (var (item, priority) in _events.UnorderedItems.OrderBy(entry => entry.Priority))
        {
            signature.Add(priority.Time - Now);
            signature.Add((item.Actor * 2) + (item.IsDelivery ? 1 : 0));
        }
    }

    /// <summary>Moves everything that is under way into the future.</summary>
    public void Shift(long cycles)
    {
        var pending = new List<((bool, int) Item, (long Time, long Sequence) Priority)>();
        foreach (var (item, priority) in _events.UnorderedItems)
        {
            pending.Add((item, (priority.Time + cycles, priority.Sequence)));
        }

        _events.Clear();
        foreach (var (item, priority) in pending)
        {
            _events.Enqueue(item, priority);
        }

        Now += cycles;
    }

    private void Apply(bool isDelivery, int actor)
    {
        if (isDelivery)
        {
            Delivered[actor]++;
            foreach (int channel in OutOf[actor])
            {
                _candidates.Add(Program.Channels[channel].To);
            }

            return;
        }

        Done[actor]++;
        BusyUntil[actor] = -1;
        IdleSince[actor] = Now;
        LastEnd[actor] = Now;
        _candidates.Add(actor);
        foreach (int channel in InTo[actor])
        {
            _candidates.Add(Program.Channels[channel].From);
        }

        long latency = Program.Actors[actor].Latency.Count;
        if (latency == 0)
        {
            Apply(isDelivery: true, actor);
        }
        else
        {
            _events.Enqueue((true, actor), (Now + latency, _sequence++));
        }
    }

    private void TryStart(int index)
    {
        Actor actor = Program.Actors[index];
        if (BusyUntil[index] >= 0 || Started[index] == actor.Firings)
        {
            return;
        }

        if (Blocking(index) is { } reason)
        {
            Blocked[index] = reason.Kind == ChannelKind.Stream && reason.From == index ? BlockReason.Room : BlockReason.Input;
            return;
        }

        int at = index * ActorStatistics;
        if (Blocked[index] != BlockReason.None)
        {
            Statistics[at + (Blocked[index] == BlockReason.Input ? InputAt : RoomAt)] += Now - IdleSince[index];
            Blocked[index] = BlockReason.None;
        }

        if (Started[index] == 0)
        {
            FirstStart[index] = Now;
        }

        Started[index]++;
        long served = Now + actor.Service.Count;
        long end = served;
        foreach (ResourceUse use in actor.Uses)
        {
            long begin = Math.Max(Now, FreeAt[use.Resource]);
            FreeAt[use.Resource] = begin + use.Occupancy.Count;
            end = Math.Max(end, FreeAt[use.Resource]);
            int resource = (Program.Actors.Count * ActorStatistics) + (use.Resource * ResourceStatistics);
            Statistics[resource] += use.Occupancy.Count;
            Statistics[resource + 1] += use.Bytes.Count;
            Statistics[resource + 2] += begin - Now;
        }

        Statistics[at + BusyAt] += actor.Service.Count;
        Statistics[at + LateAt] += end - served;
        BusyUntil[index] = end;
        _events.Enqueue((false, index), (end, _sequence++));
    }

    /// <summary>The first channel that keeps an idle actor from firing, or null if it may.</summary>
    internal Channel? Blocking(int index)
    {
        foreach (int at in InTo[index])
        {
            Channel channel = Program.Channels[at];
            long all = Program.Actors[channel.From].Firings;
            long needed = channel.Kind == ChannelKind.Completion ? all : Math.Min(all, Started[index] + channel.Lag);
            if (Delivered[channel.From] < needed)
            {
                return channel;
            }
        }

        foreach (int at in OutOf[index])
        {
            Channel channel = Program.Channels[at];
            if (channel.Kind == ChannelKind.Stream && Started[index] - Done[channel.To] >= channel.Depth)
            {
                return channel;
            }
        }

        return null;
    }

    private SectionTiming Result()
    {
        int actors = Program.Actors.Count;
        long total = 0;
        var timings = new ActorTiming[actors];
        for (int actor = 0; actor < actors; actor++)
        {
            total = Math.Max(total, LastEnd[actor] + Program.Actors[actor].Latency.Count);
            ReadOnlySpan<long> statistics = Statistics.AsSpan(actor * ActorStatistics, ActorStatistics);
            timings[actor] = new ActorTiming(
                Done[actor], new Cycles(FirstStart[actor]), new Cycles(LastEnd[actor]), new Cycles(statistics[BusyAt]),
                new Cycles(statistics[InputAt]), new Cycles(statistics[RoomAt]), new Cycles(statistics[LateAt]));
        }

        var resources = new ResourceTiming[Program.Resources.Count];
        for (int i = 0; i < resources.Length; i++)
        {
            ReadOnlySpan<long> statistics = Statistics.AsSpan((actors * ActorStatistics) + (i * ResourceStatistics), ResourceStatistics);
            resources[i] = new ResourceTiming(new Cycles(statistics[0]), new Bytes(statistics[1]), new Cycles(statistics[2]));
        }

        return new SectionTiming(
            new Cycles(total), [.. timings], [.. resources], _steadyState?.Interval, _steadyState?.Period ?? 0, _steadyState?.SkippedFirings ?? 0);
    }

    private static int[][] Index(EquatableArray<Channel> channels, int actors, Func<Channel, int> key)
    {
        ILookup<int, int> lookup = Enumerable.Range(0, channels.Count).ToLookup(i => key(channels[i]));
        return [.. Enumerable.Range(0, actors).Select(actor => lookup[actor].ToArray())];
    }
}
