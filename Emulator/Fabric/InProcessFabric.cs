using System.Collections.Concurrent;

namespace RduEmu.Emulator.Fabric;

/// <summary>RDUs of one process, each on a thread of its own: bytes go through queues in memory.</summary>
public sealed class InProcessFabric : IFabric
{
    private readonly Node _node;

    private InProcessFabric(Node node, int socket)
    {
        _node = node;
        Socket = socket;
    }

    public int Socket { get; }

    public int Sockets => _node.Sockets;

    public long SentBytes { get; private set; }

    /// <summary>A node of so many RDUs: for each its own view.</summary>
    public static InProcessFabric[] Create(int sockets)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sockets, 1);
        var node = new Node(sockets);
        return [.. Enumerable.Range(0, sockets).Select(socket => new InProcessFabric(node, socket))];
    }

    public void Send(int to, ReadOnlySpan<byte> bytes)
    {
        _node.Queues[Socket, to].Add(bytes.ToArray());
        SentBytes += bytes.Length;
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
    private sealed class Node
    {
        public Node(int sockets)
        {
            Sockets = sockets;
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

        public int Sockets { get; }

        public Barrier All { get; }

        public BlockingCollection<byte[]>[,] Queues { get; }

        public CancellationTokenSource Aborted { get; } = new();
    }
}
