using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Lowering;

/// <summary>The optimiser state that a sparse step updates along with its table.</summary>
/// <param name="Parameter">The state: of the table's shape, or [R, 1] if row-wise.</param>
/// <param name="Output">Its new value.</param>
/// <param name="RowWise">One value for each row.</param>
public sealed record SparseState(ValueId Parameter, ValueId Output, bool RowWise);

/// <summary>A table's step whose gradient nobody else reads: it is never made dense.</summary>
/// <param name="Gradient">The node of the gradient.</param>
/// <param name="State">What Adagrad keeps; null for SGD.</param>
internal sealed record SparseStep(Node Gradient, ValueId Table, ValueId Rate, SparseState? State);

/// <summary>
/// How each update of a graph is carried out: by the node that computes the value, in place; by a sparse step, which takes the
/// table's gradient and its state along; or, where the parameter is still read after its new value is there, by a copy at the
/// end of the step.
/// </summary>
/// <example>
/// table := AdagradStep(table, g, s', rate) and state := s' = AdagradState(state, g) with g an EmbeddingBagGradient --> one sparse
/// step, if nothing else reads g or s'.
/// </example>
internal sealed class UpdatePlan
{
    private readonly Graph _graph;
    private readonly Dictionary<ValueId, Node> _producers;
    private readonly int[] _uses;
    private readonly int[] _lastReader;
    private readonly HashSet<ValueId> _contracted = [];
    private readonly Dictionary<ValueId, ValueId> _inPlace = [];
    private readonly Dictionary<ValueId, SparseStep> _sparse = [];
    private readonly HashSet<ValueId> _absorbed = [];
    private readonly List<Update> _writeBacks = [];

    /// <param name="uses">How often each value is read by nodes and outputs; what is written back counts once more afterwards.</param>
    public UpdatePlan(Graph graph, Dictionary<ValueId, Node> producers, int[] uses)
    {
        _graph = graph;
        _producers = producers;
        _uses = uses;
        _lastReader = new int[graph.Values.Count];
        foreach (Node node in graph.Nodes)
        {
            foreach (ValueId input in node.Inputs)
            {
                _lastReader[input.Index] = node.Id.Index;
            }

            if (node.Operator.PackedInput is { } packed)
            {
                ValueId weight = node.Inputs[packed];
                _contracted.Add(producers.TryGetValue(weight, out Node? form) && form.Operator is WidenBFloat16 or BFloat16Weight ? form.Inputs[0] : weight);
            }
        }

        foreach (Update update in graph.Updates)
        {
            if (!CanBeInPlace(update) || !_inPlace.TryAdd(update.Value, update.Parameter))
            {
                _writeBacks.Add(update);
                _uses[update.Value.Index]++;
            }
        }

        foreach (ValueId value in _inPlace.Keys)
        {
            if (SparseStepOf(value) is { } step)
            {
                _sparse.Add(value, step);
                _absorbed.Add(step.Gradient.Output);
                if (step.State is { } state)
                {
                    _absorbed.Add(state.Output);
                }
            }
        }
    }

    /// <summary>Updates that are copies at the end of the step.</summary>
    public IReadOnlyList<Update> WriteBacks => _writeBacks;

    /// <summary>True if a sparse step computes the value by itself, or never makes it.</summary>
    public bool IsAbsorbed(ValueId value) => _absorbed.Contains(value);

    public SparseStep? Sparse(ValueId value) => _sparse.GetValueOrDefault(value);

    /// <summary>The parameter whose storage takes the value as it is computed; null if it has storage of its own.</summary>
    public ValueId? InPlace(ValueId value) => _inPlace.TryGetValue(value, out ValueId parameter) ? parameter : null;

    private bool CanBeInPlace(Update update) =>
        _producers.TryGetValue(update.Value, out Node? producer)
        && !_graph[update.Value].Type.HasSamples
        && _lastReader[update.Parameter.Index] <= producer.Id.Index

        // Only an elementwise step, or its rounding, packs the weight again for the contractions that read it.
        && (producer.Operator is ElementwiseOperator or RoundToBFloat16
            || producer.Operator.UpdatesInPlace && !_contracted.Contains(update.Parameter));

    private SparseStep? SparseStepOf(ValueId value)
    {
        Node step = _producers[value];
        ValueId table = _inPlace[value];
        if (step.Operator is not (SgdStep or AdagradStep) || step.Inputs[0] != table || _contracted.Contains(table)
            || !_producers.TryGetValue(step.Inputs[1], out Node? gradient) || gradient.Operator is not EmbeddingBagGradient)
        {
            return null;
        }

        if (step.Operator is SgdStep)
        {
            return _uses[gradient.Output.Index] == 1 ? new SparseStep(gradient, table, step.Inputs[2], null) : null;
        }

        // The rows that no index names keep their state, as they do with a gradient of zero; so the state must be the table's own.
        ValueId state = step.Inputs[2];
        bool isPair = _producers.TryGetValue(state, out Node? next)
            && next.Operator is AdagradState or RowWiseAdagradState
            && next.Inputs[1] == gradient.Output
            && InPlace(state) == next.Inputs[0]
            && !_contracted.Contains(next.Inputs[0])
            && _uses[state.Index] == 1
            && _uses[gradient.Output.Index] == 2;
        return isPair
            ? new SparseStep(gradient, table, step.Inputs[3], new SparseState(next!.Inputs[0], state, next.Operator is RowWiseAdagradState))
            : null;
    }
}
