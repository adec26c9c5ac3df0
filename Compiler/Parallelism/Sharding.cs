using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Parallelism;

/// <summary>How a graph is shared among RDUs: where each parameter and each computed value lies, and in which order is computed.</summary>
public abstract class Sharding
{
    private readonly Dictionary<ValueId, Node> _bf16Weights;

    /// <param name="graph">The whole graph.</param>
    /// <param name="sockets">RDUs.</param>
    protected Sharding(Graph graph, int sockets)
    {
        Graph = graph;
        Sockets = sockets;
        _bf16Weights = graph.Nodes.Where(node => node.Operator is WidenBFloat16 or BFloat16Weight && graph[node.Inputs[0]].Role == ValueRole.Parameter).ToDictionary(node => node.Output);
    }

    public Graph Graph { get; }

    public int Sockets { get; }

    /// <summary>True if the order of nodes is the schedule.</summary>
    public virtual bool IsOrdered => false;

    /// <summary>
    /// The node that makes a weight of a parameter in bf16, as a contraction packs it; null if the value is none. It costs nothing: whoever
    /// packs such a weight keeps a part of the parameter, and no weight goes from one RDU to another.
    /// </summary>
    public Node? BFloat16WeightOf(ValueId value) => _bf16Weights.GetValueOrDefault(value);

    /// <summary>Where a parameter, or what a node computes, lies.</summary>
    public abstract Layout LayoutOf(ValueId value);

    /// <summary>
    /// The order in which pieces of nodes are computed: a key for each, smaller ones first, of equal ones the node that stands first.
    /// What a piece needs comes before it whatever the keys are.
    /// </summary>
    public virtual long OrderOf(Node node, int piece) => 0;

    /// <summary>True if the node can be computed by these pieces.</summary>
    protected bool CanBe(Node node, Layout layout)
    {
        TensorType output = Graph[node.Output].Type;
        var inputs = new OperatorInputs(node.Name, node.Operator.Name, [.. node.Inputs.Select(input => Graph[input].Type)]);
        return layout.Pieces.All(piece => piece.Region.IsAllOf(output) || node.Operator.SliceOf(inputs, output, piece.Region) is not null);
    }
}
