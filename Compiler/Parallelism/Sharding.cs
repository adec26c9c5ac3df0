using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Parallelism;

/// <summary>How a graph is shared among RDUs: where each parameter and each computed value lies, and in which order is computed.</summary>
public abstract class Sharding
{
    /// <param name="graph">The whole graph.</param>
    /// <param name="sockets">RDUs.</param>
    protected Sharding(Graph graph, int sockets)
    {
        Graph = graph;
        Sockets = sockets;
    }

    public Graph Graph { get; }

    public int Sockets { get; }

    /// <summary>True if the order of nodes is the schedule.</summary>
    public virtual bool IsOrdered => false;

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
        var inputs = new Operators.OperatorInputs(node.Name, node.Operator.Name, [.. node.Inputs.Select(input => Graph[input].Type)]);
        return layout.Pieces.All(piece => piece.Region.IsAllOf(output) || node.Operator.SliceOf(inputs, output, piece.Region) is not null);
    }
}
