namespace RduEmu.Compiler.Graphs;

/// <summary>Leaves out what no output needs. Inputs stay; parameters and constants that nothing reads go.</summary>
/// <example>a = f(x), b = g(x), return a --> a = f(x), return a.</example>
public static class GraphPruning
{
    /// <param name="builder">The graph so far; it must have no updates.</param>
    /// <param name="outputs">What is needed.</param>
    /// <param name="mapped">The values that are left, by what they were.</param>
    public static Graph Run(GraphBuilder builder, IReadOnlyList<ValueId> outputs, out IReadOnlyDictionary<ValueId, ValueId> mapped)
    {
        Graph graph = builder.Build([.. outputs]);
        var needed = new HashSet<ValueId>(outputs);
        for (int i = graph.Nodes.Count - 1; i >= 0; i--)
        {
            if (needed.Contains(graph.Nodes[i].Output))
            {
                needed.UnionWith(graph.Nodes[i].Inputs);
            }
        }

        var pruned = new GraphBuilder();
        var map = new Dictionary<ValueId, ValueId>();
        foreach (Value value in graph.Values)
        {
            if (value.Role == ValueRole.Input)
            {
                map.Add(value.Id, pruned.Input(value.Name, value.Type));
            }
            else if (value.Role == ValueRole.Parameter && needed.Contains(value.Id))
            {
                map.Add(value.Id, pruned.Parameter(value.Name, value.Type));
            }
            else if (value.Constant is { } constant && needed.Contains(value.Id))
            {
                map.Add(value.Id, pruned.Constant(value.Name, value.Type, constant));
            }
        }

        foreach (Node node in graph.Nodes)
        {
            if (needed.Contains(node.Output))
            {
                map.Add(node.Output, pruned.Apply(node.Operator, [.. node.Inputs.Select(input => map[input])]));
            }
        }

        mapped = map;
        return pruned.Build([.. outputs.Select(output => map[output])]);
    }
}
