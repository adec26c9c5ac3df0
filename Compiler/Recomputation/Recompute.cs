using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Recomputation;

/// <summary>
/// Gradients read copies of a layer's inner values, which are computed again from what the layer read, just before: so the inner values
/// of a layer need not last from the forward pass to its gradients. The same operators on the same values: the same bits.
/// </summary>
/// <example>y = f(x), z = g(y), ..., dy = g'(y, dz) --> y = f(x), z = g(y), ..., y' = f(x), dy = g'(y', dz).</example>
/// <remarks>
/// Values with samples are computed again, statistics of a batch and all that has no samples are kept: they are small, and need all
/// samples. Random numbers are counted, so a dropout or a stochastic rounding draws again what it drew.
/// </remarks>
public sealed class Recompute
{
    private readonly Graph _graph;
    private readonly int _forwardNodes;
    private readonly HashSet<ValueId> _inner;
    private readonly Dictionary<ValueId, Node> _producers;
    private readonly GraphBuilder _builder = new();
    private readonly Dictionary<ValueId, ValueId> _here = [];
    private readonly Dictionary<ValueId, ValueId> _copies = [];

    private Recompute(Graph graph, int forwardNodes, IEnumerable<ValueId> inner)
    {
        _graph = graph;
        _forwardNodes = forwardNodes;
        _producers = graph.Nodes.Take(forwardNodes).ToDictionary(node => node.Output);
        _inner = [.. inner.Where(id => graph[id].Type.HasSamples && _producers.ContainsKey(id) && !graph.Outputs.Contains(id))];

        // What is widened of an inner value goes the way of that.
        _inner.UnionWith(graph.Nodes.Take(forwardNodes).Where(node => node.Operator is WidenBFloat16 && _inner.Contains(node.Inputs[0])).Select(node => node.Output));
    }

    /// <param name="graph">Of a training step.</param>
    /// <param name="forwardNodes">Nodes up to the losses.</param>
    /// <param name="inner">Values that are not to be kept for gradients.</param>
    /// <returns>The new graph, and where the old values are in it.</returns>
    public static (Graph Graph, IReadOnlyDictionary<ValueId, ValueId> Mapped) Run(Graph graph, int forwardNodes, IEnumerable<ValueId> inner) =>
        new Recompute(graph, forwardNodes, inner).Build();

    private (Graph Graph, IReadOnlyDictionary<ValueId, ValueId> Mapped) Build()
    {
        foreach (Value value in _graph.Values)
        {
            if (value.Role != ValueRole.Computed)
            {
                _here.Add(value.Id, value.Role switch
                {
                    ValueRole.Input => _builder.Input(value.Name, value.Type),
                    ValueRole.Parameter => _builder.Parameter(value.Name, value.Type),
                    _ => _builder.Constant(value.Name, value.Type, value.Constant!.Value),
                });
            }
        }

        foreach (Node node in _graph.Nodes)
        {
            bool isGradient = node.Id.Index >= _forwardNodes;
            _here.Add(node.Output, _builder.Apply(node, [.. node.Inputs.Select(input => isGradient ? Copied(input) : _here[input])]));
        }

        foreach (Update update in _graph.Updates)
        {
            _builder.Update(_here[update.Parameter], _here[update.Value]);
        }

        return (_builder.Build([.. _graph.Outputs.Select(output => _here[output])]), _here);
    }

    /// <summary>What a gradient reads in the place of a value: computed again at its first reader.</summary>
    private ValueId Copied(ValueId value)
    {
        if (!_inner.Contains(value))
        {
            return _here[value];
        }

        if (!_copies.TryGetValue(value, out ValueId copy))
        {
            Node node = _producers[value];
            copy = _builder.Recompute(node.Operator, [.. node.Inputs.Select(Copied)]);
            _copies.Add(value, copy);
        }

        return copy;
    }
}
