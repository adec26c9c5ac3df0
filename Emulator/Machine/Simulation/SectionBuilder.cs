using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.Machine.Spec;
using RduEmu.Emulator.Machine.Time;
using RduEmu.Emulator.Machine.Units;

namespace RduEmu.Emulator.Machine.Simulation;

/// <summary>
/// A placed section --> actors, channels and resources. Stages and DRAM transfers become actors, streams and transfers become channels.
/// A link that only one actor uses bounds that actor's service; a link that several use is a resource that they share.
/// </summary>
/// <param name="memory">Sustained bandwidth of the memory for this program.</param>
public sealed class SectionBuilder(RduSpec spec, long tiles, BytesPerCycle memory)
{
    private readonly UnitModel _units = new(spec);
    private readonly PmuModel _pmus = new(spec);
    private readonly MemoryModel _memory = new(spec, memory);
    private readonly CollectiveModel _collectives = new(spec);

    /// <param name="section">What is built.</param>
    /// <param name="layout">Where its units stand.</param>
    /// <param name="batches">Batches that follow each other without a break, or 0 for one that finds nothing: else weights are there already.</param>
    public SectionProgram Build(MachineSection section, SectionLayout layout, long batches = 0)
    {
        bool isResident = batches > 0;
        int stages = section.Stages.Count;
        int actors = stages + section.DramTransfers.Count;
        var resources = new List<Resource> { new("memory", ResourceKind.Memory), new("fabric", ResourceKind.Fabric), new("AGCUs", ResourceKind.Port) };
        var uses = new List<ResourceUse>[actors];
        var service = new Cycles[actors];
        var latency = new Cycles[actors];
        long iterations = checked(Math.Max(1, section.Iterations) * Math.Max(1, batches));
        for (int i = 0; i < actors; i++)
        {
            uses[i] = [];
            service[i] = new Cycles(1);
        }

        foreach (StagePlan stage in section.Stages)
        {
            service[stage.Index] = _units.Service(stage);
            latency[stage.Index] = _units.Latency(stage);
            if (stage.Template == TemplateKind.Collective && stage.Sockets > 1)
            {
                uses[stage.Index].Add(new ResourceUse(1, _collectives.AllReduce(new Bytes(stage.CollectiveBytes), stage.Sockets), new Bytes(stage.CollectiveBytes)));
            }
        }

        foreach (StreamPlan stream in section.Streams)
        {
            var amount = new Bytes(stream.BytesPerIteration);
            service[stream.Producer] = Cycles.Max(service[stream.Producer], _pmus.AccessCycles(amount, stream.Pmus, 0, isWrite: true));
            service[stream.Consumer] = Cycles.Max(service[stream.Consumer], _pmus.AccessCycles(amount, stream.Pmus, 0, isWrite: false));
        }

        AddTransfers(section, isResident, uses, service, latency);
        AddLinks(section, layout, resources, uses, service, latency);
        var built = new Actor[actors];
        foreach (StagePlan stage in section.Stages)
        {
            built[stage.Index] = new Actor(
                stage.Name, ActorKind.Stage, stage.Index, iterations, service[stage.Index], latency[stage.Index], EquatableArray.Create<ResourceUse>([.. uses[stage.Index]]));
        }

        foreach (DramTransfer transfer in section.DramTransfers)
        {
            int at = stages + transfer.Index;
            bool isLoad = transfer.Direction == DramDirection.Load;
            built[at] = new Actor(
                $"{(isLoad ? "load" : "store")} {transfer.Index}", isLoad ? ActorKind.Load : ActorKind.Store, transfer.Index,
                transfer.Timing == DramTiming.PerIteration ? iterations : 1, service[at], latency[at], EquatableArray.Create<ResourceUse>([.. uses[at]]));
        }

        return new SectionProgram(
            section.Name, EquatableArray.Create<Actor>(built), EquatableArray.Create<Channel>([.. Channels(section)]), EquatableArray.Create<Resource>([.. resources]));
    }

    private static IEnumerable<Channel> Channels(MachineSection section)
    {
        int stages = section.Stages.Count;
        foreach (StreamPlan stream in section.Streams)
        {
            yield return new Channel(
                $"stream {stream.Index}", stream.Producer, stream.Consumer, ChannelKind.Stream, Math.Max(1, stream.LagIterations), stream.DepthIterations);
        }

        foreach (DramTransfer transfer in section.DramTransfers)
        {
            int actor = stages + transfer.Index;
            ChannelKind kind = transfer.Timing == DramTiming.PerIteration ? ChannelKind.Stream : ChannelKind.Completion;
            long lag = Math.Max(1, transfer.LagIterations);

            // Without a buffer of its own it goes straight to the stage's PMUs, which are double buffered as all are.
            long depth = Math.Max(transfer.DepthIterations, lag + 1);
            foreach (int stage in transfer.Stages)
            {
                yield return transfer.Direction == DramDirection.Load
                    ? new Channel($"tensor {transfer.Tensor}", actor, stage, kind, lag, depth)
                    : new Channel($"tensor {transfer.Tensor}", stage, actor, kind, 1, depth);
            }
        }
    }

    /// <summary>Transfers are striped over all AGCUs of the tiles by address; a placed route shows where one begins.</summary>
    private void AddTransfers(MachineSection section, bool isResident, List<ResourceUse>[] uses, Cycles[] service, Cycles[] latency)
    {
        foreach (DramTransfer transfer in section.DramTransfers.Where(transfer => !isResident || transfer.Timing != DramTiming.BeforeFirst))
        {
            int actor = section.Stages.Count + transfer.Index;
            Bytes moved = _memory.Moved(new Bytes(transfer.Bytes), transfer.RequestBytes);
            uses[actor].Add(new ResourceUse(0, _memory.CyclesFor(moved), moved));
            uses[actor].Add(new ResourceUse(2, _memory.PortCycles(moved, tiles * spec.Chip.AgcusPerTile), moved));

            // Without a buffer it goes to, or comes from, the stages' own weights and sums.
            int pmus = transfer.BufferPmus > 0
                ? transfer.BufferPmus
                : transfer.Stages.Sum(stage => section.Stages[stage].WeightPmus + section.Stages[stage].AccumulatorPmus);
            service[actor] = Cycles.Max(
                service[actor], _pmus.AccessCycles(new Bytes(transfer.Bytes), pmus, transfer.RequestBytes, transfer.Direction == DramDirection.Load));
            latency[actor] = _memory.Latency;
        }
    }

    private void AddLinks(
        MachineSection section, SectionLayout layout, List<Resource> resources, List<ResourceUse>[] uses, Cycles[] service, Cycles[] latency)
    {
        BytesPerCycle width = BytesPerCycle.Width(spec.Network.VectorBytes).Times(spec.Network.LinksPerSwitch);
        var traffic = new SortedDictionary<int, SortedDictionary<int, long>>();
        foreach (Route route in layout.Routes)
        {
            int actor = ActorOf(section, layout, route);
            latency[actor] = Cycles.Max(latency[actor], new Cycles(BaseLatency(section, actor).Count + (route.Hops * spec.Network.HopCycles)));
            if (route.Network != Network.Vector || actor >= section.Stages.Count)
            {
                continue;
            }

            foreach (int link in route.Links)
            {
                if (!traffic.TryGetValue(link, out SortedDictionary<int, long>? users))
                {
                    traffic.Add(link, users = []);
                }

                users[actor] = users.GetValueOrDefault(actor) + route.BytesPerIteration;
            }
        }

        // Of links with the same users only those count that are not slower than another one for all of them.
        var shared = new SortedDictionary<string, List<KeyValuePair<int, SortedDictionary<int, long>>>>(StringComparer.Ordinal);
        foreach (KeyValuePair<int, SortedDictionary<int, long>> link in traffic)
        {
            int[] users = [.. link.Value.Keys];
            if (users.Length == 1)
            {
                service[users[0]] = Cycles.Max(service[users[0]], width.CyclesFor(new Bytes(link.Value[users[0]])));
            }
            else
            {
                string key = string.Join(',', users);
                if (!shared.TryGetValue(key, out var links))
                {
                    shared.Add(key, links = []);
                }

                links.RemoveAll(known => users.All(actor => known.Value[actor] <= link.Value[actor]));
                if (!links.Exists(known => users.All(actor => known.Value[actor] >= link.Value[actor])))
                {
                    links.Add(link);
                }
            }
        }

        foreach (KeyValuePair<int, SortedDictionary<int, long>> link in shared.Values.SelectMany(links => links))
        {
            int resource = resources.Count;
            resources.Add(new Resource($"link {LinkName(layout, link.Key)}", ResourceKind.Link));
            foreach (KeyValuePair<int, long> user in link.Value)
            {
                uses[user.Key].Add(new ResourceUse(resource, width.CyclesFor(new Bytes(user.Value)), new Bytes(user.Value)));
            }
        }
    }

    /// <summary>"(row,column) east": the switch that sends, and where to.</summary>
    public static string LinkName(SectionLayout layout, int link)
    {
        int at = link / 4;
        string direction = (link % 4) switch { 0 => "east", 1 => "west", 2 => "south", _ => "north" };
        return $"({at / layout.GridColumns},{at % layout.GridColumns}) {direction}";
    }

    private Cycles BaseLatency(MachineSection section, int actor) =>
        actor < section.Stages.Count ? _units.Latency(section.Stages[actor]) : _memory.Latency;

    /// <summary>Who sends along a route: a stage that writes or that reads its buffer, or a transfer.</summary>
    private static int ActorOf(MachineSection section, SectionLayout layout, Route route)
    {
        int stages = section.Stages.Count;
        PlacedUnit source = layout.Units[route.Source];
        PlacedUnit sink = layout.Units[route.Sinks[0]];
        if (sink.Role == UnitRole.Port && route.Network == Network.Vector)
        {
            return stages + sink.Owner;
        }

        return source.Role switch
        {
            UnitRole.Compute or UnitRole.Weights or UnitRole.Accumulator => source.Owner,
            UnitRole.StreamBuffer => section.Streams[source.Owner].Consumer,
            UnitRole.Port => stages + source.Owner,
            _ => route.IsOnce ? stages + source.Owner
                : sink.Role is UnitRole.Compute or UnitRole.Weights or UnitRole.Accumulator ? sink.Owner
                : stages + source.Owner,
        };
    }
}
