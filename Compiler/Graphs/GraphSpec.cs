using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Graphs;

/// <summary>
/// The legal form of a graph, as a check: ids are positions; each computed value has exactly one node, which stands after
/// those of its inputs; types are what the operators infer; extents are not negative; outputs exist; a parameter
/// is updated once at most, by a value of its type that is no parameter itself.
/// </summary>
public static class GraphSpec
{
    /// <exception cref="RduException">RDU0401, naming the first rule that is broken and where.</exception>
    public static void Check(Graph graph)
    {
        var defined = new bool[graph.Values.Count];
        for (int i = 0; i < defined.Length; i++)
        {
            CheckValue(graph.Values[i], i);
            defined[i] = graph.Values[i].Role != ValueRole.Computed;
        }

        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            CheckNode(graph, graph.Nodes[i], i, defined);
        }

        for (int i = 0; i < defined.Length; i++)
        {
            if (!defined[i])
            {
                throw Illegal(graph.Values[i].Name, "a node that computes it", "none");
            }
        }

        CheckEnds(graph);
    }

    private static void CheckValue(Value value, int index)
    {
        TensorType type = value.Type;
        if (value.Id.Index != index)
        {
            throw Illegal(value.Name, $"id v{index}", value.Id.ToString());
        }

        foreach (int extent in type.Shape.AsSpan())
        {
            if (extent < 0)
            {
                throw Illegal(value.Name, "extents of at least 0", type.ToString());
            }
        }

        if (type.IsPaired && !type.Widened().CanBePaired)
        {
            throw Illegal(value.Name, "pairs in rows of an even number of columns", type.ToString());
        }

        if (type.HasSamples && type.Rank == 0)
        {
            throw Illegal(value.Name, "a sample axis", type.ToString());
        }

        if (value.Role == ValueRole.Constant != value.Constant.HasValue)
        {
            throw Illegal(value.Name, "a value for constants only", value.Role.ToString());
        }
    }

    /// <summary>Marks the node's output as defined.</summary>
    private static void CheckNode(Graph graph, Node node, int index, bool[] defined)
    {
        if (node.Id.Index != index)
        {
            throw Illegal(node.Name, $"id n{index}", node.Id.ToString());
        }

        var types = new TensorType[node.Inputs.Count];
        for (int k = 0; k < types.Length; k++)
        {
            ValueId input = node.Inputs[k];
            if ((uint)input.Index >= (uint)defined.Length || !defined[input.Index])
            {
                throw Illegal(node.Name, "inputs that stand before it", input.ToString());
            }

            types[k] = graph[input].Type;
        }

        if ((uint)node.Output.Index >= (uint)defined.Length || defined[node.Output.Index])
        {
            throw Illegal(node.Name, "an output that nothing else computes", node.Output.ToString());
        }

        TensorType inferred = node.Operator.Infer(new OperatorInputs(node.Name, node.Operator.Name, types));
        if (inferred != graph[node.Output].Type)
        {
            throw Illegal(node.Name, inferred.ToString(), graph[node.Output].Type.ToString());
        }

        defined[node.Output.Index] = true;
    }

    /// <summary>What the graph leaves: updates and outputs.</summary>
    private static void CheckEnds(Graph graph)
    {
        var updated = new HashSet<ValueId>();
        foreach (Update update in graph.Updates)
        {
            Value parameter = graph[update.Parameter];
            Value value = graph[update.Value];
            if (parameter.Role != ValueRole.Parameter)
            {
                throw Illegal(parameter.Name, "an update of a parameter", parameter.Role.ToString());
            }

            if (parameter.Type != value.Type)
            {
                throw Illegal(parameter.Name, parameter.Type.ToString(), value.Type.ToString());
            }

            if (value.Role == ValueRole.Parameter)
            {
                throw Illegal(parameter.Name, "an update by an input or a computed value", value.Name);
            }

            if (!updated.Add(update.Parameter))
            {
                throw Illegal(parameter.Name, "one update", "two");
            }
        }

        foreach (ValueId output in graph.Outputs)
        {
            if ((uint)output.Index >= (uint)graph.Values.Count)
            {
                throw Illegal("outputs", "an existing value", output.ToString());
            }
        }
    }

    private static RduException Illegal(string where, string expected, string got) =>
        new(ErrorCatalogue.GraphIllegal, where, expected, got, "correct the graph at this place");
}
