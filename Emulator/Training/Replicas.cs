using System.Runtime.ExceptionServices;
using RduEmu.Emulator.Fabric;

namespace RduEmu.Emulator.Training;

/// <summary>The other RDUs of a node, with sessions of their own.</summary>
internal sealed class Replicas(InProcessFabric[] node, IReadOnlyList<ModelSession> sessions)
{
    public IReadOnlyList<ModelSession> Sessions => sessions;

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
        var faults = new Exception?[losses.Length];
        void Make(int socket)
        {
            try
            {
                losses[socket] = step(socket == 0 ? first : sessions[socket - 1]);
            }
            catch (Exception fault)
            {
                // The others wait for this one; whoever fails first is reported, the rest are only told to stop.
                faults[socket] = fault;
                node[socket].Abort();
            }
        }

        Thread[] threads = [.. Enumerable.Range(1, sessions.Count).Select(socket => new Thread(() => Make(socket)) { IsBackground = true, Name = $"RDU {socket}" })];
        Array.ForEach(threads, thread => thread.Start());
        Make(0);
        Array.ForEach(threads, thread => thread.Join());
        Exception? cause = Array.Find(faults, fault => fault is not null and not OperationCanceledException) ?? Array.Find(faults, fault => fault is not null);
        if (cause is not null)
        {
            ExceptionDispatchInfo.Throw(cause);
        }

        return Array.TrueForAll(losses, loss => BitConverter.SingleToInt32Bits(loss) == BitConverter.SingleToInt32Bits(losses[0]))
            ? losses[0]
            : throw new InvalidOperationException($"RDUs came to different losses: {string.Join(", ", losses)}");
    }
}
