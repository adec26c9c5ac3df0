using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Emulator.Fabric;
using RduEmu.Emulator.Training;

namespace RduEmu.Tests.Training;

/// <summary>Sums as they arrive have the bits of their order: what RDU order is measured against is not repeatable.</summary>
[TestFixture]
public sealed class ArrivalSumsTests
{
    private static readonly float[] Shares = [1e8f, 1f, -1e8f, 1f];

    [TestCase(new[] { 0, 1, 2, 3 }, 1f)]
    [TestCase(new[] { 0, 2, 1, 3 }, 2f)]
    [TestCase(new[] { 1, 3, 0, 2 }, 0f)]
    public void Sum_IsThatOfTheOrder(int[] order, float expected)
    {
        var value = new ValueId(0);
        var next = new ValueId(1);
        var sums = new ArrivalSums();
        var results = new float[order.Length];
        InProcessFabric[] node = InProcessFabric.Create(order.Length);
        using var turn = new Barrier(order.Length);
        void Run(int socket)
        {
            // A share of the second value is asked for when that of the first one has been added: then it is the next one's turn.
            float[] Share(ValueId of)
            {
                int place = Array.IndexOf(order, socket);
                for (int i = 0; of == value && i < place; i++)
                {
                    turn.SignalAndWait();
                }

                for (int i = place; of == next && i < order.Length; i++)
                {
                    turn.SignalAndWait();
                }

                return [of == value ? Shares[socket] : 0];
            }

            sums.Sum([value, next], Share, (of, sum) => results[socket] = of == value ? sum[0] : results[socket], node[socket]);
        }

        Thread[] threads = [.. Enumerable.Range(0, order.Length).Select(socket => new Thread(() => Run(socket)))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        Assert.That(results, Is.All.EqualTo(expected));
    }
}
