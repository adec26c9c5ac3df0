using System.Runtime.ExceptionServices;
using RduEmu.Emulator.Fabric;

namespace RduEmu.Emulator.Training;

/// <summary>RDUs of one process side by side, each on a thread of its own; the first one's is the caller's.</summary>
internal static class RduThreads
{
    /// <param name="node">The RDUs.</param>
    /// <param name="run">What each does, by its number.</param>
    public static void Run(InProcessFabric[] node, Action<int> run)
    {
        var faults = new Exception?[node.Length];
        void Make(int socket)
        {
            try
            {
                run(socket);
            }
            catch (Exception fault)
            {
                // The others wait for this one; whoever fails first is reported, the rest are only told to stop.
                faults[socket] = fault;
                node[socket].Abort();
            }
        }

        Thread[] threads = [.. Enumerable.Range(1, node.Length - 1).Select(socket => new Thread(() => Make(socket)) { IsBackground = true, Name = $"RDU {socket}" })];
        Array.ForEach(threads, thread => thread.Start());
        Make(0);
        Array.ForEach(threads, thread => thread.Join());
        Exception? cause = Array.Find(faults, fault => fault is not null and not OperationCanceledException) ?? Array.Find(faults, fault => fault is not null);
        if (cause is not null)
        {
            ExceptionDispatchInfo.Throw(cause);
        }
    }
}
