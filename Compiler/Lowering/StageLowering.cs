using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Programs;

namespace RduEmu.Compiler.Lowering;

/// <summary>
/// Graph nodes to stages. An elementwise node joins the stage of an input that nobody else reads, as long as the program keeps
/// to eight stages and eight inputs; slices and concatenations become places in other values where they can.
/// </summary>
/// <example>Linear, AddBias, Relu --> one Contract with the epilogue Relu(Add(sum, bias[column])).</example>
internal sealed class StageLowering
{
    private readonly Graph _graph;
    private readonly bool _fuse;
    private readonly int[] _uses;
    private readonly Dictionary<ValueId, Node> _producers = [];
    private readonly List<Stage> _stages = [];
    private readonly Dictionary<ValueId, int> _stageOf = [];
    private readonly UpdatePlan _updates;
    private readonly HashSet<ValueId> _overwritten = [];

    private StageLowering(Graph graph, bool fuse)
    {
        _graph = graph;
        _fuse = fuse;
        _uses = new int[graph.Values.Count];
        foreach (Node node in graph.Nodes)
        {
            _producers.Add(node.Output, node);
            foreach (ValueId input in node.Inputs)
            {
                _uses[input.Index]++;
            }
        }

        foreach (ValueId output in graph.Outputs)
        {
            _uses[output.Index]++;
        }

        _updates = new UpdatePlan(graph, _producers, _uses);
    }

    public PlaceMap Places { get; } = new();

    public static (IReadOnlyList<Stage> Stages, PlaceMap Places) Lower(Graph graph, CompileMode mode)
    {
        var lowering = new StageLowering(graph, mode != CompileMode.O0);
        foreach (Node node in graph.Nodes)
        {
            lowering.Lower(node);
        }

        foreach (Update update in lowering._updates.WriteBacks)
        {
            var copy = new FusedProgram(new ProgramTree.Input(0, SlotAccess.Full), [update.Value], [(int)SlotAccess.Full]);
            lowering.Emit(new Stage.ParameterStep($"update {graph[update.Parameter].Name}", update.Parameter, update.Parameter, copy));
        }

        return ([.. lowering._stages.Where(stage => stage is not null)], lowering.Places);
    }

    private void Lower(Node node)
    {
        if (_updates.IsAbsorbed(node.Output))
        {
            return;
        }

        string name = node.Name;
        switch (node.Operator)
        {
            case SgdStep or AdagradStep when _updates.Sparse(node.Output) is { } sparse:
                Emit(new Stage.ScatterUpdate(
                    name, node.Output, sparse.Gradient.Inputs[0], sparse.Gradient.Inputs[1], sparse.Table, sparse.Rate, sparse.State,
                    OptionalInput(sparse.Gradient, 2)));
                PlaceUpdate(node.Output);
                if (sparse.State is { } state)
                {
                    PlaceUpdate(state.Output);
                }

                break;
            case ElementwiseOperator step when _updates.InPlace(node.Output) is { } parameter:
                Emit(new Stage.ParameterStep(name, node.Output, parameter, ProgramOf(node, step)));
                PlaceUpdate(node.Output);
                break;
            case RowWiseAdagradState:
                var rowState = new FusedProgram(
                    RowWiseAdagradState.Program(new ProgramTree.Input(0, SlotAccess.PerRow)), [node.Inputs[0]], [(int)SlotAccess.PerRow]);
                Emit(new Stage.RowMeanSquare(name, node.Output, node.Inputs[1], rowState));
                PlaceUpdate(node.Output);
                break;
            case ElementwiseOperator elementwise:
                LowerElementwise(node, elementwise);
                break;
            case Linear:
                Emit(new Stage.Contract(name, node.Output, node.Inputs[0], node.Inputs[1], Transposed: false, FusedProgram.Identity));
                break;
            case LinearInputGradient:
                Emit(new Stage.Contract(name, node.Output, node.Inputs[0], node.Inputs[1], Transposed: true, FusedProgram.Identity));
                break;
            case LinearWeightGradient:
                Emit(new Stage.SampleContract(name, node.Output, node.Inputs[0], node.Inputs[1]));
                break;
            case SampleSum:
                Emit(new Stage.SampleSum(name, node.Output, node.Inputs[0]));
                break;
            case EmbeddingBag:
                Emit(new Stage.Gather(name, node.Output, node.Inputs[0], node.Inputs[1], OptionalInput(node, 2)));
                break;
            case EmbeddingBagGradient when _uses[node.Output.Index] == 0:
                break;
            case EmbeddingBagGradient:
                Emit(new Stage.ScatterSum(name, node.Output, node.Inputs[0], node.Inputs[1], OptionalInput(node, 2)));
                break;
            case SampleMatMul product:
                Emit(new Stage.SampleProduct(name, node.Output, node.Inputs[0], node.Inputs[1], product));
                break;
            case ColumnMap map when IsSlice(map, out int first):
                Places.SliceOf(node.Output, node.Inputs[0], first);
                break;
            case ColumnMap map:
                Emit(new Stage.ColumnMap(name, node.Output, node.Inputs[0], map.Map));
                break;
            case Concat:
                LowerConcat(node);
                break;
            default:
                throw new RduException(
                    ErrorCatalogue.GraphIllegal, $"node {node.Name}", "an operator that lowers to a template", node.Operator.Name, "express it by others");
        }
    }

    private static ValueId? OptionalInput(Node node, int index) => index < node.Inputs.Count ? node.Inputs[index] : null;

    private void Emit(Stage stage)
    {
        _stageOf[stage.Output] = _stages.Count;
        _stages.Add(stage);
    }

    private void LowerElementwise(Node node, ElementwiseOperator op)
    {
        var leaves = new List<ProgramTree>();
        var inputs = new List<ValueId>();
        var accesses = new List<int>();
        int host = _fuse ? FusableInput(node, op) : -1;
        FusedProgram? inner = host >= 0 ? ProgramOf(_stages[_stageOf[node.Inputs[host]]]) : null;
        if (inner is not null)
        {
            inputs.AddRange(inner.Inputs);
            accesses.AddRange(inner.Accesses);
        }

        for (int i = 0; i < node.Inputs.Count; i++)
        {
            if (i == host)
            {
                leaves.Add(inner!.Tree);
                continue;
            }

            int slot = FindSlot(inputs, accesses, node.Inputs[i], (int)op.Access(i));
            leaves.Add(new ProgramTree.Input(slot, op.Access(i)));
        }

        ProgramTree tree = op.Program(leaves);
        var program = new FusedProgram(tree, EquatableArray.Create<ValueId>([.. inputs]), EquatableArray.Create<int>([.. accesses]));
        if (inner is null || tree.DepthStages > ProgramTree.MaximumDepthStages || inputs.Count > SlotTable.MaximumSlots)
        {
            if (inner is not null)
            {
                // Too long for one PCU: it starts a program of its own.
                LowerAlone(node, op);
                return;
            }

            Emit(new Stage.Map(node.Name, node.Output, program, !_graph[node.Output].Type.HasSamples));
            return;
        }

        // The stage moves to the end of the list: what the epilogue reads may have been computed after its template.
        int at = _stageOf[node.Inputs[host]];
        Stage fused = _stages[at] switch
        {
            Stage.Map map => map with { Name = $"{map.Name}+{node.Operator.Name}", Output = node.Output, Program = program },
            Stage.Contract contract => contract with { Name = $"{contract.Name}+{node.Operator.Name}", Output = node.Output, Epilogue = program },
            _ => throw new InvalidOperationException(_stages[at].Name),
        };
        _stages[at] = null!;
        _stageOf.Remove(node.Inputs[host]);
        Emit(fused);
    }

    private void LowerAlone(Node node, ElementwiseOperator op) =>
        Emit(new Stage.Map(node.Name, node.Output, ProgramOf(node, op), !_graph[node.Output].Type.HasSamples));

    /// <summary>The node's own program, a slot for each of its inputs.</summary>
    private static FusedProgram ProgramOf(Node node, ElementwiseOperator op)
    {
        var leaves = new ProgramTree[node.Inputs.Count];
        for (int i = 0; i < leaves.Length; i++)
        {
            leaves[i] = new ProgramTree.Input(i, op.Access(i));
        }

        int[] accesses = [.. Enumerable.Range(0, leaves.Length).Select(i => (int)op.Access(i))];
        return new FusedProgram(op.Program(leaves), node.Inputs, EquatableArray.Create<int>(accesses));
    }

    /// <summary>A value that updates a parameter in place has that parameter's storage.</summary>
    private void PlaceUpdate(ValueId value)
    {
        if (_updates.InPlace(value) is { } parameter)
        {
            Places.SameAs(value, parameter);
            _overwritten.Add(parameter);
        }
    }

    /// <summary>Which input's stage the node can join: a Map or Contract of samples whose value nobody else reads.</summary>
    private int FusableInput(Node node, ElementwiseOperator op)
    {
        for (int i = 0; i < node.Inputs.Count; i++)
        {
            ValueId input = node.Inputs[i];
            if (op.Access(i) == SlotAccess.Full && _uses[input.Index] == 1 && !Places.IsPlaced(input)
                && _graph[input].Type == _graph[node.Output].Type
                && _stageOf.TryGetValue(input, out int at) && _stages[at] is Stage.Map or Stage.Contract

                // The fused stage moves to the end: what it reads must not have been overwritten meanwhile.
                && !_stages[at].Inputs.Any(_overwritten.Contains))
            {
                return i;
            }
        }

        return -1;
    }

    private static FusedProgram ProgramOf(Stage stage) => stage switch
    {
        Stage.Map map => map.Program,
        Stage.Contract contract => contract.Epilogue,
        _ => throw new InvalidOperationException(stage.Name),
    };

    private static int FindSlot(List<ValueId> inputs, List<int> accesses, ValueId value, int access)
    {
        for (int slot = 0; slot < inputs.Count; slot++)
        {
            if (inputs[slot] == value && accesses[slot] == access)
            {
                return slot;
            }
        }

        inputs.Add(value);
        accesses.Add(access);
        return inputs.Count - 1;
    }

    private static bool IsSlice(ColumnMap map, out int first)
    {
        first = map.Map.Count > 0 ? map.Map[0] : 0;
        for (int i = 0; i < map.Map.Count; i++)
        {
            if (map.Map[i] != first + i || map.Map[i] < 0)
            {
                return false;
            }
        }

        return true;
    }

    private void LowerConcat(Node node)
    {
        int first = 0;
        foreach (ValueId input in node.Inputs)
        {
            // A computed value can be written straight into its place, once; anything else is copied there.
            if (_stageOf.ContainsKey(input) && !Places.IsPlaced(input))
            {
                Places.SliceOf(input, node.Output, first);
            }
            else
            {
                _stages.Add(new Stage.Copy($"{node.Name}@{first}", node.Output, input, first));
            }

            first += _graph[input].Type.Shape[1];
        }
    }
}
