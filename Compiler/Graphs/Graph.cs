using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Graphs;

public readonly record struct NodeId(int Index)
{
    public override string ToString() => $"n{Index}";
}

public readonly record struct ValueId(int Index)
{
    public override string ToString() => $"v{Index}";
}

/// <summary>Where a value comes from.</summary>
public enum ValueRole
{
    /// <summary>Given anew for every step.</summary>
    Input,

    /// <summary>Kept from step to step; written by the optimiser.</summary>
    Parameter,

    /// <summary>The output of a node.</summary>
    Computed,
}

public sealed record Value(ValueId Id, string Name, TensorType Type, ValueRole Role);

/// <summary>One application of an operator.</summary>
public sealed record Node(NodeId Id, string Name, Operator Operator, EquatableArray<ValueId> Inputs, ValueId Output);

/// <summary>
/// A dataflow graph: values and the nodes that compute them, in an order in which every input stands before its use.
/// Immutable; made by <see cref="GraphBuilder"/>, legal by <see cref="GraphSpec"/>.
/// </summary>
public sealed record Graph(EquatableArray<Value> Values, EquatableArray<Node> Nodes, EquatableArray<ValueId> Outputs)
{
    public Value this[ValueId id] => Values[id.Index];

    public override string ToString()
    {
        var lines = new List<string>();
        foreach (Value value in Values)
        {
            if (value.Role != ValueRole.Computed)
            {
                lines.Add($"{value.Id} = {value.Role} {value.Name} : {value.Type}");
            }
        }

        foreach (Node node in Nodes)
        {
            lines.Add($"{node.Output} = {node.Operator}({string.Join(", ", node.Inputs)}) : {this[node.Output].Type}");
        }

        lines.Add($"return {string.Join(", ", Outputs)}");
        return string.Join('\n', lines);
    }
}
