using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Graphs;

/// <summary>Grows a graph; every operator's shape rule is checked as its node is added.</summary>
public sealed class GraphBuilder
{
    private readonly List<Value> _values = [];
    private readonly List<Node> _nodes = [];
    private readonly List<Update> _updates = [];

    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>Values so far; the next one has this index.</summary>
    public int CountValues => _values.Count;

    public TensorType this[ValueId id] => _values[id.Index].Type;

    /// <summary>The value of all elements of a constant, else null.</summary>
    public float? ConstantOf(ValueId id) => _values[id.Index].Constant;

    public string NameOf(ValueId id) => _values[id.Index].Name;

    public ValueId Input(string name, TensorType type) => Add(name, type, ValueRole.Input);

    public ValueId Parameter(string name, TensorType type) => Add(name, type, ValueRole.Parameter);

    /// <summary>A tensor whose elements are all the same.</summary>
    public ValueId Constant(string name, TensorType type, float value)
    {
        ValueId id = Add(name, type, ValueRole.Constant);
        _values[id.Index] = _values[id.Index] with { Constant = value };
        return id;
    }

    /// <summary>At the end of a step the parameter takes the value, which must have its type.</summary>
    public void Update(ValueId parameter, ValueId value) => _updates.Add(new Update(parameter, value));

    /// <exception cref="Kernels.Errors.RduException">RDU0401: the operator does not take these inputs.</exception>
    public ValueId Apply(Operator op, params ReadOnlySpan<ValueId> inputs) => Apply(op, isRecomputed: false, inputs);

    /// <summary>The same node for a node of another graph, with other inputs.</summary>
    /// <exception cref="Kernels.Errors.RduException">RDU0401: the operator does not take these inputs.</exception>
    public ValueId Apply(Node node, params ReadOnlySpan<ValueId> inputs) => Apply(node.Operator, node.IsRecomputed, inputs);

    /// <summary>As <see cref="Apply(Operator, ReadOnlySpan{ValueId})"/>, for a value that was there before.</summary>
    public ValueId Recompute(Operator op, params ReadOnlySpan<ValueId> inputs) => Apply(op, isRecomputed: true, inputs);

    private ValueId Apply(Operator op, bool isRecomputed, ReadOnlySpan<ValueId> inputs)
    {
        var id = new NodeId(_nodes.Count);
        string name = $"{op.Name}_{id.Index}";
        TensorType[] types = new TensorType[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            types[i] = this[inputs[i]];
        }

        TensorType type = op.Infer(new OperatorInputs(name, op.Name, types));
        ValueId output = Add(name, type, ValueRole.Computed);
        _nodes.Add(new Node(id, name, op, EquatableArray.Create(inputs), output) { IsRecomputed = isRecomputed });
        return output;
    }

    public Graph Build(params ReadOnlySpan<ValueId> outputs)
    {
        var graph = new Graph(
            EquatableArray.Create<Value>([.. _values]),
            EquatableArray.Create<Node>([.. _nodes]),
            EquatableArray.Create(outputs),
            EquatableArray.Create<Update>([.. _updates]));
        GraphSpec.Check(graph);
        return graph;
    }

    private ValueId Add(string name, TensorType type, ValueRole role)
    {
        var id = new ValueId(_values.Count);
        _values.Add(new Value(id, name, type, role));
        return id;
    }
}
