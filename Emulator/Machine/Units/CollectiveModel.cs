using RduEmu.Emulator.Machine.Spec;
using RduEmu.Emulator.Machine.Time;

namespace RduEmu.Emulator.Machine.Units;

/// <summary>
/// Collectives over the links between RDUs. Every RDU reaches every other of its node (peer to peer, without a stop in memory), so a
/// reduce-scatter over n is one exchange of (n - 1)/n of the data over each RDU's links, an all-gather another one, and an all-reduce is
/// both. Over several nodes the exchange inside a node comes first, then one over the nodes with each RDU's share, then the way back.
/// </summary>
public sealed class CollectiveModel(RduSpec spec)
{
    public Cycles AllReduce(Bytes amount, long sockets)
    {
        long inNode = Math.Min(sockets, spec.Node.Sockets);
        long nodes = UnitModel.CeilDiv(sockets, Math.Max(1, inNode));
        Cycles within = Exchange(amount, inNode, spec.LinkBandwidth, spec.FromNanoseconds(spec.Link.LatencyNanoseconds));
        Cycles across = Exchange(
            new Bytes(UnitModel.CeilDiv(amount.Count, inNode)), nodes, spec.NodeBandwidth, spec.FromNanoseconds(spec.Link.NodeLatencyNanoseconds));
        return (within + across) * 2;
    }

    /// <summary>Every RDU gets what every other has: first its like in the other nodes, then its node.</summary>
    /// <param name="each">What each RDU has.</param>
    public Cycles AllGather(Bytes each, long sockets)
    {
        long inNode = Math.Min(sockets, spec.Node.Sockets);
        long nodes = UnitModel.CeilDiv(sockets, Math.Max(1, inNode));
        return Exchange(each * nodes, nodes, spec.NodeBandwidth, spec.FromNanoseconds(spec.Link.NodeLatencyNanoseconds))
            + Exchange(each * nodes * inNode, inNode, spec.LinkBandwidth, spec.FromNanoseconds(spec.Link.LatencyNanoseconds));
    }

    /// <summary>Half of an all-reduce.</summary>
    public Cycles ReduceScatter(Bytes amount, long sockets)
    {
        Cycles whole = AllReduce(amount, sockets);
        return new Cycles(UnitModel.CeilDiv(whole.Count, 2));
    }

    private static Cycles Exchange(Bytes amount, long members, BytesPerCycle bandwidth, Cycles latency)
    {
        if (members <= 1 || amount.Count == 0)
        {
            return Cycles.Zero;
        }

        var share = new Bytes(UnitModel.CeilDiv(amount.Count, members));
        return bandwidth.CyclesFor(share * (members - 1)) + latency;
    }
}
