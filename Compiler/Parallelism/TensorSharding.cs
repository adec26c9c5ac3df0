using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Programs;

namespace RduEmu.Compiler.Parallelism;

/// <summary>
/// The weights of layers are cut into rows, one for each output, so that each RDU computes some columns of a layer's result (of an
/// attention some heads); the gradient by the layer's input is computed by columns of the weight, which each RDU keeps too. Embedding
/// tables lie whole on one RDU each. What is neither (interactions, norms, losses) is computed sample by sample, each RDU taking its
/// share of the batch: so the rows of tables, and their gradients, go from all to all.
/// </summary>
/// <remarks>The sum over k of a product is never cut: its chunks are added left to right, and a cut would have to be at a chunk's end.</remarks>
public sealed class TensorSharding : Sharding
{
    private readonly Dictionary<ValueId, Layout> _hints = [];
    private readonly Layout?[] _layouts;

    /// <param name="graph">Any graph over a batch.</param>
    /// <param name="sockets">RDUs.</param>
    public TensorSharding(Graph graph, int sockets)
        : base(graph, sockets)
    {
        _layouts = new Layout?[graph.Values.Count];
        PlaceParameters();
        SpreadHints();
        foreach (Value value in graph.Values.Where(value => value.Role != ValueRole.Computed))
        {
            _layouts[value.Id.Index] ??= (value.Role == ValueRole.Input && value.Type.HasSamples ? Layout.Split(value.Type, 0, sockets) : null) ?? Layout.Everywhere(value.Type);
        }

        foreach (Node node in graph.Nodes)
        {
            TensorType type = graph[node.Output].Type;
            _layouts[node.Output.Index] = Candidates(node, type).FirstOrDefault(layout => layout is not null && CanBe(node, layout)) ?? Layout.Everywhere(type);
        }
    }

    public override Layout LayoutOf(ValueId value) => _layouts[value.Index]!;

    private void PlaceParameters()
    {
        var gathered = new HashSet<ValueId>();
        var tables = new Dictionary<ValueId, TensorType>();
        foreach (Node node in Graph.Nodes)
        {
            switch (node.Operator)
            {
                case TokenEmbedding:
                    gathered.Add(ParameterOf(node.Inputs[1]) ?? node.Inputs[1]);
                    break;
                case EmbeddingBag:
                    tables.TryAdd(node.Inputs[1], Graph[node.Inputs[1]].Type);
                    break;
            }
        }

        foreach (Node node in Graph.Nodes)
        {
            if (node.Operator is Linear && ParameterOf(node.Inputs[1]) is { } weight && !gathered.Contains(weight))
            {
                _layouts[weight.Index] ??= Layout.Split(Graph[weight].Type, 0, Sockets);
            }
            else if (node.Operator is AddBias && IsParameter(node.Inputs[1])
                && Graph.Nodes.First(other => other.Output == node.Inputs[0]) is { Operator: Linear } product && IsRows(product.Inputs[1]))
            {
                _layouts[node.Inputs[1].Index] ??= Layout.Split(Graph[node.Inputs[1]].Type, 0, Sockets);
            }
        }

        // The largest table first, each to the RDU that has least.
        var loads = new long[Sockets];
        foreach ((ValueId table, TensorType type) in tables.OrderByDescending(table => table.Value.CountElements).ThenBy(table => table.Key.Index))
        {
            int socket = Array.IndexOf(loads, loads.Min());
            loads[socket] += type.CountElements;
            _layouts[table.Index] = Layout.On(type, socket);
        }
    }

    /// <summary>A parameter's step lies where the parameter lies: its gradient and its states too.</summary>
    private void SpreadHints()
    {
        foreach (Update update in Graph.Updates)
        {
            if (_layouts[update.Parameter.Index] is { } layout)
            {
                _hints.TryAdd(update.Value, layout);
            }
        }

        foreach (Node node in Graph.Nodes.Reverse())
        {
            if (!_hints.TryGetValue(node.Output, out Layout? layout) || Graph[node.Output].Type.HasSamples)
            {
                continue;
            }

            bool isOnOne = layout.Pieces.Count == 1;
            foreach (ValueId input in node.Inputs)
            {
                TensorType type = Graph[input].Type;
                bool isAlike = type == Graph[node.Output].Type && node.Operator is ElementwiseOperator;
                if (type.HasSamples || !(isAlike || (isOnOne && type.CountElements > 1)))
                {
                    continue;
                }

                Layout own = isOnOne ? Layout.On(type, layout.Pieces[0].Socket) : layout;
                if (Graph[input].Role == ValueRole.Parameter)
                {
                    _layouts[input.Index] ??= own;
                }
                else
                {
                    _hints.TryAdd(input, own);
                }
            }
        }
    }

    private bool IsParameter(ValueId value) => Graph[value].Role == ValueRole.Parameter;

    /// <summary>The parameter that a product reads as it is, or as a weight in bf16.</summary>
    private ValueId? ParameterOf(ValueId value) => IsParameter(value) ? value : BFloat16WeightOf(value)?.Inputs[0];

    private bool IsRows(ValueId weight) => ParameterOf(weight) is { } parameter && _layouts[parameter.Index] is { Pieces.Count: > 1 };

    /// <summary>True if the RDUs' columns of a product cut no pair of the weight that it packs.</summary>
    private bool KeepsPairs(ValueId weight, TensorType product) => ParameterOf(weight) is not { } parameter || !Graph[parameter].Type.IsPaired || product.LastExtent % (2 * Sockets) == 0;

    /// <summary>Layouts that suit a node, the best first.</summary>
    private IEnumerable<Layout?> Candidates(Node node, TensorType type)
    {
        if (_hints.TryGetValue(node.Output, out Layout? hint))
        {
            yield return hint;
        }

        // A weight in bf16 lies where its parameter lies; RDUs that need other parts of it keep these.
        if (BFloat16WeightOf(node.Output) is { } own && _layouts[own.Inputs[0].Index] is { Pieces.Count: > 1 } parts)
        {
            yield return parts;
        }

        if (!type.HasSamples)
        {
            yield break;
        }

        switch (node.Operator)
        {
            case Linear or LinearInputGradient when IsRows(node.Inputs[1]) && KeepsPairs(node.Inputs[1], type):
                yield return Layout.Split(type, type.Rank - 1, Sockets);
                break;
            case EmbeddingBag when _layouts[node.Inputs[1].Index] is { Pieces.Count: 1 } owner:
                yield return Layout.On(type, owner.Pieces[0].Socket);
                break;
            case HeadMatMul { Product: HeadProduct.Scores } when IsCutAt(node.Inputs[1], 2):
                yield return Layout.Split(type, 1, Sockets);
                break;
            case HeadMatMul when IsCutAt(node.Inputs[1], 2) || IsCutAt(node.Inputs[0], 1):
                yield return Layout.Split(type, 2, Sockets);
                break;
        }

        for (int i = 0; i < node.Inputs.Count; i++)
        {
            ValueId input = node.Inputs[i];
            bool isWhole = node.Operator is ElementwiseOperator op && op.Access(i) != SlotAccess.Full;
            if (!isWhole && Graph[input].Role == ValueRole.Computed && Graph[input].Type.Shape == type.Shape && _layouts[input.Index]!.CutAxis(type) > 0)
            {
                yield return _layouts[input.Index];
            }
        }

        yield return Layout.Split(type, 0, Sockets);
    }

    private bool IsCutAt(ValueId value, int axis) => _layouts[value.Index]!.CutAxis(Graph[value].Type) == axis;
}
