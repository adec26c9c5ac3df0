using System.Collections.Concurrent;

namespace RduEmu.Emulator.Fabric;

/// <summary>RDUs of one process, each on a thread of its own: bytes go through queues in memory.</summary>
public sealed class InProcessFabric : IFabric
{
    private readonly Links _node;
    private readonly long[] _sentBytes;
    private readonly long[] _sentMessages;

    private InProcessFabric(Links node, int socket)
    {
        _node = node;
        Socket = socket;
        _sentBytes = new long[node.Topology.Sockets];
        _sentMessages = new long[node.Topology.Sockets];
    }

    public int Socket { get; }

    public int Sockets => _node.Topology.Sockets;

    public long SentBytes => _sentBytes.Sum();

    public FabricTopology Topology => _node.Topology;

    public IReadOnlyList<LinkTraffic> Sent =>
    [
        .. Enumerable.Range(0, Sockets).Where(to => _sentMessages[to] > 0)
            .Select(to => new LinkTraffic(Socket, to, Topology.IsInNode(Socket, to), _sentMessages[to], _sentBytes[to])),
    ];

    /// <summary>So many RDUs, eight in a node: for each its own view.</summary>
    public static InProcessFabric[] Create(int sockets) => Create(new FabricTopology(sockets));

    /// <summary>RDUs in nodes: for each its own view.</summary>
    public static InProcessFabric[] Create(FabricTopology topology)
    {
        int sockets = topology.Sockets;
        ArgumentOutOfRangeException.ThrowIfLessThan(sockets, 1, nameof(topology));
        var node = new Links(topology);
        return [.. Enumerable.Range(0, sockets).Select(socket => new InProcessFabric(node, socket))];
    }

    public void Send(int to, ReadOnlySpan<byte> bytes)
    {
        _node.Queues[Socket, to].Add(bytes.ToArray());
        _sentBytes[to] += bytes.Length;
        _sentMessages[to]++;
    }

    public void Receive(int from, Span<byte> bytes)
    {
        byte[] sent = _node.Queues[from, Socket].Take(_node.Aborted.Token);
        if (sent.Length != bytes.Length)
        {
            throw new InvalidOperationException($"RDU {from} sent {sent.Length} bytes to RDU {Socket}, which expects {bytes.Length}");
        }

        sent.CopyTo(bytes);
    }

    public void Barrier() => _node.All.SignalAndWait(_node.Aborted.Token);

    /// <summary>Ends all waiting, now and later: an RDU has failed.</summary>
    public void Abort() => _node.Aborted.Cancel();

    /// <summary>What the RDUs share.</summary>
    private sealed class Links
    {
        public Links(FabricTopology topology)
        {
            int sockets = topology.Sockets;
            Topology = topology;
            All = new Barrier(sockets);
            Queues = new BlockingCollection<byte[]>[sockets, sockets];
            for (int from = 0; from < sockets; from++)
            {
                for (int to = 0; to < sockets; to++)
                {
                    Queues[from, to] = [];
                }
            }
        }

        public FabricTopology Topology { get; }

        public Barrier All { get; }

        public BlockingCollection<byte[]>[,] Queues { get; }

        public CancellationTokenSource Aborted { get; } = new();
    }
}
