namespace RduEmu.Emulator.Fabric;

/// <summary>Which RDUs stand in one node: they reach each other over the node's links, others over a port of the node.</summary>
/// <param name="Sockets">RDUs.</param>
/// <param name="SocketsPerNode">RDUs of a node, 8 in the published systems.</param>
public sealed record FabricTopology(int Sockets, int SocketsPerNode = FabricTopology.PublishedSocketsPerNode)
{
    /// <summary>An SN10-8R has eight RDUs in a node (https://github.com/argonne-lcf/ai-testbed-userdocs).</summary>
    public const int PublishedSocketsPerNode = 8;

    public int Nodes => (Sockets + SocketsPerNode - 1) / SocketsPerNode;

    public int NodeOf(int socket) => socket / SocketsPerNode;

    public bool IsInNode(int from, int to) => NodeOf(from) == NodeOf(to);
}
