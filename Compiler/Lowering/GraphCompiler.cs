using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Probe;

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
    private readonly Dictionary<PackedInput, int> _packedRequests = [];
    private readonly Dictionary<EquatableArray<int>, int> _mapRequests = [];
    private readonly Dictionary<ValueId, int> _workspaceRequests = [];
    private readonly Dictionary<ValueId, (int Section, int Pipeline)> _onlyPipeline = [];
    private readonly HashSet<ValueId> _ofOnePipeline = [];
    private readonly Dictionary<ValueId, Operand> _sharedParameters = [];
    private readonly IReadOnlyDictionary<(string Weight, WeightPacking Packing), Operand> _sharedPacked;
    private readonly HashSet<ValueId> _denseRoots = [];
    private readonly HashSet<ValueId> _packedOnly;
    private readonly long _firstFreeElement;
    private long[] _offsets = [];
    private ILookup<ValueId, WeightPacking>? _packingsOf;

    private GraphCompiler(Graph graph, CompileOptions options, CompiledProgram? over)
    {
        _graph = graph;
        _options = options;
        _sharedPacked = over?.Packed ?? new Dictionary<(string, WeightPacking), Operand>();
        _firstFreeElement = (over?.ArenaBytes ?? 0) / sizeof(float);
        ShareParameters(over);
        (IReadOnlyList<Stage> stages, _places) = StageLowering.Lower(graph, options.Mode);
        StageSpec.Check(graph, stages, _places);
        foreach (Value value in graph.Values.Where(value => Sectioning.RowsPerItem(value.Type) > 1))
        {
            _denseRoots.Add(_places.Resolve(value.Id).Root);
        }

        _sections = Sectioning.Run(graph, stages, _places, options);
        SectionSpec.Check(graph, stages, _sections, _places);
        _packedOnly = options.PacksOnWrite ? PackedOnly(graph, stages) : [];
    }

    /// <summary>Parameters that all stages read as packed, and nobody updates or asks for.</summary>
    private static HashSet<ValueId> PackedOnly(Graph graph, IReadOnlyList<Stage> stages)
    {
        HashSet<ValueId> weights = [.. stages.SelectMany(stage => stage.PackedInputs).Select(packed => packed.Weight).Where(weight => graph[weight].Role == ValueRole.Parameter)];
        weights.ExceptWith(graph.Outputs);
        weights.ExceptWith(graph.Updates.Select(update => update.Parameter));
        foreach (Stage stage in stages)
        {
            List<ValueId> read = [.. stage.Inputs];
            foreach (PackedInput packed in stage.PackedInputs)
            {
                read.Remove(packed.Weight);
            }

            weights.ExceptWith(read);
        }

        return weights;
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

        long scratchBytes = 0;
        var step = ImmutableArray.CreateBuilder<Section>();
        for (int section = 0; section < _sections.Count; section++)
        {
            var pipelines = ImmutableArray.CreateBuilder<Pipeline>();
            for (int pipeline = 0; pipeline < _sections[section].Pipelines.Count; pipeline++)
            {
                Pipeline built = BuildPipeline(section, pipeline);
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

        var packed = new Dictionary<(string, WeightPacking), Operand>(_sharedPacked);
        foreach (PackedInput input in _packedRequests.Keys)
        {
            packed[(_graph[input.Weight].Name, input.Packing)] = PackedOperand(input);
        }

        return new CompiledProgram(
            _graph, _sections, BuildLoad(), step.ToImmutable(), operands, packed, Constants(),
            checked((_firstFreeElement + lengthElements) * sizeof(float)), scratchBytes)
        {
            Memory = MeasureMemory(),
            PackOnWrite = _packedOnly.ToDictionary(weight => weight, weight => new Section($"pack {_graph[weight].Name}", [Packing(weight)])),
        };
    }

    private MemoryUse MeasureMemory()
    {
        long BytesOf(Value value) => value.Type.CountWords * sizeof(float);
        HashSet<int> parameters = [.. _requestOf.Where(pair => _graph[pair.Key].Role == ValueRole.Parameter).Select(pair => pair.Value)];
        var lives = new List<(int First, int Last, long Bytes)>();
        long helpers = 0;
        for (int i = 0; i < _requests.Count; i++)
        {
            long bytes = _requests[i].LengthElements * sizeof(float);
            if (_requests[i].Last != int.MaxValue)
            {
                lives.Add((_requests[i].First, _requests[i].Last, bytes));
            }
            else if (!parameters.Contains(i))
            {
                helpers += bytes;
            }
        }

        return new MemoryUse(_graph.Values.Where(value => value.Role == ValueRole.Parameter).Sum(BytesOf), MemoryUse.PeakOf(lives), helpers);
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
        if (_packedOnly.Count > 0)
        {
            int passage = Request("weights on their way", _packedOnly.Max(weight => _graph[weight].Type.CountWords), 0, last);
            foreach (ValueId weight in _packedOnly)
            {
                _requestOf.Add(weight, passage);
            }
        }

        foreach (Value value in _graph.Values.Where(value => !_packedOnly.Contains(value.Id)))
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
        var read = new HashSet<ValueId>();
        int moment = 0;
        for (int section = 0; section < _sections.Count; section++)
        {
            for (int pipeline = 0; pipeline < _sections[section].Pipelines.Count; pipeline++)
            {
                foreach (Stage stage in _sections[section].Pipelines[pipeline].Stages)
                {
                    foreach (ValueId value in stage.Inputs.Concat(stage.Outputs))
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

                    read.UnionWith(stage.Inputs.Select(input => _places.Resolve(input).Root));
                    RequestHelpers(stage);
                    moment++;
                }
            }
        }

        foreach ((ValueId root, (int first, int lastUse)) in lives)
        {
            if (homes[root] is not null)
            {
                _ofOnePipeline.Add(root);
            }

            // What nobody reads may be written as a whole, which scratch has no place for.
            if (!_options.Materialize && homes[root] is { } home && read.Contains(root))
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
        foreach (PackedInput packed in stage.PackedInputs.Where(packed => !IsPacked(packed)))
        {
            Value weight = _graph[packed.Weight];
            _packedRequests.Add(packed, Request($"packed {weight.Name}", packed.Packing.LengthElements(weight.Type), 0, int.MaxValue));
        }

        stage.Request(new Requests(this));
    }

    private void RequestValue(ValueId root, int first, int last) =>
        _requestOf.Add(root, Request(_graph[root].Name, _graph[root].Type.CountWords, first, last));

    private int Request(string name, long lengthElements, int first, int last)
    {
        _requests.Add(new StorageRequest(name, lengthElements, first, last));
        return _requests.Count - 1;
    }

    private Pipeline BuildPipeline(int section, int pipeline)
    {
        PipelinePlan plan = _sections[section].Pipelines[pipeline];
        var requests = new List<StorageRequest>();
        var requestOf = new Dictionary<ValueId, int>();
        var privateRequests = new int[plan.Stages.Count];
        for (int i = 0; i < plan.Stages.Count; i++)
        {
            foreach (ValueId value in plan.Stages[i].Inputs.Concat(plan.Stages[i].Outputs))
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

            long own = _options.Materialize || IsEmpty(plan.Stages[i]) ? 0 : plan.Stages[i].ScratchElements(_graph, plan.TileItems);
            privateRequests[i] = requests.Count;
            requests.Add(new StorageRequest($"workspace of {plan.Stages[i].Name}", own, i, i));
        }

        (long[] offsets, long lengthElements) = Storage.Assign(requests);
        Operand Resolve(ValueId value)
        {
            (ValueId root, int column) = _places.Resolve(value);
            return requestOf.TryGetValue(root, out int request)
                ? new Operand(offsets[request] + column, ScratchStride(root), OperandSpace.Scratch, FormatOf(_graph[root].Type))
                : ArenaOperand(value);
        }

        var units = ImmutableArray.CreateBuilder<ConfiguredUnit>();
        for (int i = 0; i < plan.Stages.Count; i++)
        {
            if (!IsEmpty(plan.Stages[i]))
            {
                units.AddRange(plan.Stages[i].CreateUnits(
                    new UnitContext(_graph, Resolve, ArenaOperand, PackedOperand, MapOperand, WorkspaceOperand, offsets[privateRequests[i]])));
            }

            units.AddRange(Probes(_sections[section].Name, plan, plan.Stages[i], Resolve));
            foreach (ValueId parameter in plan.Stages[i].UpdatedParameters)
            {
                units.AddRange(Packs(parameter));
            }
        }

        return new Pipeline(units.ToImmutable(), plan.Items, plan.TileItems, lengthElements * sizeof(float));
    }

    /// <summary>Where all outputs are empty nothing is computed: units need not be made for extents of 0.</summary>
    private bool IsEmpty(Stage stage) => stage.Outputs.All(output => _graph[output].Type.CountElements == 0);

    /// <summary>A probe behind a stage for each value that it writes, if the options ask for them.</summary>
    private IEnumerable<ConfiguredUnit> Probes(string section, PipelinePlan plan, Stage stage, Func<ValueId, Operand> resolve)
    {
        if (_options.Probe is not { } create)
        {
            yield break;
        }

        foreach (ValueId output in stage.Outputs)
        {
            Value value = _graph[output];
            int rows = Sectioning.MatrixOf(value.Type).Rows;
            int allColumns = rows == 0 ? 0 : checked((int)(value.Type.CountWords / rows));
            (int begin, int end) = stage.ColumnsWritten(_graph, output);
            int scale = value.Type.IsPaired ? 1 : Math.Max(1, allColumns / Math.Max(1, Sectioning.MatrixOf(value.Type).Columns));
            end = value.Type.IsPaired ? allColumns : end;
            bool isTiled = rows == plan.Items && !stage.NeedsOneTile;
            Operand operand = resolve(output);
            if (!isTiled && _ofOnePipeline.Contains(_places.Resolve(output).Root))
            {
                // In scratch there is no whole to be seen; where everything is in the arena it is left out too, so that all devices show the same.
                continue;
            }

            var point = new ProbePoint(section, stage.Name, value, rows, begin * scale, (end - begin) * scale, allColumns, isTiled ? plan.TileItems : Math.Max(1, rows))
            {
                Graph = _graph,
            };
            yield return new ProbeUnit($"probe of {stage.Name}", AsWords(operand).FromColumn(point.FirstColumn), point.Columns, isTiled ? 0 : rows, create(point));
        }
    }

    /// <summary>The words of an operand, whatever they hold.</summary>
    private static Operand AsWords(Operand operand) => new(operand.OffsetElements, operand.RowStrideElements, operand.Space);

    private static long OperationsPerTile(Pipeline pipeline) =>
        pipeline.Units.Sum(unit => unit.OperationsPerItem) * Math.Min(pipeline.TileItems, pipeline.Items);

    private Section BuildLoad()
    {
        var pipelines = ImmutableArray.CreateBuilder<Pipeline>();
        foreach (ValueId weight in _packedRequests.Keys.Select(key => key.Weight).Distinct().Where(weight => !_packedOnly.Contains(weight)))
        {
            pipelines.Add(Packing(weight));
        }

        return new Section("load", pipelines.ToImmutable());
    }

    private Pipeline Packing(ValueId weight)
    {
        int rows = Sectioning.MatrixOf(_graph[weight].Type).Rows;
        return new Pipeline([.. Packs(weight)], rows, Math.Max(1, rows), 0);
    }

    private IEnumerable<ConfiguredUnit> Packs(ValueId weight)
    {
        Value value = _graph[weight];
        _packingsOf ??= _packedRequests.Keys.ToLookup(key => key.Weight, key => key.Packing);
        IEnumerable<WeightPacking> packings = _packingsOf[weight];
        if (_sharedParameters.ContainsKey(weight))
        {
            packings = packings.Concat(_sharedPacked.Keys.Where(key => key.Weight == value.Name).Select(key => key.Packing));
        }

        return packings.Distinct().Select(packing =>
            packing.CreateUnit(value.Name, value.Type, ArenaOperand(weight), PackedOperand(new PackedInput(weight, packing))));
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
        bool isShared = _sharedParameters.TryGetValue(root, out Operand shared);
        bool isReshaped = _places.IsReshaped(value);
        if (isShared && !isReshaped)
        {
            return shared.FromColumn(column);
        }

        TensorType type = _graph[isReshaped ? value : root].Type;
        return new Operand((isShared ? shared.OffsetElements : _offsets[_requestOf[root]]) + column, checked((int)type.WordsOf(Sectioning.MatrixOf(type).Columns)), OperandSpace.Arena, FormatOf(type));
    }

    private static int FormatOf(TensorType type) => type.IsPaired ? OperandFormat.Pairs : OperandFormat.Words;

    private bool IsPacked(PackedInput input) => _packedRequests.ContainsKey(input) || IsPackedByOther(input);

    private bool IsPackedByOther(PackedInput input) =>
        _sharedParameters.ContainsKey(input.Weight) && _sharedPacked.ContainsKey((_graph[input.Weight].Name, input.Packing));

    private Operand PackedOperand(PackedInput input) => IsPackedByOther(input)
        ? _sharedPacked[(_graph[input.Weight].Name, input.Packing)]
        : new Operand(_offsets[_packedRequests[input]], 0);

    private Operand MapOperand(EquatableArray<int> map) => new(_offsets[_mapRequests[map]], map.Count);

    private Operand WorkspaceOperand(ValueId scattered, int width) =>
        _workspaceRequests.TryGetValue(scattered, out int request) ? new Operand(_offsets[request], width) : default;

    /// <summary>Words of an item in scratch: whole cache lines; without a gap where an item has several rows.</summary>
    private int ScratchStride(ValueId root)
    {
        int columns = checked((int)_graph[root].Type.WordsOf(Sectioning.MatrixOf(_graph[root].Type).Columns));
        return _denseRoots.Contains(root) ? columns : (columns + Storage.AlignmentElements - 1) / Storage.AlignmentElements * Storage.AlignmentElements;
    }

    private sealed class Requests(GraphCompiler compiler) : StageRequests(compiler._graph)
    {
        public override void Table(EquatableArray<int> words)
        {
            if (!compiler._mapRequests.ContainsKey(words))
            {
                compiler._mapRequests.Add(words, compiler.Request("table", words.Count, 0, int.MaxValue));
            }
        }

        public override void DeviceWorkspace(ValueId key, long lengthElements)
        {
            if (compiler._options.Materialize)
            {
                compiler._workspaceRequests.Add(key, compiler.Request($"workspace of {compiler._graph[key].Name}", lengthElements, 0, int.MaxValue));
            }
        }
    }
}
