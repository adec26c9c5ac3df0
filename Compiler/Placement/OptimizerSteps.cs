using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Placement;

/// <summary>
/// Nodes that one machine operator stands for, beside sparse steps: an optimiser's step of a parameter with its new states (gradient,
/// parameter and states stream past once, as in SambaFlow, where a step is one operator), and a sum of squares over rows and columns.
/// </summary>
internal sealed class OptimizerSteps
{
    private readonly Dictionary<NodeId, List<Node>> _members = [];
    private readonly HashSet<NodeId> _absorbed = [];

    /// <param name="graph">The graph.</param>
    /// <param name="consumers">The nodes that read each value and are needed.</param>
    /// <param name="isOptimizer">True for the nodes of the optimiser that are needed.</param>
    public OptimizerSteps(Graph graph, Func<ValueId, IReadOnlyList<Node>> consumers, Func<Node, bool> isOptimizer)
    {
        var updated = new HashSet<ValueId>(graph.Updates.Select(update => update.Value));
        foreach (Node node in graph.Nodes.Where(isOptimizer))
        {
            IReadOnlyList<Node> readers = consumers(node.Output);
            if (readers.Count != 1 || !isOptimizer(readers[0]) || graph[node.Output].Type.HasSamples)
            {
                continue;
            }

            Node host = readers[0];
            bool isState = node.Operator is ElementwiseOperator && host.Operator is ElementwiseOperator && updated.Contains(node.Output)
                && graph[node.Output].Type == graph[host.Output].Type && graph[host.Output].Type.CountElements > 1;
            if (isState || (node.Operator is RowSquareSum && host.Operator is ColumnSum))
            {
                _absorbed.Add(node.Id);
                if (!_members.TryGetValue(host.Id, out List<Node>? members))
                {
                    _members.Add(host.Id, members = []);
                }

                // What was absorbed before goes with it.
                members.AddRange(_members.TryGetValue(node.Id, out List<Node>? own) ? own : []);
                members.Add(node);
            }
        }
    }

    /// <summary>True if another node's operator stands for the node.</summary>
    public bool IsAbsorbed(Node node) => _absorbed.Contains(node.Id);

    /// <summary>The nodes before it that a node's operator stands for, too, in their order.</summary>
    public IReadOnlyList<Node> MembersOf(Node node) => _members.TryGetValue(node.Id, out List<Node>? members) ? members : [];
}
