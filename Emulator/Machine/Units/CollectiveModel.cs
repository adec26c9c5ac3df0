using RduEmu.Emulator.Machine.Spec;
using RduEmu.Emulator.Machine.Time;

namespace RduEmu.Emulator.Machine.Units;

/// <summary>
/// Collectives over the links between RDUs, as rings: a reduce-scatter or an all-gather over n moves (n - 1)/n of the data over each
/// RDU's links in n - 1 steps; an all-reduce is both. Over several nodes the ring inside a node comes first, then one over the nodes
/// with each RDU's share, then the ring inside again (hierarchical all-reduce).
/// </summary>
public sealed class CollectiveModel(RduSpec spec)
{
    public Cycles AllReduce(Bytes amount, long sockets)
    {
        long inNode = Math.Min(sockets, spec.Node.Sockets);
        long nodes = UnitModel.CeilDiv(sockets, Math.Max(1, inNode));
        Cycles within = Ring(amount, inNode, spec.LinkBandwidth, spec.FromNanoseconds(spec.Link.LatencyNanoseconds));
        Cycles across = Ring(
            new Bytes(UnitModel.CeilDiv(amount.Count, inNode)), nodes, spec.NodeBandwidth, spec.FromNanoseconds(spec.Link.NodeLatencyNanoseconds));
        return (within + across) * 2;
    }

    /// <summary>Half of an all-reduce.</summary>
    public Cycles ReduceScatter(Bytes amount, long sockets)
    {
        Cycles whole = AllReduce(amount, sockets);
        return new Cycles(UnitModel.CeilDiv(whole.Count, 2));
    }

    private static Cycles Ring(Bytes amount, long members, BytesPerCycle bandwidth, Cycles latency)
    {
        if (members <= 1 || amount.Count == 0)
        {
            return Cycles.Zero;
        }

        var step = new Bytes(UnitModel.CeilDiv(amount.Count, members));
        return (bandwidth.CyclesFor(step) + latency) * (members - 1);
    }
}
