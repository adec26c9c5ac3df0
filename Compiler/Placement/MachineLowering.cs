using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Placement;

/// <summary>
/// Graph --> work for a machine: what each node asks of units, in bytes and extents. Nodes that nothing needs are left out; a table's
/// gradient and the steps that take it row by row are one operator, so that a table's gradient is never as large as the table.
/// </summary>
internal sealed class MachineLowering
{
    /// <summary>Optimiser states and integers are 32 bits wide, whatever activations and weights are.</summary>
    private const int WideBytes = 4;

    private readonly Graph _graph;
    private readonly int _elementBytes;
    private readonly Node?[] _producers;
    private readonly List<Node>[] _consumers;
    private readonly Phase[] _phases;
    private readonly bool[] _isNeeded;
    private readonly HashSet<int> _absorbed = [];
    private readonly Dictionary<ValueId, ValueId> _updated = [];
    private readonly OptimizerSteps _steps;
    private readonly List<MachineOperator> _operators = [];
    private readonly MachineTensor[] _tensors;

    private MachineLowering(Graph graph, int elementBytes)
    {
        _graph = graph;
        _elementBytes = elementBytes;
        _producers = new Node?[graph.Values.Count];
        _consumers = [.. Enumerable.Range(0, graph.Values.Count).Select(_ => new List<Node>())];
        foreach (Node node in graph.Nodes)
        {
            _producers[node.Output.Index] = node;
            foreach (ValueId input in node.Inputs.Distinct())
            {
                _consumers[input.Index].Add(node);
            }
        }

        foreach (Update update in graph.Updates)
        {
            _updated[update.Value] = update.Parameter;
        }

        _isNeeded = Ancestors(graph.Outputs.Concat(graph.Updates.Select(update => update.Value)));
        _phases = Phases();
        _tensors = [.. graph.Values.Select(Tensor)];
        _steps = new OptimizerSteps(
            graph, value => [.. _consumers[value.Index].Where(node => _isNeeded[node.Id.Index])],
            node => _isNeeded[node.Id.Index] && _phases[node.Id.Index] == Phase.Optimizer);
    }

    /// <param name="graph">What is to be placed.</param>
    /// <param name="elementBytes">Storage of an element of activations and weights.</param>
    public static MachineGraph Run(Graph graph, int elementBytes)
    {
        var lowering = new MachineLowering(graph, elementBytes);
        foreach (Node node in graph.Nodes)
        {
            if (!lowering._isNeeded[node.Id.Index] || lowering._absorbed.Contains(node.Id.Index) || lowering._steps.IsAbsorbed(node))
            {
                continue;
            }

            if (lowering._steps.MembersOf(node) is { Count: > 0 } members)
            {
                lowering.LowerTogether([.. members, node]);
            }
            else
            {
                lowering.Lower(node);
            }
        }

        // One phase after the other: a loss that is summed after the gradients were built still belongs to the forward pass.
        MachineOperator[] operators = [.. lowering._operators.OrderBy(op => op.Phase).Select((op, i) => op with { Index = i })];
        TensorType[] sampled = [.. graph.Values.Select(value => value.Type).Where(type => type.HasSamples)];
        int samples = sampled.Length == 0 ? 1 : Math.Max(1, sampled.Max(type => type.Shape[0]));

        // Tokens where there are any, else rows of pixels; not what lies outside, such as a cache of keys, nor the maps of an attention.
        TensorType[] computed = [.. graph.Values.Where(value => value.Role == ValueRole.Computed && value.Type.HasSamples).Select(value => value.Type)];
        int rows = computed.Max(type => type.Rank == 3 ? (int?)type.Shape[1] : null)
            ?? computed.Max(type => type.Rank == 4 ? (int?)type.Shape[1] : null) ?? 1;
        return new MachineGraph(
            samples, Math.Max(1, rows), EquatableArray.Create<MachineTensor>(lowering._tensors), EquatableArray.Create<MachineOperator>(operators),
            EquatableArray.Create<int>([.. graph.Outputs.Concat(graph.Updates.Select(update => update.Value)).Select(output => output.Index).Distinct()]));
    }

    private void Lower(Node node)
    {
        Node[] steps = node.Operator is EmbeddingBagGradient ? SparseSteps(node) : [];
        _absorbed.UnionWith(steps.Select(step => step.Id.Index));
        TensorType output = _graph[node.Output].Type;
        var types = new OperatorInputs(node.Name, node.Operator.Name, [.. node.Inputs.Select(input => _graph[input].Type)]);
        OperatorProfile profile = node.Operator.Profile(types, output);
        bool hasSamples = node.Inputs.Any(input => _graph[input].Type.HasSamples);
        long indexedBytes = profile.IndexedElements * _elementBytes;
        var inputs = new List<MachineInput>();
        for (int i = 0; i < node.Inputs.Count; i++)
        {
            MachineTensor tensor = _tensors[node.Inputs[i].Index];
            OperandAccess access = i < profile.Accesses.Count ? profile.Accesses[i]
                : tensor.HasSamples ? OperandAccess.Rows
                : hasSamples || profile.Gemm is not null && tensor.Role != ValueRole.Computed ? OperandAccess.Whole : OperandAccess.Rows;
            AddInput(inputs, access == OperandAccess.Indexed
                ? new MachineInput(tensor.Id, access, indexedBytes, RowBytes(node.Inputs[i]))
                : new MachineInput(tensor.Id, access, tensor.Bytes, tensor.Bytes));
        }

        // The step's own inputs: table and state by row, a rate for all.
        foreach (Node step in steps)
        {
            foreach (ValueId input in step.Inputs)
            {
                MachineTensor tensor = _tensors[input.Index];
                if (_producers[input.Index] is null)
                {
                    AddInput(inputs, tensor.Role == ValueRole.Parameter
                        ? new MachineInput(tensor.Id, OperandAccess.Indexed, IndexedBytes(input, profile, output), RowBytes(input))
                        : new MachineInput(tensor.Id, OperandAccess.Whole, tensor.Bytes, tensor.Bytes));
                }
            }
        }

        ValueId[] outputs = steps.Length == 0 ? [node.Output] : [.. steps.Select(step => step.Output)];
        var work = new MachineWork(
            profile.Template,
            node.Operator.CountOperations(types) + steps.Sum(CountOperations),
            profile.Gemm,
            profile.Elements,
            profile.ProgramStages + steps.Length,
            hasSamples && !output.HasSamples && !profile.WritesIndexed,
            profile.WritesIndexed ? outputs.Sum(id => IndexedBytes(id, profile, output)) : _tensors[node.Output.Index].Bytes)
        {
            Sockets = profile.Sockets,
            AccumulatesRows = profile.AccumulatesRows,
            IndexedRowBytes = profile.WritesIndexed ? RowBytes(node.Output) : 0,
        };
        Node last = steps.Length == 0 ? node : steps[^1];
        _operators.Add(new MachineOperator(
            _operators.Count,
            node.Name,
            string.Join('+', steps.Select(step => step.Operator.Name).Prepend(node.Operator.Name)),
            EquatableArray.Create<NodeId>([node.Id, .. steps.Select(step => step.Id)]),
            _phases[last.Id.Index],
            EquatableArray.Create<MachineInput>([.. inputs]),
            EquatableArray.Create<int>([.. outputs.Select(id => id.Index)]),
            work));
    }

    /// <summary>Nodes without samples that stream past once: one operator that reads what none of them computes.</summary>
    private void LowerTogether(Node[] members)
    {
        Node host = members[^1];
        var inside = new HashSet<ValueId>(members.Select(member => member.Output));
        var inputs = new List<MachineInput>();
        var outputs = new List<ValueId>();
        long elements = 0;
        long operations = 0;
        int stages = 0;
        var template = TemplateKind.Simd;
        foreach (Node member in members)
        {
            var types = new OperatorInputs(member.Name, member.Operator.Name, [.. member.Inputs.Select(input => _graph[input].Type)]);
            OperatorProfile profile = member.Operator.Profile(types, _graph[member.Output].Type);
            for (int i = 0; i < member.Inputs.Count; i++)
            {
                if (!inside.Contains(member.Inputs[i]))
                {
                    MachineTensor tensor = _tensors[member.Inputs[i].Index];
                    AddInput(inputs, new MachineInput(tensor.Id, i < profile.Accesses.Count ? profile.Accesses[i] : OperandAccess.Rows, tensor.Bytes, tensor.Bytes));
                }
            }

            template = profile.Template == TemplateKind.Reduce ? TemplateKind.Reduce : template;
            elements = Math.Max(elements, profile.Elements);
            operations += member.Operator.CountOperations(types);
            stages += profile.ProgramStages;
            if (member == host || _updated.ContainsKey(member.Output))
            {
                outputs.Add(member.Output);
            }
        }

        _operators.Add(new MachineOperator(
            _operators.Count,
            host.Name,
            string.Join('+', members.Select(member => member.Operator.Name)),
            EquatableArray.Create<NodeId>([.. members.Select(member => member.Id)]),
            Phase.Optimizer,
            EquatableArray.Create<MachineInput>([.. inputs]),
            EquatableArray.Create<int>([.. outputs.Select(id => id.Index)]),
            new MachineWork(template, operations, null, elements, stages, AccumulatesSamples: false, outputs.Sum(id => _tensors[id.Index].Bytes))));
    }

    private static void AddInput(List<MachineInput> inputs, MachineInput input)
    {
        int known = inputs.FindIndex(other => other.Tensor == input.Tensor);
        if (known < 0)
        {
            inputs.Add(input);
        }
        else if (input.Access > inputs[known].Access)
        {
            inputs[known] = input;
        }
    }

    /// <summary>A sparse step touches the rows that indices name, not the whole table.</summary>
    private long CountOperations(Node step)
    {
        long rows = Math.Max(1, _graph[step.Inputs[0]].Type.Shape[0]);
        return step.Operator.CountOperations(new OperatorInputs(step.Name, step.Operator.Name, [.. step.Inputs.Select(input => _graph[input].Type)])) / rows;
    }

    private long RowBytes(ValueId table)
    {
        TensorType type = _graph[table].Type;
        return _tensors[table.Index].Bytes / Math.Max(1, type.Rank > 0 ? type.Shape[0] : 1);
    }

    /// <summary>Bytes of the rows of a table, or of its state, that as many indices name as the profile has.</summary>
    private long IndexedBytes(ValueId table, OperatorProfile profile, TensorType gradient) =>
        checked(profile.IndexedElements / Math.Max(1, gradient.Shape[^1]) * RowBytes(table));

    /// <summary>The nodes that take a table's gradient by row: its step and its new state, where nothing else reads them.</summary>
    private Node[] SparseSteps(Node gradient)
    {
        var steps = new SortedSet<int>();
        var reached = new Queue<Node>([gradient]);
        while (reached.TryDequeue(out Node? node))
        {
            foreach (Node consumer in _consumers[node.Output.Index].Where(consumer => _isNeeded[consumer.Id.Index]))
            {
                if (consumer.Operator is not (SgdStep or AdagradStep or AdagradState or RowWiseAdagradState))
                {
                    return [];
                }

                if (steps.Add(consumer.Id.Index))
                {
                    reached.Enqueue(consumer);
                }
            }
        }

        return [.. steps.Select(index => _graph.Nodes[index])];
    }

    /// <summary>
    /// What the graph returns, and what that needs, is forward; of the rest, what has no samples at all and comes after a sum over
    /// samples is the optimiser's, everything else backward.
    /// </summary>
    private Phase[] Phases()
    {
        var phases = new Phase[_graph.Nodes.Count];
        if (_graph.Updates.Count == 0)
        {
            return phases;
        }

        // From the end: what the backward pass needs is not the optimiser's, so phases follow each other along every edge.
        bool[] isForward = Ancestors(_graph.Outputs);
        foreach (Node node in _graph.Nodes.Reverse())
        {
            bool isWhole = !_graph[node.Output].Type.HasSamples && !node.Inputs.Any(input => _graph[input].Type.HasSamples)
                && _consumers[node.Output.Index].All(consumer => phases[consumer.Id.Index] == Phase.Optimizer || !_isNeeded[consumer.Id.Index]);
            phases[node.Id.Index] = isForward[node.Id.Index] ? Phase.Forward : isWhole ? Phase.Optimizer : Phase.Backward;
        }

        return phases;
    }

    private bool[] Ancestors(IEnumerable<ValueId> values)
    {
        var reached = new bool[_graph.Nodes.Count];
        var open = new Stack<ValueId>(values);
        while (open.TryPop(out ValueId value))
        {
            if (_producers[value.Index] is { } node && !reached[node.Id.Index])
            {
                reached[node.Id.Index] = true;
                foreach (ValueId input in node.Inputs)
                {
                    open.Push(input);
                }
            }
        }

        return reached;
    }

    private MachineTensor Tensor(Value value)
    {
        // A parameter's new value is stored as the parameter is.
        ValueId stored = _updated.TryGetValue(value.Id, out ValueId parameter) ? parameter : value.Id;
        bool isState = _graph[stored].Role == ValueRole.Parameter
            ? _consumers[stored.Index].All(node => _phases[node.Id.Index] == Phase.Optimizer)
            : _producers[stored.Index] is { } node && _phases[node.Id.Index] == Phase.Optimizer;
        int bytes = isState || value.Type.Element != ElementType.Float32 ? WideBytes : _elementBytes;
        return new MachineTensor(value.Id.Index, value.Name, value.Role, checked(value.Type.CountElements * bytes), value.Type.HasSamples);
    }
}
