namespace RduEmu.Emulator.Fabric;

/// <summary>
/// The network between RDUs, as one of them sees it. It moves bytes and never adds: sums are made by the RDUs, in RDU order. Every
/// RDU must make the same calls in the same order.
/// </summary>
public interface IFabric
{
    /// <summary>This RDU.</summary>
    int Socket { get; }

    /// <summary>How many there are.</summary>
    int Sockets { get; }

    /// <summary>Gives bytes to another RDU; they may be overwritten once it returns.</summary>
    void Send(int to, ReadOnlySpan<byte> bytes);

    /// <summary>Takes what another RDU has sent to this one, in the order in which it did.</summary>
    /// <exception cref="InvalidOperationException">It has sent another number of bytes.</exception>
    void Receive(int from, Span<byte> bytes);

    /// <summary>Returns when all have come here.</summary>
    void Barrier();

    /// <summary>Bytes that this RDU has sent.</summary>
    long SentBytes { get; }

    /// <summary>Which RDUs stand in one node.</summary>
    FabricTopology Topology { get; }

    /// <summary>What this RDU has sent to each other one so far.</summary>
    IReadOnlyList<LinkTraffic> Sent { get; }

    /// <summary>Every RDU's share of a buffer becomes known to all.</summary>
    /// <param name="all">Equal shares in the order of the RDUs; this one's is filled in.</param>
    void AllGather(Span<byte> all)
    {
        int share = all.Length / Sockets;
        for (int other = 0; other < Sockets; other++)
        {
            if (other != Socket)
            {
                Send(other, all.Slice(Socket * share, share));
            }
        }

        for (int other = 0; other < Sockets; other++)
        {
            if (other != Socket)
            {
                Receive(other, all.Slice(other * share, share));
            }
        }
    }
}
