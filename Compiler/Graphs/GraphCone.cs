namespace RduEmu.Compiler.Graphs;

/// <summary>The part of a graph that computes one value from values that are known.</summary>
/// <param name="Graph">That part; known values are its inputs and parameters, values and nodes keep their names.</param>
/// <param name="Given">Its inputs and parameters with what they are in the whole graph.</param>
/// <param name="Target">Where the value stands when it has run: in the parameter that takes it, where there is one.</param>
public sealed record GraphCone(Graph Graph, EquatableArray<(ValueId Whole, ValueId Own)> Given, ValueId Target)
{
    /// <summary>Goes back from the value to what is known. Inputs, parameters and constants of the whole graph always are.</summary>
    /// <param name="whole">The graph.</param>
    /// <param name="target">A computed value.</param>
    /// <param name="known">Computed values at which to stop; the target itself does not count.</param>
    /// <example>a = f(x), b = g(a), c = h(b); target b, known a --> b = g(a) with the input a.</example>
    public static GraphCone Of(Graph whole, ValueId target, IReadOnlySet<ValueId> known)
    {
        bool IsLeaf(ValueId id) => id != target && known.Contains(id) || whole[id].Role != ValueRole.Computed;
        var needed = new HashSet<ValueId> { target };
        foreach (Node node in whole.Nodes.Reverse().Where(node => needed.Contains(node.Output) && !IsLeaf(node.Output)))
        {
            needed.UnionWith(node.Inputs);
        }

        var values = new List<Value>();
        var own = new Dictionary<ValueId, ValueId>();
        var given = new List<(ValueId Whole, ValueId Own)>();
        foreach (Value value in whole.Values.Where(value => needed.Contains(value.Id)))
        {
            var id = new ValueId(values.Count);
            own.Add(value.Id, id);
            ValueRole role = !IsLeaf(value.Id) || value.Role != ValueRole.Computed ? value.Role : value.Type.HasSamples ? ValueRole.Input : ValueRole.Parameter;
            values.Add(value with { Id = id, Role = role });
            if (role is ValueRole.Input or ValueRole.Parameter)
            {
                given.Add((value.Id, id));
            }
        }

        var nodes = new List<Node>();
        foreach (Node node in whole.Nodes.Where(node => own.ContainsKey(node.Output) && !IsLeaf(node.Output)))
        {
            nodes.Add(new Node(new NodeId(nodes.Count), node.Name, node.Operator, EquatableArray.Create<ValueId>([.. node.Inputs.Select(input => own[input])]), own[node.Output]));
        }

        // What takes a value in its place is part of how it is computed: a sparse step never makes its gradient whole.
        Update[] updates =
        [
            .. whole.Updates.Where(update => own.ContainsKey(update.Parameter) && own.ContainsKey(update.Value) && !IsLeaf(update.Value))
                .Select(update => new Update(own[update.Parameter], own[update.Value])),
        ];
        ValueId at = updates.Where(update => update.Value == own[target]).Select(update => update.Parameter).FirstOrDefault(own[target]);
        EquatableArray<ValueId> outputs = at == own[target] ? EquatableArray.Create<ValueId>([at]) : EquatableArray.Create<ValueId>([]);
        var graph = new Graph(EquatableArray.Create<Value>([.. values]), EquatableArray.Create<Node>([.. nodes]), outputs, EquatableArray.Create<Update>(updates));
        GraphSpec.Check(graph);
        return new GraphCone(graph, EquatableArray.Create<(ValueId, ValueId)>([.. given]), at);
    }
}
