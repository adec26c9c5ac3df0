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

    /// <summary>The same for every step, part of the graph.</summary>
    Constant,

    /// <summary>The output of a node.</summary>
    Computed,
}

/// <param name="Constant">The value of all elements of a constant, else null.</param>
public sealed record Value(ValueId Id, string Name, TensorType Type, ValueRole Role, float? Constant = null);

/// <summary>At the end of a step the parameter takes the value.</summary>
public readonly record struct Update(ValueId Parameter, ValueId Value);

/// <summary>One application of an operator.</summary>
public sealed record Node(NodeId Id, string Name, Operator Operator, EquatableArray<ValueId> Inputs, ValueId Output)
{
    /// <summary>True if it computes again, for a gradient, what was computed before: as late as possible.</summary>
    public bool IsRecomputed { get; init; }

    /// <summary>The input at the position, or null where the node has none there.</summary>
    public ValueId? OptionalInput(int index) => index < Inputs.Count ? Inputs[index] : null;
}

/// <summary>
/// A dataflow graph: values and the nodes that compute them, in an order in which every input stands before its use.
/// Immutable; made by <see cref="GraphBuilder"/>, legal by <see cref="GraphSpec"/>.
/// </summary>
public sealed record Graph(EquatableArray<Value> Values, EquatableArray<Node> Nodes, EquatableArray<ValueId> Outputs, EquatableArray<Update> Updates)
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

        foreach (Update update in Updates)
        {
            lines.Add($"{update.Parameter} := {update.Value}");
        }

        lines.Add($"return {string.Join(", ", Outputs)}");
        return string.Join('\n', lines);
    }
}
