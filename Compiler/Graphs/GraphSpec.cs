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
        for (int i = 0; i < graph.Values.Count; i++)
        {
            Value value = graph.Values[i];
            Require(value.Id.Index == i, value.Name, $"id v{i}", value.Id.ToString());
            foreach (int extent in value.Type.Shape)
            {
                Require(extent >= 0, value.Name, "extents of at least 0", value.Type.ToString());
            }

            Require(!value.Type.IsPaired || value.Type.Widened().CanBePaired, value.Name, "pairs in rows of an even number of columns", value.Type.ToString());
            Require(!value.Type.HasSamples || value.Type.Rank > 0, value.Name, "a sample axis", value.Type.ToString());
            Require(value.Role == ValueRole.Constant == value.Constant.HasValue, value.Name, "a value for constants only", value.Role.ToString());
            defined[i] = value.Role != ValueRole.Computed;
        }

        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            Node node = graph.Nodes[i];
            Require(node.Id.Index == i, node.Name, $"id n{i}", node.Id.ToString());
            var types = new TensorType[node.Inputs.Count];
            for (int k = 0; k < types.Length; k++)
            {
                ValueId input = node.Inputs[k];
                Require(input.Index < defined.Length && defined[input.Index], node.Name, "inputs that stand before it", input.ToString());
                types[k] = graph[input].Type;
            }

            Require(node.Output.Index < defined.Length && !defined[node.Output.Index], node.Name, "an output that nothing else computes", node.Output.ToString());
            TensorType inferred = node.Operator.Infer(new OperatorInputs(node.Name, node.Operator.Name, types));
            Require(inferred == graph[node.Output].Type, node.Name, inferred.ToString(), graph[node.Output].Type.ToString());
            defined[node.Output.Index] = true;
        }

        for (int i = 0; i < defined.Length; i++)
        {
            Require(defined[i], graph.Values[i].Name, "a node that computes it", "none");
        }

        var updated = new HashSet<ValueId>();
        foreach (Update update in graph.Updates)
        {
            Value parameter = graph[update.Parameter];
            Require(parameter.Role == ValueRole.Parameter, parameter.Name, "an update of a parameter", parameter.Role.ToString());
            Require(parameter.Type == graph[update.Value].Type, parameter.Name, parameter.Type.ToString(), graph[update.Value].Type.ToString());
            Require(graph[update.Value].Role != ValueRole.Parameter, parameter.Name, "an update by an input or a computed value", graph[update.Value].Name);
            Require(updated.Add(update.Parameter), parameter.Name, "one update", "two");
        }

        foreach (ValueId output in graph.Outputs)
        {
            Require(output.Index >= 0 && output.Index < defined.Length, "outputs", "an existing value", output.ToString());
        }
    }

    private static void Require(bool holds, string where, string expected, string got)
    {
        if (!holds)
        {
            throw new RduException(ErrorCatalogue.GraphIllegal, where, expected, got, "correct the graph at this place");
        }
    }
}
