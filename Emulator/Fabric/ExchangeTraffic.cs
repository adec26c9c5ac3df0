using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Parallelism;

namespace RduEmu.Emulator.Fabric;

/// <summary>What the exchanges of RDUs' graphs move in one step: known before anything runs.</summary>
/// <param name="Links">Every link that is used.</param>
/// <param name="Rounds">Exchanges that follow each other, on the RDU that has most.</param>
public sealed record ExchangeTraffic(ImmutableArray<LinkTraffic> Links, long Rounds)
{
    public long Bytes => Links.Sum(link => link.Bytes);

    public static ExchangeTraffic Of(ImmutableArray<SocketGraph> sockets, FabricTopology topology)
    {
        var links = new List<LinkTraffic>();
        for (int sender = 0; sender < sockets.Length; sender++)
        {
            IEnumerable<(int Peer, long Bytes)> sent =
                from node in sockets[sender].Graph.Nodes
                where node.Operator is Exchange
                from move in ((Exchange)node.Operator).Moves
                where move.Kind == MoveKind.Send
                select (move.Peer, sockets[sender].Graph[node.Inputs[move.Input]].Type.WordsOf(move.Source.CountElements) * sizeof(int));
            foreach (IGrouping<int, (int Peer, long Bytes)> link in sent.GroupBy(move => move.Peer).OrderBy(link => link.Key))
            {
                links.Add(new LinkTraffic(sender, link.Key, topology.IsInNode(sender, link.Key), link.Count(), link.Sum(move => move.Bytes)));
            }
        }

        return new ExchangeTraffic([.. links], sockets.Max(socket => RoundsOf(socket.Graph)));
    }

    /// <summary>Sections of exchanges: those that do not wait for each other are one.</summary>
    private static long RoundsOf(Graph graph) =>
        GraphCompiler.Plan(graph, new CompileOptions()).Count(section => section.Pipelines.Any(pipeline => pipeline.Stages.Any(stage => stage is Compiler.Lowering.Stages.ExchangeStage)));
}
