using RduEmu.Emulator.Fabric;

namespace RduEmu.Emulator.Training;

/// <summary>The other RDUs of a node, with sessions of their own.</summary>
internal sealed class Replicas(InProcessFabric[] node, IReadOnlyList<ModelSession> sessions)
{
    public IReadOnlyList<ModelSession> Sessions => sessions;

    public IReadOnlyList<LinkTraffic> Traffic => [.. node.SelectMany(socket => socket.Sent)];

    public void ForEach(Action<ModelSession> action)
    {
        foreach (ModelSession session in sessions)
        {
            action(session);
        }
    }

    /// <summary>All RDUs make a step, each on a thread of its own.</summary>
    /// <returns>The first one's loss; all must have the same.</returns>
    /// <exception cref="InvalidOperationException">An RDU came to another loss.</exception>
    public float Step(Func<ModelSession, float> step, ModelSession first)
    {
        var losses = new float[1 + sessions.Count];
        RduThreads.Run(node, socket => losses[socket] = step(socket == 0 ? first : sessions[socket - 1]));
        return Array.TrueForAll(losses, loss => BitConverter.SingleToInt32Bits(loss) == BitConverter.SingleToInt32Bits(losses[0]))
            ? losses[0]
            : throw new InvalidOperationException($"RDUs came to different losses: {string.Join(", ", losses)}");
    }
}
