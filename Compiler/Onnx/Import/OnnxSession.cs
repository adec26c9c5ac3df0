using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx.Import;

/// <summary>A graph as it grows out of ONNX nodes, with the tensors that became its parameters.</summary>
public sealed class OnnxSession
{
    /// <summary>What is computed at compile time because a shape depends on it: by the interpreter's loops, a second or so.</summary>
    private const long MaximumEvaluatedWords = 1 << 24;

    private readonly Dictionary<HostTensor, ValueId> _materialized = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<ValueId, HostTensor> _parameters = [];
    private readonly Dictionary<ValueId, HostTensor> _evaluated = [];

    public GraphBuilder Builder { get; } = new();

    public IReadOnlyDictionary<ValueId, HostTensor> Parameters => _parameters;

    /// <summary>The value of the graph that holds a known tensor.</summary>
    public ValueId Materialize(HostTensor tensor, string? name = null)
    {
        if (!_materialized.TryGetValue(tensor, out ValueId id))
        {
            id = Builder.Parameter(name ?? $"constant_{_parameters.Count}", tensor.Type);
            _materialized.Add(tensor, id);
            _parameters.Add(id, tensor);
        }

        return id;
    }

    /// <summary>The value of the graph that this is.</summary>
    public ValueId IdOf(OnnxValue value) => value.Id ?? Materialize(value.Known!);

    public TensorType TypeOf(OnnxValue value) => value.Known?.Type ?? Builder[value.Id!.Value];

    /// <summary>The tensor of a value that depends on no input, computed if it must be.</summary>
    /// <param name="value">Any value.</param>
    /// <param name="inputs">If it does depend on inputs: which.</param>
    public HostTensor? Evaluate(OnnxValue value, out IReadOnlyList<ValueId> inputs)
    {
        inputs = [];
        if (value.Known is { } known)
        {
            return known;
        }

        ValueId id = value.Id!.Value;
        if (_parameters.TryGetValue(id, out HostTensor? parameter) || _evaluated.TryGetValue(id, out parameter))
        {
            return parameter;
        }

        IReadOnlyList<Node> nodes = Ancestors(id, out inputs);
        if (inputs.Count > 0)
        {
            return null;
        }

        if (nodes.Sum(node => Builder[node.Output].CountWords) > MaximumEvaluatedWords)
        {
            throw new RduException(
                ErrorCatalogue.ValueNotKnown, Builder.NameOf(id), $"a value that at most {MaximumEvaluatedWords} words are computed for", "more",
                "let the model compute shapes from smaller values");
        }

        HostTensor computed = GraphInterpreter.Run(Builder, nodes, [id], _parameters)[0];
        _evaluated.Add(id, computed);
        return computed;
    }

    /// <summary>The nodes that a value needs, in their order, and the inputs of the graph among what they read.</summary>
    private List<Node> Ancestors(ValueId id, out IReadOnlyList<ValueId> inputs)
    {
        var needed = new HashSet<ValueId> { id };
        var nodes = new List<Node>();
        for (int i = Builder.Nodes.Count - 1; i >= 0; i--)
        {
            Node node = Builder.Nodes[i];
            if (needed.Remove(node.Output))
            {
                nodes.Add(node);
                needed.UnionWith(node.Inputs);
            }
        }

        inputs = [.. needed.Where(value => !_parameters.ContainsKey(value) && Builder.ConstantOf(value) is null).OrderBy(value => value.Index)];
        nodes.Reverse();
        return nodes;
    }
}
