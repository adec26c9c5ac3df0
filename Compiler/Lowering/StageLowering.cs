using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates.Round;

namespace RduEmu.Compiler.Lowering;

/// <summary>
/// Graph nodes to stages. An elementwise node joins the stage of an input that nobody else reads, as long as the program keeps
/// to eight stages and eight inputs; slices and concatenations become places in other values where they can.
/// </summary>
/// <example>Linear, AddBias, Relu --> one Contract with the epilogue Relu(Add(sum, bias[column])).</example>
public sealed class StageLowering
{
    private readonly Graph _graph;
    private readonly bool _fuse;
    private readonly int[] _uses;
    private readonly Dictionary<ValueId, Node> _producers = [];
    private readonly List<Stage> _stages = [];
    private readonly Dictionary<ValueId, int> _stageOf = [];
    private readonly UpdatePlan _updates;
    private readonly HashSet<ValueId> _overwritten = [];
    private bool _isRecomputed;

    /// <summary>Values that another one of other rows is the same as.</summary>
    private readonly HashSet<ValueId> _dense = [];

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

    /// <summary>Values that lie in others.</summary>
    public PlaceMap Places { get; } = new();

    internal static (IReadOnlyList<Stage> Stages, PlaceMap Places) Lower(Graph graph, CompileMode mode)
    {
        var lowering = new StageLowering(graph, mode != CompileMode.O0);
        foreach (Node node in graph.Nodes)
        {
            lowering.Lower(node);
        }

        lowering._isRecomputed = false;

        foreach (Update update in lowering._updates.WriteBacks)
        {
            var copy = new FusedProgram(new ProgramTree.Input(0, SlotAccess.Full), [update.Value], [(int)SlotAccess.Full]);
            string name = $"update {graph[update.Parameter].Name}";

            // Pairs are widened and rounded again, which changes none.
            lowering.Emit(graph[update.Value].Type.IsPaired
                ? new RoundStage(name, update.Parameter, copy, Numbers: null, RoundingKind.Nearest, Seed: 0, Stream: 0, update.Parameter, Whole: true)
                : new ParameterStage(name, update.Parameter, update.Parameter, copy));
        }

        return ([.. lowering._stages.Where(stage => stage is not null)], lowering.Places);
    }

    /// <summary>The graph that is lowered.</summary>
    public Graph Graph => _graph;

    /// <summary>True if stages may be joined.</summary>
    internal bool Fuses => _fuse;

    /// <summary>The node that computes a value; null of one that is given.</summary>
    internal Node? Producer(ValueId value) => _producers.GetValueOrDefault(value);

    /// <summary>True if the value has a stage that can be taken back.</summary>
    internal bool HasStage(ValueId value) => _stageOf.ContainsKey(value);

    /// <summary>Takes back the stage of a value that nothing reads any more.</summary>
    internal void Remove(ValueId value)
    {
        _stages[_stageOf[value]] = null!;
        _stageOf.Remove(value);
    }

    /// <summary>Appends a stage.</summary>
    public void Emit(Stage stage)
    {
        stage = Placeable(stage.WithPairs(IsPaired));
        _stageOf[stage.Output] = _stages.Count;
        _stages.Add(stage);
    }

    /// <summary>Appends a stage that writes a part of its output: the output is not one that an elementwise node can join.</summary>
    public void EmitPiece(Stage stage) => _stages.Add(Placeable(stage));

    /// <summary>What is widened for one reader, or computed again for a gradient, is made beside what reads it.</summary>
    private Stage Placeable(Stage stage) => stage with { IsLate = !stage.IsWhole && (_isRecomputed || stage is WidenStage) };

    /// <summary>True if the value lies in pairs of bf16, whatever its type in the graph is.</summary>
    private bool IsPaired(ValueId value) => _graph[Places.Resolve(value).Root].Type.IsPaired;

    /// <summary>The parameter or constant that a contraction packs, behind what says that it is widened or rounded.</summary>
    public PackedWeightSource WeightOf(ValueId weight) => _producers.GetValueOrDefault(weight) switch
    {
        { Operator: WidenBFloat16 } widened => new PackedWeightSource(widened.Inputs[0], Rounds: false),
        { Operator: BFloat16Weight } rounded => new PackedWeightSource(rounded.Inputs[0], Rounds: true),
        _ => new PackedWeightSource(weight, Rounds: false),
    };

    /// <summary>Values in pairs are read where they lie by all who can; for others a stage widens them first.</summary>
    internal void LowerWidening(Node node)
    {
        IEnumerable<Node> readers = _graph.Nodes.Where(reader => reader.Inputs.Contains(node.Output));
        bool inPlace = !_graph.Outputs.Contains(node.Output) && readers.All(reader => ReadsPairs(reader, node.Output));
        if (inPlace)
        {
            Places.SameAs(node.Output, node.Inputs[0]);
            return;
        }

        Emit(new WidenStage(node.Name, node.Output, node.Inputs[0], !_graph[node.Output].Type.HasSamples));
    }

    /// <summary>A rounding takes over the program of the Map before it, where nobody else reads that.</summary>
    internal void LowerRounding(Node node, RoundToBFloat16 op)
    {
        ValueId x = node.Inputs[0];
        FusedProgram program = new FusedProgram(new ProgramTree.Input(0, SlotAccess.Full), [x], [(int)SlotAccess.Full]);
        string name = node.Name;
        if (_fuse && _uses[x.Index] == 1 && !Places.IsPlaced(x) && _stageOf.TryGetValue(x, out int at) && _stages[at] is MapStage map
            && !map.Inputs.Any(_overwritten.Contains))
        {
            program = map.Program;
            name = $"{map.Name}+{op.Name}";
            _stages[at] = null!;
            _stageOf.Remove(x);
        }

        ValueId? parameter = _updates.InPlace(node.Output);
        Emit(new RoundStage(
            name, node.Output, program, node.OptionalInput(1), op.Rounding, op.Seed, op.Stream, parameter, !_graph[node.Output].Type.HasSamples));
        PlaceUpdate(node.Output);
    }

    private bool ReadsPairs(Node reader, ValueId value)
    {
        TensorType[] types = [.. reader.Inputs.Select(input => _graph[input].Type)];
        return Enumerable.Range(0, reader.Inputs.Count)
            .All(i => reader.Inputs[i] != value || reader.Operator.ReadsPairs(i, types, _graph[reader.Output].Type));
    }

    /// <summary>How often nodes, outputs and copies at the end read the value.</summary>
    public int CountUses(ValueId value) => _uses[value.Index];

    /// <summary>True if a stage writes the value where nothing else lies: it can be written into a place in another value.</summary>
    public bool CanBePlaced(ValueId value) => _stageOf.ContainsKey(value) && !Places.IsPlaced(value) && !_dense.Contains(value);

    /// <summary>The output is the input in another shape: nothing is computed.</summary>
    public void Alias(ValueId output, ValueId input) => Places.SameAs(output, input);

    /// <summary>The output has the input's elements in another shape, both whole: nothing is moved.</summary>
    public void Reshape(ValueId output, ValueId input) => Places.ReshapeOf(output, input);

    /// <summary>
    /// The node's output is its input, both samples, with other axes in each item. Where an item has several rows, they stand without
    /// gaps: then the input cannot be, or become, a place in another value's rows, and is copied if it is one.
    /// </summary>
    public void ReshapeItems(Node node)
    {
        ValueId input = node.Inputs[0];
        (ValueId root, int column) = Places.Resolve(input);
        bool hasOneRow = Sectioning.RowsPerItem(_graph[input].Type) == 1 && Sectioning.RowsPerItem(_graph[node.Output].Type) == 1;
        if (!hasOneRow && (column != 0 || Sectioning.MatrixOf(_graph[root].Type).Columns != Sectioning.MatrixOf(_graph[input].Type).Columns))
        {
            Emit(new ItemCopyStage(node.Name, node.Output, input));
            return;
        }

        _dense.Add(root);
        Places.SameAs(node.Output, input);
    }

    /// <summary>Emits the sparse step that computes the node's output, if there is one.</summary>
    /// <returns>False if the step is dense.</returns>
    internal bool TryEmitSparseStep(Node node)
    {
        if (_updates.Sparse(node.Output) is not { } sparse)
        {
            return false;
        }

        Emit(new ScatterUpdateStage(
            node.Name, node.Output, sparse.Gradient.Inputs[0], sparse.Gradient.Inputs[1], sparse.Table, sparse.Rate, sparse.State,
            sparse.Gradient.OptionalInput(2)));
        PlaceUpdate(node.Output);
        if (sparse.State is { } state)
        {
            PlaceUpdate(state.Output);
        }

        return true;
    }

    /// <summary>A value that updates a parameter in place has that parameter's storage.</summary>
    internal void PlaceUpdate(ValueId value)
    {
        if (_updates.InPlace(value) is { } parameter)
        {
            Places.SameAs(value, parameter);
            _overwritten.Add(parameter);
        }
    }

    /// <summary>An elementwise node: a step in place, a part of the program of the stage before it, or a Map of its own.</summary>
    internal void LowerElementwise(Node node, ElementwiseOperator op) =>
        LowerElementwise(node, op, [.. Enumerable.Range(0, node.Inputs.Count).Select(op.Access)]);

    /// <inheritdoc cref="LowerElementwise(Node, ElementwiseOperator)"/>
    /// <param name="access">How each input is read.</param>
    internal void LowerElementwise(Node node, ElementwiseOperator op, SlotAccess[] access)
    {
        if (_updates.InPlace(node.Output) is { } parameter)
        {
            Emit(new ParameterStage(node.Name, node.Output, parameter, ProgramOf(node, op, access)));
            PlaceUpdate(node.Output);
            return;
        }

        Fuse(node, op, access);
    }

    /// <summary>
    /// An elementwise node whose inputs are broadcast, or are not floats: a part of the program of the Map before it, or a strided
    /// Map of its own.
    /// </summary>
    /// <param name="rounding">A function that rounds the result to its type, or null.</param>
    internal void LowerBroadcast(Node node, ElementwiseOperator op, Type? rounding)
    {
        bool whole = !_graph[node.Output].Type.HasSamples;
        SlotAccess[] access = [.. Enumerable.Range(0, node.Inputs.Count).Select(op.Access)];
        for (int host = _fuse ? FusableInput(node, access) : -1; host >= 0; host = -1)
        {
            int at = _stageOf[node.Inputs[host]];
            if (_stages[at] is ContractStage { Whole: true } contract && rounding is null && TryJoinRows(node, op, host, contract))
            {
                return;
            }

            if (_stages[at] is not (MapStage or StridedMapStage))
            {
                break;
            }

            var joined = (FusableStage)_stages[at];
            FusedProgram longer = Join(node, op, host, joined.Program, rounding);
            if (longer.Tree.DepthStages <= ProgramTree.MaximumDepthStages && longer.Inputs.Count <= SlotTable.MaximumSlots)
            {
                _stages[at] = null!;
                _stageOf.Remove(node.Inputs[host]);
                Emit(new StridedMapStage($"{joined.Name}+{node.Operator.Name}", node.Output, longer, whole));
                return;
            }
        }

        Emit(new StridedMapStage(node.Name, node.Output, Join(node, op, -1, null, rounding), whole));
    }

    /// <summary>An elementwise node of a product's rows and what is repeated for all of them (a bias, a number) joins the product.</summary>
    private bool TryJoinRows(Node node, ElementwiseOperator op, int host, ContractStage contract)
    {
        TensorType type = _graph[node.Output].Type;
        int columns = contract.ColumnsOf(_graph[contract.Weight.Parameter].Type);
        List<ValueId> inputs = [.. contract.Program.Inputs];
        List<int> accesses = [.. contract.Program.Accesses];
        var leaves = new List<ProgramTree>();
        for (int i = 0; i < node.Inputs.Count; i++)
        {
            if (i == host)
            {
                leaves.Add(contract.Program.Tree);
                continue;
            }

            if (RowAccess(_graph[node.Inputs[i]].Type, type, columns) is not { } access)
            {
                return false;
            }

            leaves.Add(new ProgramTree.Input(FindSlot(inputs, accesses, node.Inputs[i], (int)access), access));
        }

        ProgramTree tree = op.Program(leaves);
        if (tree.DepthStages > ProgramTree.MaximumDepthStages || inputs.Count > SlotTable.MaximumSlots)
        {
            return false;
        }

        _stages[_stageOf[node.Inputs[host]]] = null!;
        _stageOf.Remove(node.Inputs[host]);
        Emit(contract with
        {
            Name = $"{contract.Name}+{node.Operator.Name}",
            Output = node.Output,
            Program = new FusedProgram(tree, EquatableArray.Create<ValueId>([.. inputs]), EquatableArray.Create<int>([.. accesses])),
        });
        return true;
    }

    /// <summary>How rows of a value are read that broadcasts to them; null if it does not go along with rows.</summary>
    private static SlotAccess? RowAccess(TensorType input, TensorType output, int columns)
    {
        if (input == output)
        {
            return SlotAccess.Full;
        }

        if (input.CountElements == 1)
        {
            return SlotAccess.Uniform;
        }

        int[] own = [.. input.Shape.SkipWhile(extent => extent == 1)];
        return input.CountElements == columns && own.SequenceEqual(output.Shape.Skip(output.Rank - own.Length)) ? SlotAccess.PerColumn : null;
    }

    private static FusedProgram Join(Node node, ElementwiseOperator op, int host, FusedProgram? inner, Type? rounding)
    {
        List<ValueId> inputs = [.. inner?.Inputs ?? []];
        List<int> accesses = [.. Enumerable.Repeat((int)SlotAccess.Full, inputs.Count)];
        var leaves = new List<ProgramTree>();
        for (int i = 0; i < node.Inputs.Count; i++)
        {
            leaves.Add(i == host
                ? NdOperands.AllFull(inner!.Tree)
                : new ProgramTree.Input(FindSlot(inputs, accesses, node.Inputs[i], (int)SlotAccess.Full), SlotAccess.Full));
        }

        ProgramTree tree = op.Program(leaves);
        tree = rounding is null ? tree : new ProgramTree.Call1(rounding, tree);
        return new FusedProgram(tree, EquatableArray.Create<ValueId>([.. inputs]), EquatableArray.Create<int>([.. accesses]));
    }

    private void Lower(Node node)
    {
        if (!_updates.IsAbsorbed(node.Output))
        {
            _isRecomputed = node.IsRecomputed;
            node.Operator.Lower(this, node);
        }
    }

    private void Fuse(Node node, ElementwiseOperator op, SlotAccess[] access)
    {
        var leaves = new List<ProgramTree>();
        var inputs = new List<ValueId>();
        var accesses = new List<int>();
        int host = _fuse ? FusableInput(node, access) : -1;
        FusedProgram? inner = host >= 0 ? ((FusableStage)_stages[_stageOf[node.Inputs[host]]]).Program : null;
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

            int slot = FindSlot(inputs, accesses, node.Inputs[i], (int)access[i]);
            leaves.Add(new ProgramTree.Input(slot, access[i]));
        }

        ProgramTree tree = op.Program(leaves);
        var program = new FusedProgram(tree, EquatableArray.Create<ValueId>([.. inputs]), EquatableArray.Create<int>([.. accesses]));
        if (inner is null || tree.DepthStages > ProgramTree.MaximumDepthStages || inputs.Count > SlotTable.MaximumSlots)
        {
            if (inner is not null)
            {
                // Too long for one PCU: it starts a program of its own.
                LowerAlone(node, op, access);
                return;
            }

            Emit(new MapStage(node.Name, node.Output, program, !_graph[node.Output].Type.HasSamples));
            return;
        }

        // The stage moves to the end of the list: what the epilogue reads may have been computed after its template.
        int at = _stageOf[node.Inputs[host]];
        var joined = (FusableStage)_stages[at];
        FusableStage fused = joined with { Name = $"{joined.Name}+{node.Operator.Name}", Output = node.Output, Program = program };
        _stages[at] = null!;
        _stageOf.Remove(node.Inputs[host]);
        Emit(fused);
    }

    private void LowerAlone(Node node, ElementwiseOperator op, SlotAccess[] access) =>
        Emit(new MapStage(node.Name, node.Output, ProgramOf(node, op, access), !_graph[node.Output].Type.HasSamples));

    /// <summary>The node's own program, a slot for each of its inputs.</summary>
    private static FusedProgram ProgramOf(Node node, ElementwiseOperator op, SlotAccess[] access)
    {
        var leaves = new ProgramTree[node.Inputs.Count];
        for (int i = 0; i < leaves.Length; i++)
        {
            leaves[i] = new ProgramTree.Input(i, access[i]);
        }

        int[] accesses = [.. access.Select(slot => (int)slot)];
        return new FusedProgram(op.Program(leaves), node.Inputs, EquatableArray.Create<int>(accesses));
    }

    /// <summary>Which input's stage the node can join: a Map or Contract of samples whose value nobody else reads.</summary>
    private int FusableInput(Node node, SlotAccess[] access)
    {
        for (int i = 0; i < node.Inputs.Count; i++)
        {
            ValueId input = node.Inputs[i];
            if (access[i] == SlotAccess.Full && _uses[input.Index] == 1 && !Places.IsPlaced(input)
                && _graph[input].Type == _graph[node.Output].Type
                && _stageOf.TryGetValue(input, out int at) && _stages[at] is FusableStage

                // The fused stage moves to the end: what it reads must not have been overwritten meanwhile.
                && !_stages[at].Inputs.Any(_overwritten.Contains))
            {
                return i;
            }
        }

        return -1;
    }

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
}
