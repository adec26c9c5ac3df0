using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Parallelism;
using RduEmu.Emulator.Fabric;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Training.Sharded;

/// <summary>A graph shared by RDUs, for the machine model: what the busiest of them computes, and what goes over the links.</summary>
/// <param name="Busiest">The graph with most operations: the step is not faster.</param>
/// <param name="Samples">Samples of a step.</param>
/// <param name="Traffic">Of a step.</param>
public sealed record SharedWork(Graph Busiest, int Samples, ExchangeTraffic Traffic)
{
    /// <param name="graph">The whole graph.</param>
    /// <param name="split">How it is shared.</param>
    /// <param name="socketsPerNode">RDUs of a node.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU0201: it cannot be shared so.</exception>
    public static SharedWork Of(ModelGraph graph, BatchSplit split, int socketsPerNode)
    {
        ImmutableArray<SocketGraph> sockets = Sharder.Run(
            Shardings.Create(graph.Graph, split, stages: null), [.. graph.Predictions, .. graph.Loss is { } loss ? [loss] : Array.Empty<ValueId>()]);
        return new SharedWork(
            sockets.Select(socket => socket.Graph).MaxBy(Operations)!,
            graph.Graph.Values.First(value => value.Type.HasSamples).Type.Shape[0],
            ExchangeTraffic.Of(sockets, new FabricTopology(split.Sockets, socketsPerNode)));
    }

    private static long Operations(Graph graph) => graph.Nodes.Sum(node =>
        node.Operator.CountOperations(new OperatorInputs(node.Name, node.Operator.Name, [.. node.Inputs.Select(input => graph[input].Type)])));
}
