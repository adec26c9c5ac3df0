using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Compiler.Lowering;

/// <summary>
/// Graph --> stages --> sections of pipelines --> addresses --> units. The bits of a program depend on the graph alone.
/// </summary>
public sealed class GraphCompiler
{
    private readonly Graph _graph;
    private readonly CompileOptions _options;
    private readonly PlaceMap _places;
    private readonly IReadOnlyList<SectionPlan> _sections;
    private readonly List<StorageRequest> _requests = [];
    private readonly Dictionary<ValueId, int> _requestOf = [];
    private readonly Dictionary<(ValueId Weight, bool Transposed), int> _packedRequests = [];
    private readonly Dictionary<EquatableArray<int>, int> _mapRequests = [];
    private readonly Dictionary<ValueId, int> _workspaceRequests = [];
    private readonly Dictionary<ValueId, (int Section, int Pipeline)> _onlyPipeline = [];
    private readonly Dictionary<ValueId, Operand> _sharedParameters = [];
    private readonly IReadOnlyDictionary<(string Weight, bool Transposed), Operand> _sharedPacked;
    private readonly long _firstFreeElement;
    private long[] _offsets = [];

    private GraphCompiler(Graph graph, CompileOptions options, CompiledProgram? over)
    {
        _graph = graph;
        _options = options;
        _sharedPacked = over?.Packed ?? new Dictionary<(string, bool), Operand>();
        _firstFreeElement = (over?.ArenaBytes ?? 0) / sizeof(float);
        ShareParameters(over);
        (IReadOnlyList<Stage> stages, _places) = StageLowering.Lower(graph, options.Mode);
        StageSpec.Check(graph, stages, _places);
        _sections = Sectioning.Run(graph, stages, _places, options);
        SectionSpec.Check(graph, stages, _sections, _places);
    }

    /// <param name="graph">What to compile.</param>
    /// <param name="options">How.</param>
    /// <param name="over">
    /// A program whose arena this one extends: parameters of the same name are the same memory, so that a model can be trained
    /// by one graph and scored by another.
    /// </param>
    /// <exception cref="Kernels.Errors.RduException">RDU0401: the graph breaks its specification or has an operator that does not lower.</exception>
    public static CompiledProgram Compile(Graph graph, CompileOptions options, CompiledProgram? over = null)
    {
        GraphSpec.Check(graph);
        return new GraphCompiler(graph, options, over).Build();
    }

    /// <summary>The plan that <see cref="Compile"/> makes units of: for reports and tests.</summary>
    public static IReadOnlyList<SectionPlan> Plan(Graph graph, CompileOptions options) => new GraphCompiler(graph, options, over: null)._sections;

    private CompiledProgram Build()
    {
        RequestArena();
        (_offsets, long lengthElements) = Storage.Assign(_requests);
        for (int i = 0; i < _offsets.Length; i++)
        {
            _offsets[i] += _firstFreeElement;
        }

        var factory = new UnitFactory(_graph, ArenaOperand, PackedOperand, MapOperand, WorkspaceOperand);
        long scratchBytes = 0;
        var step = ImmutableArray.CreateBuilder<Section>();
        for (int section = 0; section < _sections.Count; section++)
        {
            var pipelines = ImmutableArray.CreateBuilder<Pipeline>();
            for (int pipeline = 0; pipeline < _sections[section].Pipelines.Count; pipeline++)
            {
                Pipeline built = BuildPipeline(factory, section, pipeline);
                scratchBytes = Math.Max(scratchBytes, built.ScratchBytes);
                pipelines.Add(built);
            }

            // The longest tiles first, so that the workers end together. Not where pipelines run one after the other: storage
            // was assigned for their order.
            step.Add(new Section(
                _sections[section].Name, _options.Materialize ? pipelines.ToImmutable() : [.. pipelines.OrderByDescending(OperationsPerTile)]));
        }

        var operands = new Dictionary<ValueId, Operand>();
        foreach (Value value in _graph.Values)
        {
            ValueId root = _places.Resolve(value.Id).Root;
            if (_requestOf.ContainsKey(root) || _sharedParameters.ContainsKey(root))
            {
                operands.Add(value.Id, ArenaOperand(value.Id));
            }
        }

        var packed = new Dictionary<(string, bool), Operand>(_sharedPacked);
        foreach ((ValueId weight, bool transposed) in _packedRequests.Keys)
        {
            packed[(_graph[weight].Name, transposed)] = PackedOperand(weight, transposed);
        }

        return new CompiledProgram(
            _graph, _sections, BuildLoad(), step.ToImmutable(), operands, packed, Constants(),
            checked((_firstFreeElement + lengthElements) * sizeof(float)), scratchBytes);
    }

    private void ShareParameters(CompiledProgram? over)
    {
        if (over is null)
        {
            return;
        }

        var known = over.Graph.Values.Where(value => value.Role == ValueRole.Parameter).ToDictionary(value => value.Name);
        foreach (Value value in _graph.Values)
        {
            if (value.Role == ValueRole.Parameter && known.TryGetValue(value.Name, out Value? same) && same.Type == value.Type)
            {
                _sharedParameters.Add(value.Id, over.Operands[same.Id]);
            }
        }
    }

    private void RequestArena()
    {
        int last = int.MaxValue;
        foreach (Value value in _graph.Values)
        {
            if (value.Role != ValueRole.Computed && !_sharedParameters.ContainsKey(value.Id))
            {
                RequestValue(value.Id, 0, last);
            }
        }

        foreach (ValueId output in _graph.Outputs)
        {
            ValueId root = _places.Resolve(output).Root;
            if (!_requestOf.ContainsKey(root) && !_sharedParameters.ContainsKey(root))
            {
                RequestValue(root, 0, last);
            }
        }

        // Computed values: which moments they live through, and whether one pipeline keeps them to itself.
        var lives = new Dictionary<ValueId, (int First, int Last)>();
        var homes = new Dictionary<ValueId, (int Section, int Pipeline)?>();
        int moment = 0;
        for (int section = 0; section < _sections.Count; section++)
        {
            for (int pipeline = 0; pipeline < _sections[section].Pipelines.Count; pipeline++)
            {
                foreach (Stage stage in _sections[section].Pipelines[pipeline].Stages)
                {
                    foreach (ValueId value in stage.Inputs.Append(stage.Output))
                    {
                        ValueId root = _places.Resolve(value).Root;
                        if (_requestOf.ContainsKey(root) || _sharedParameters.ContainsKey(root))
                        {
                            continue;
                        }

                        // Pipelines of a section run side by side on the host: there a section is one moment.
                        int now = _options.Materialize ? moment : section;
                        lives[root] = lives.TryGetValue(root, out (int First, int Last) life) ? (life.First, now) : (now, now);
                        homes[root] = !homes.TryGetValue(root, out (int Section, int Pipeline)? home) || home == (section, pipeline) ? (section, pipeline) : null;
                    }

                    RequestHelpers(stage);
                    moment++;
                }
            }
        }

        foreach ((ValueId root, (int first, int lastUse)) in lives)
        {
            if (!_options.Materialize && homes[root] is { } home)
            {
                _onlyPipeline.Add(root, home);
            }
            else
            {
                RequestValue(root, first, lastUse);
            }
        }
    }

    private void RequestHelpers(Stage stage)
    {
        switch (stage)
        {
            case Stage.Contract contract when !IsPacked(contract.Weight, contract.Transposed):
                (int rows, int columns) = Sectioning.MatrixOf(_graph[contract.Weight].Type);
                long packed = contract.Transposed ? PackedWeight.LengthElements(columns, rows) : PackedWeight.LengthElements(rows, columns);
                _packedRequests.Add((contract.Weight, contract.Transposed), Request($"packed {_graph[contract.Weight].Name}", packed, 0, int.MaxValue));
                break;
            case Stage.ColumnMap map when !_mapRequests.ContainsKey(map.Columns):
                _mapRequests.Add(map.Columns, Request("column map", map.Columns.Count, 0, int.MaxValue));
                break;
            case Stage.ScatterUpdate scatter when _options.Materialize:
                RequestSums(scatter, scatter.Indices, scatter.Gradient);
                break;
            case Stage.ScatterSum scatter when _options.Materialize:
                RequestSums(scatter, scatter.Indices, scatter.Gradient);
                break;
            default:
                break;
        }
    }

    private void RequestSums(Stage scatter, ValueId indices, ValueId gradient)
    {
        long sums = checked(_graph[indices].Type.CountElements * _graph[gradient].Type.Shape[1]);
        _workspaceRequests.Add(scatter.Output, Request($"sums of {scatter.Name}", sums, 0, int.MaxValue));
    }

    private void RequestValue(ValueId root, int first, int last) =>
        _requestOf.Add(root, Request(_graph[root].Name, _graph[root].Type.CountElements, first, last));

    private int Request(string name, long lengthElements, int first, int last)
    {
        _requests.Add(new StorageRequest(name, lengthElements, first, last));
        return _requests.Count - 1;
    }

    private Pipeline BuildPipeline(UnitFactory factory, int section, int pipeline)
    {
        PipelinePlan plan = _sections[section].Pipelines[pipeline];
        var requests = new List<StorageRequest>();
        var requestOf = new Dictionary<ValueId, int>();
        var privateRequests = new int[plan.Stages.Count];
        for (int i = 0; i < plan.Stages.Count; i++)
        {
            foreach (ValueId value in plan.Stages[i].Inputs.Append(plan.Stages[i].Output))
            {
                ValueId root = _places.Resolve(value).Root;
                if (!_onlyPipeline.ContainsKey(root))
                {
                    continue;
                }

                if (requestOf.TryGetValue(root, out int known))
                {
                    requests[known] = requests[known] with { Last = i };
                    continue;
                }

                requestOf.Add(root, requests.Count);
                requests.Add(new StorageRequest(_graph[root].Name, (long)plan.TileItems * ScratchStride(root), i, i));
            }

            long own = _options.Materialize ? 0 : factory.ScratchElements(plan.Stages[i], plan.TileItems);
            privateRequests[i] = requests.Count;
            requests.Add(new StorageRequest($"workspace of {plan.Stages[i].Name}", own, i, i));
        }

        (long[] offsets, long lengthElements) = Storage.Assign(requests);
        Operand Resolve(ValueId value)
        {
            (ValueId root, int column) = _places.Resolve(value);
            return requestOf.TryGetValue(root, out int request)
                ? new Operand(offsets[request] + column, ScratchStride(root), OperandSpace.Scratch)
                : ArenaOperand(value);
        }

        var units = ImmutableArray.CreateBuilder<ConfiguredUnit>();
        for (int i = 0; i < plan.Stages.Count; i++)
        {
            if (plan.Stages[i] is Stage.ScatterSum sum)
            {
                units.Add(factory.CreateFill(sum, Resolve));
            }

            units.Add(factory.Create(plan.Stages[i], Resolve, offsets[privateRequests[i]]));
            if (plan.Stages[i] is Stage.ParameterStep step)
            {
                units.AddRange(Packs(step.Parameter));
            }
        }

        return new Pipeline(units.ToImmutable(), plan.Items, plan.TileItems, lengthElements * sizeof(float));
    }

    private static long OperationsPerTile(Pipeline pipeline) =>
        pipeline.Units.Sum(unit => unit.OperationsPerItem) * Math.Min(pipeline.TileItems, pipeline.Items);

    private Section BuildLoad()
    {
        var pipelines = ImmutableArray.CreateBuilder<Pipeline>();
        foreach (ValueId weight in _packedRequests.Keys.Select(key => key.Weight).Distinct())
        {
            int rows = Sectioning.MatrixOf(_graph[weight].Type).Rows;
            pipelines.Add(new Pipeline([.. Packs(weight)], rows, Math.Max(1, rows), 0));
        }

        return new Section("load", pipelines.ToImmutable());
    }

    private IEnumerable<ConfiguredUnit> Packs(ValueId weight)
    {
        foreach (bool transposed in new[] { false, true })
        {
            if (IsPacked(weight, transposed))
            {
                (int rows, int columns) = Sectioning.MatrixOf(_graph[weight].Type);
                yield return new PackUnit(
                    $"pack {_graph[weight].Name}{(transposed ? " transposed" : string.Empty)}", rows, columns, transposed, ArenaOperand(weight), PackedOperand(weight, transposed));
            }
        }
    }

    private ImmutableArray<ArenaConstant> Constants()
    {
        var constants = ImmutableArray.CreateBuilder<ArenaConstant>();
        foreach (Value value in _graph.Values)
        {
            if (value.Constant is { } constant)
            {
                int bits = BitConverter.SingleToInt32Bits(constant);
                constants.Add(new ArenaConstant(ArenaOperand(value.Id).OffsetElements, [.. Enumerable.Repeat(bits, checked((int)value.Type.CountElements))]));
            }
        }

        foreach ((EquatableArray<int> map, int request) in _mapRequests)
        {
            constants.Add(new ArenaConstant(_offsets[request], [.. map]));
        }

        return constants.ToImmutable();
    }

    private Operand ArenaOperand(ValueId value)
    {
        (ValueId root, int column) = _places.Resolve(value);
        if (_sharedParameters.TryGetValue(root, out Operand shared))
        {
            return shared.FromColumn(column);
        }

        TensorType type = _graph[root].Type;
        return new Operand(_offsets[_requestOf[root]] + column, Sectioning.MatrixOf(type).Columns);
    }

    private bool IsPacked(ValueId weight, bool transposed) =>
        _packedRequests.ContainsKey((weight, transposed)) || IsPackedByOther(weight, transposed);

    private bool IsPackedByOther(ValueId weight, bool transposed) =>
        _sharedParameters.ContainsKey(weight) && _sharedPacked.ContainsKey((_graph[weight].Name, transposed));

    private Operand PackedOperand(ValueId weight, bool transposed) => IsPackedByOther(weight, transposed)
        ? _sharedPacked[(_graph[weight].Name, transposed)]
        : new Operand(_offsets[_packedRequests[(weight, transposed)]], 0);

    private Operand MapOperand(EquatableArray<int> map) => new(_offsets[_mapRequests[map]], map.Count);

    private Operand WorkspaceOperand(ValueId scattered, int width) =>
        _workspaceRequests.TryGetValue(scattered, out int request) ? new Operand(_offsets[request], width) : default;

    /// <summary>Words of a row in scratch: whole cache lines.</summary>
    private int ScratchStride(ValueId root)
    {
        int columns = Sectioning.MatrixOf(_graph[root].Type).Columns;
        return (columns + Storage.AlignmentElements - 1) / Storage.AlignmentElements * Storage.AlignmentElements;
    }
}
