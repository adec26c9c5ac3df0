using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Parallelism;

/// <summary>
/// Cuts a graph over a batch into graphs over equal parts of it, with the bits of the whole: for RDUs that share a batch, and for
/// batches whose activations do not fit at once.
/// </summary>
/// <remarks>
/// What is computed sample by sample goes to the parts. A sum over samples is cut at the top of its tree where a part is a whole
/// subtree: each part sums its share, and the join adds the shares by the same tree. Any other operator that takes samples together
/// (a sum whose groups a part would cut, a scatter in the order of the samples) runs in the join on the rows of all parts. A graph
/// whose samples depend on such a result (batch statistics) takes several phases. What depends on parameters alone is computed
/// wherever it is needed; parameters are updated in the last join.
/// </remarks>
public sealed class BatchCut
{
    private readonly Graph _graph;
    private readonly int _parts;
    private readonly int _shares;
    private readonly int _batchSamples;
    private readonly Dictionary<ValueId, Node> _producers;
    private readonly int[] _phases;
    private readonly bool[] _isFree;
    private readonly HashSet<ValueId> _shared = [];

    private BatchCut(Graph graph, int parts, int shares)
    {
        _graph = graph;
        _parts = parts;
        _shares = shares;
        _batchSamples = graph.Values.Where(value => value.Type.HasSamples).Select(value => value.Type.Shape[0]).FirstOrDefault(parts);
        if (parts < 1 || _batchSamples % parts != 0)
        {
            throw new RduException(
                ErrorCatalogue.OptionInvalid, "the parts of a batch", $"a divisor of its {_batchSamples} samples", $"{parts}", "choose another --batch, --accumulate or --sockets");
        }

        _producers = graph.Nodes.ToDictionary(node => node.Output);
        _phases = new int[graph.Values.Count];
        _isFree = [.. graph.Values.Select(value => value.Role != ValueRole.Computed && !value.Type.HasSamples)];
        foreach (Node node in graph.Nodes)
        {
            Place(node);
        }
    }

    /// <param name="graph">Of a training step or of anything else over a batch.</param>
    /// <param name="parts">How many equal parts.</param>
    /// <param name="wanted">Outputs without samples that the joins are to give.</param>
    /// <exception cref="RduException">RDU0201: the parts are not equal.</exception>
    public static ImmutableArray<CutPhase> Run(Graph graph, int parts, params IReadOnlyList<ValueId> wanted) => Run(graph, parts, parts, wanted);

    /// <inheritdoc cref="Run(Graph, int, IReadOnlyList{ValueId})"/>
    /// <param name="shares">
    /// Shares of a sum that a join adds: the parts' own, or fewer, where neighbouring parts were added before, by the same tree.
    /// </param>
    public static ImmutableArray<CutPhase> Run(Graph graph, int parts, int shares, params IReadOnlyList<ValueId> wanted) => new BatchCut(graph, parts, shares).Build(wanted);

    private int PartSamples => _batchSamples / _parts;

    private bool HasSamples(ValueId id) => _graph[id].Type.HasSamples;

    /// <summary>Which phase computes the node, and whether its shares are summed by the parts.</summary>
    private void Place(Node node)
    {
        int phase = 0;
        bool isFree = true;
        foreach (ValueId input in node.Inputs)
        {
            // A sample waits for a join that it reads; a join for the samples of its own phase.
            bool waits = HasSamples(node.Output) && !HasSamples(input) && !_isFree[input.Index];
            phase = Math.Max(phase, _phases[input.Index] + (waits ? 1 : 0));
            isFree &= _isFree[input.Index];
        }

        _phases[node.Output.Index] = phase;
        _isFree[node.Output.Index] = isFree && !HasSamples(node.Output);
        if (!HasSamples(node.Output) && node.Inputs.Any(HasSamples) && IsSharable(node, phase))
        {
            _shared.Add(node.Output);
        }
    }

    private bool IsSharable(Node node, int phase)
    {
        return node.Operator.SampleGroup([.. node.Inputs.Select(input => _graph[input].Type)]) is { } group
            && PartSamples % group == 0 && int.IsPow2(PartSamples / group)
            && node.Inputs.All(input => HasSamples(input) || _isFree[input.Index] || _phases[input.Index] < phase);
    }

    private ImmutableArray<CutPhase> Build(IReadOnlyList<ValueId> wanted)
    {
        int last = _phases.Max();
        var phases = new List<(Grower Part, Grower Join)>();
        for (int phase = 0; phase <= last; phase++)
        {
            phases.Add((new Grower(this, isJoin: false), new Grower(this, isJoin: true)));
        }

        foreach (Node node in _graph.Nodes)
        {
            (Grower part, Grower join) = phases[_phases[node.Output.Index]];
            if (_isFree[node.Output.Index])
            {
                continue;
            }

            if (HasSamples(node.Output))
            {
                part.Apply(node);
            }
            else if (_shared.Contains(node.Output))
            {
                part.Apply(node);
                join.AddShares(node.Output);
            }
            else
            {
                join.Apply(node);
            }
        }

        Grower end = phases[^1].Join;
        foreach (Update update in _graph.Updates)
        {
            end.Update(update);
        }

        foreach (ValueId output in wanted)
        {
            Grower owner = _isFree[output.Index] ? end : phases[_phases[output.Index]].Join;
            owner.Want(new Crossing(output, CrossingKind.Whole));
        }

        // What a graph is given, another one must let out.
        foreach (Crossing crossing in phases.SelectMany(phase => phase.Part.Given.Concat(phase.Join.Given)).Distinct())
        {
            (Grower part, Grower join) = phases[_phases[crossing.Value.Index]];
            if (crossing.Kind == CrossingKind.Whole)
            {
                join.Want(crossing);
            }
            else if (_graph[crossing.Value].Role == ValueRole.Computed)
            {
                part.Want(crossing with { Part = 0 });
            }
        }

        return [.. phases.Select(phase => new CutPhase(phase.Part.Build(), phase.Join.Build()))];
    }

    /// <summary>One of the graphs, as it grows.</summary>
    private sealed class Grower
    {
        private readonly BatchCut _cut;
        private readonly bool _isJoin;
        private readonly GraphBuilder _builder = new();
        private readonly Dictionary<ValueId, ValueId> _here = [];
        private readonly Dictionary<ValueId, ValueId> _original = [];
        private readonly Dictionary<Crossing, ValueId> _given = [];
        private readonly List<(Crossing Crossing, ValueId Id)> _taken = [];

        public Grower(BatchCut cut, bool isJoin)
        {
            _cut = cut;
            _isJoin = isJoin;
            foreach (Value value in cut._graph.Values.Where(value => value.Role == ValueRole.Parameter))
            {
                Keep(value.Id, _builder.Parameter(value.Name, value.Type));
            }
        }

        public IEnumerable<Crossing> Given => _given.Keys;

        public void Apply(Node node) => _here[node.Output] = _builder.Apply(node, [.. node.Inputs.Select(Resolve)]);

        /// <summary>The sum of all shares, by the binary tree over them.</summary>
        public void AddShares(ValueId value)
        {
            ValueId[] shares = [.. Enumerable.Range(0, _cut._shares).Select(share => Give(new Crossing(value, CrossingKind.Sum, share)))];
            ValueId Combine(ReadOnlySpan<ValueId> some)
            {
                if (some.Length == 1)
                {
                    return some[0];
                }

                int left = 1 << (31 - int.LeadingZeroCount(some.Length - 1));
                ValueId first = Combine(some[..left]);
                return _builder.Apply(new Add(), first, Combine(some[left..]));
            }

            _here[value] = Combine(shares);
        }

        public void Update(Update update) => _builder.Update(_here[update.Parameter], Resolve(update.Value));

        public void Want(Crossing crossing)
        {
            if (!_taken.Exists(taken => taken.Crossing == crossing))
            {
                _taken.Add((crossing, Resolve(crossing.Value)));
            }
        }

        public CutGraph Build() => new(
            _builder.Build([.. _taken.Select(taken => taken.Id)]), [.. _given.Select(given => (given.Key, given.Value))], [.. _taken], _original);

        private void Keep(ValueId original, ValueId here)
        {
            _here[original] = here;
            _original[here] = original;
        }

        /// <summary>The value in this graph: computed here, an input, or given by another graph.</summary>
        private ValueId Resolve(ValueId id)
        {
            if (_here.TryGetValue(id, out ValueId known))
            {
                return known;
            }

            Value value = _cut._graph[id];
            if (value.Role == ValueRole.Constant)
            {
                Keep(id, _builder.Constant(value.Name, TypeOf(value.Type), value.Constant!.Value));
            }
            else if (_cut._isFree[id.Index] && value.Role == ValueRole.Computed)
            {
                Apply(_cut._producers[id]);
            }
            else if (value.Role == ValueRole.Input && !(_isJoin && value.Type.HasSamples))
            {
                Keep(id, _builder.Input(value.Name, TypeOf(value.Type)));
            }
            else
            {
                _here[id] = Give(new Crossing(id, value.Type.HasSamples ? CrossingKind.Rows : CrossingKind.Whole));
            }

            return _here[id];
        }

        private ValueId Give(Crossing crossing)
        {
            if (!_given.TryGetValue(crossing, out ValueId id))
            {
                id = _builder.Input($"{crossing.Kind}.{crossing.Value}.{crossing.Part}", TypeOf(_cut._graph[crossing.Value].Type));
                _given.Add(crossing, id);
            }

            return id;
        }

        private TensorType TypeOf(TensorType type)
        {
            if (!type.HasSamples || _isJoin)
            {
                return type;
            }

            int[] shape = [.. type.Shape];
            shape[0] = _cut.PartSamples;
            return type with { Shape = EquatableArray.Create<int>(shape) };
        }
    }
}
