using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Fabric;
using RduEmu.Emulator.Receipts;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Training;

/// <summary>What a session is for.</summary>
/// <param name="TrainingSamples">Samples of a training step, or 0 for none.</param>
/// <param name="EvaluationSamples">Samples that are measured at a time, or 0 for no measuring.</param>
/// <param name="InferenceSamples">Samples that are predicted at a time, or 0 for no predictions.</param>
public sealed record SessionPurpose(int TrainingSamples = 0, int EvaluationSamples = 0, int InferenceSamples = 0);

/// <summary>How the batch of a training step is cut; the bits do not depend on it.</summary>
/// <param name="Sockets">RDUs that share the batch, each with an arena of its own.</param>
/// <param name="Accumulate">Parts that each RDU computes one after the other; in a pipeline the microbatches.</param>
/// <param name="Kind">What the RDUs share: by default the batch.</param>
public sealed record BatchSplit(int Sockets = 1, int Accumulate = 1, ParallelKind Kind = ParallelKind.Data)
{
    public static BatchSplit None { get; } = new();

    /// <summary>Sums over the RDUs in the order of their arrival, one part each: for an experiment, which must then differ from run to run. Null for RDU order.</summary>
    public ArrivalSums? Arrival { get; init; }
}

/// <summary>The least memory that a training needs while every value is kept from its first use to its last.</summary>
/// <param name="WeightBytes">Parameters.</param>
/// <param name="OptimizerBytes">What the optimiser keeps.</param>
/// <param name="LiveBytes">Activations and gradients at the worst moment.</param>
public sealed record MemoryFloor(long WeightBytes, long OptimizerBytes, long LiveBytes)
{
    public long Bytes => WeightBytes + OptimizerBytes + LiveBytes;
}

/// <summary>A model in the arena of one device: a training step, graphs that only predict, or all of them over the same parameters.</summary>
public sealed class ModelSession : IDisposable
{
    /// <summary>Elements of a parameter that are initialised or read at a time.</summary>
    private const int PieceElements = 1 << 18;

    private readonly TrainingStep? _training;
    private readonly LoadedGraph? _evaluation;
    private readonly LoadedGraph? _inference;
    private readonly LoadedGraph[] _loaded;
    private readonly Replicas _others;
    private readonly ShardedRdus? _sharded;
    private readonly int _workers;
    private readonly float[] _word = new float[1];
    private float[] _piece = [];

    /// <param name="model">The model.</param>
    /// <param name="target">Where it runs.</param>
    /// <param name="purpose">What is made of it; at least one of its parts.</param>
    /// <param name="split">How the batch of a training step is cut.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU0201: the batch cannot be cut so. RDU03xx: the device is not there, or the arena does not fit.</exception>
    public ModelSession(IModel model, ExecutionTarget target, SessionPurpose purpose, BatchSplit? split = null)
        : this(model, target, purpose, split ?? BatchSplit.None, InProcessFabric.Create(split?.Sockets ?? 1), socket: 0)
    {
    }

    private ModelSession(IModel model, ExecutionTarget target, SessionPurpose purpose, BatchSplit split, InProcessFabric[] node, int socket)
    {
        Model = model;
        _workers = Math.Max(1, target.Threads);
        if (split.Kind != ParallelKind.Data)
        {
            _sharded = new ShardedRdus(model, target, purpose, split);
            _loaded = [];
            _others = new Replicas(node, []);
            ArenaBytes = _sharded.ArenaBytes.Max();
            RduBytes = _sharded.ArenaBytes.Zip(_sharded.ScratchBytes, (arena, scratch) => arena + scratch).Max();
            return;
        }

        int parts = split.Sockets * split.Accumulate;
        var graphs = new List<ModelGraph>();
        if (purpose.TrainingSamples > 0)
        {
            ModelGraph step = model.BuildTrainingStep(purpose.TrainingSamples);
            _training = parts == 1 ? new WholeStep(step) : new PartedStep(step, parts, split.Sockets > 1 ? node[socket] : null, split.Arrival);
            graphs.AddRange(_training.Graphs);
        }

        int stepGraphs = graphs.Count;
        graphs.AddRange(purpose.EvaluationSamples > 0 ? [model.BuildEvaluation(purpose.EvaluationSamples)] : []);
        graphs.AddRange(purpose.InferenceSamples > 0 ? [model.BuildInference(purpose.InferenceSamples)] : []);
        if (graphs.Count == 0)
        {
            throw new ArgumentException("neither training nor predictions", nameof(purpose));
        }

        var programs = new List<CompiledProgram>();
        foreach (ModelGraph graph in graphs)
        {
            programs.Add(target.Compile(graph.Graph, programs.Count > 0 ? programs[^1] : null));
        }

        ArenaBytes = programs[^1].ArenaBytes;
        RduBytes = ArenaBytes + (target.Threads * programs.Sum(program => program.ScratchBytes));
        Executor owner = target.Create(programs[0], programs[^1]);
        Executor[] executors = [owner, .. programs.Skip(1).Select(owner.Share)];
        _loaded =
        [
            .. _training?.Bind(executors[..stepGraphs]) ?? [],
            .. graphs.Skip(stepGraphs).Zip(executors.Skip(stepGraphs), (graph, executor) => new LoadedGraph(graph, executor)),
        ];
        _evaluation = purpose.EvaluationSamples > 0 ? _loaded[stepGraphs] : null;
        _inference = purpose.InferenceSamples > 0 ? _loaded[^1] : null;
        _others = new Replicas(
            node,
            socket == 0 ? [.. Enumerable.Range(1, split.Sockets - 1).Select(other => new ModelSession(model, target, new SessionPurpose(purpose.TrainingSamples), split, node, other))] : []);
    }

    public IModel Model { get; }

    /// <summary>The program that owns the arena: the training step where there is one.</summary>
    public CompiledProgram Program => _sharded?.Program ?? Owner.Executor.Program;

    /// <summary>The whole graph that <see cref="Parameters"/> belong to: the training step where there is one.</summary>
    public Graph Graph => First.Graph;

    /// <summary>Of the RDU that has the largest.</summary>
    public long ArenaBytes { get; }

    /// <summary>Scratch of all workers of all graphs, beside the arena; none but on the host.</summary>
    public long ScratchBytes => _sharded?.ScratchBytes.Max() ?? _loaded.Sum(graph => graph.Executor is HostExecutor host ? host.ScratchBytes : 0);

    /// <summary>The least that the arena could be: what is kept, and what is alive at the worst moment of any graph.</summary>
    public MemoryFloor Floor()
    {
        long BytesOf(ImmutableArray<ValueId> ids) => ids.Sum(id => Graph[id].Type.CountWords * sizeof(float));
        return new MemoryFloor(BytesOf(Parameters), BytesOf(OptimizerStates), _loaded.Select(graph => graph.Executor.Program.Memory.LiveBytes).DefaultIfEmpty().Max());
    }

    /// <summary>Arena and the workers' scratch, of the RDU that has most.</summary>
    public long RduBytes { get; }

    public ImmutableArray<ValueId> Parameters => First.Parameters;

    /// <summary>What the optimiser keeps; none without training.</summary>
    public ImmutableArray<ValueId> OptimizerStates => First.OptimizerStates;

    /// <summary>What went over each link between RDUs so far.</summary>
    public IReadOnlyList<LinkTraffic> Traffic => _sharded?.Traffic ?? _others.Traffic;

    private LoadedGraph Owner => _loaded[0];

    private ModelGraph First => _sharded?.Model ?? Owner.Model;

    /// <summary>The graphs that predict: one, or one for each RDU where they share it.</summary>
    public IReadOnlyList<Graph> InferenceGraphs => _sharded?.InferenceGraphs ?? (_inference is null ? [] : [_inference.Model.Graph]);

    /// <summary>The graphs of a training step on this RDU, in order; of all RDUs where they share one.</summary>
    public IReadOnlyList<Graph> TrainingGraphs => _sharded?.TrainingGraphs ?? [.. _training?.Graphs.Select(model => model.Graph) ?? []];

    /// <summary>Fills the host workers' scratch with a byte pattern; does nothing on other devices.</summary>
    public void PoisonScratch(byte pattern) => ForEachHost(host => host.PoisonScratch(pattern));

    /// <summary>Fills the host workers' scratch with random words; does nothing on other devices.</summary>
    public void PoisonScratchRandomly(int seed) => ForEachHost(host => host.PoisonScratchRandomly(seed));

    /// <summary>Gives the host's tiles to workers in another order; does nothing on other devices.</summary>
    public void ScrambleTiles(int seed) => ForEachHost(host => host.ScrambleTiles(seed));

    /// <summary>First values of all parameters: drawn by the seed, or given by name.</summary>
    public void Initialize(int seed, Func<string, long, float[]?>? given = null)
    {
        for (int i = 0; i < Parameters.Length; i++)
        {
            Value parameter = Graph[Parameters[i]];
            long count = parameter.Type.CountElements;
            if (given?.Invoke(parameter.Name, count) is { } elements)
            {
                WriteParameter(parameter.Id, 0, elements);
                continue;
            }

            InitializePieces(i, seed, parameter.Id, count);
        }

        Load();
    }

    /// <summary>A parameter's first values: as many pieces at a time as there are workers, since every element is drawn by itself.</summary>
    private void InitializePieces(int index, int seed, ValueId parameter, long count)
    {
        int pieces = (int)Math.Min(_workers, (count + PieceElements - 1) / PieceElements);
        Span<float> all = Piece((int)Math.Min((long)pieces * PieceElements, count));
        for (long begin = 0; begin < count; begin += all.Length)
        {
            int length = (int)Math.Min(all.Length, count - begin);
            if (length <= PieceElements)
            {
                Model.Initialize(First, index, seed, begin, all[..length]);
            }
            else
            {
                long first = begin;
                Parallel.For(0, (length + PieceElements - 1) / PieceElements, piece =>
                {
                    int at = piece * PieceElements;
                    Model.Initialize(First, index, seed, first + at, _piece.AsSpan(at, Math.Min(PieceElements, length - at)));
                });
            }

            WriteParameter(parameter, begin, all[..length]);
        }
    }

    /// <summary>Writes some elements of a parameter or optimiser state; <see cref="Load"/> must follow.</summary>
    public void WriteParameter(ValueId id, long firstElement, ReadOnlySpan<float> elements)
    {
        if (_sharded is not null)
        {
            _sharded.Write(id, firstElement, elements);
            return;
        }

        Owner.Executor.Write(id, firstElement, elements);
        foreach (ModelSession other in _others.Sessions)
        {
            other.WriteParameter(id, firstElement, elements);
        }
    }

    /// <summary>Makes parameters that were written known to the contractions that read packed copies.</summary>
    public void Load()
    {
        _sharded?.Load();
        foreach (LoadedGraph graph in _loaded)
        {
            graph.Executor.Load();
        }

        _others.ForEach(other => other.Load());
    }

    /// <summary>One step of training.</summary>
    /// <param name="batch">As many samples as the step was compiled for.</param>
    /// <param name="moment">Which step it is, and its learning rate.</param>
    /// <returns>The batch's loss.</returns>
    public float Step(Batch batch, StepMoment moment)
    {
        batch.NumberFrom(moment.Step * batch.CapacitySamples);
        return _sharded is not null
            ? _sharded.Step(batch, moment)
            : _others.Sessions.Count == 0 ? _training!.Step(batch, moment) : _others.Step(session => session._training!.Step(batch, moment), this);
    }

    /// <summary>What the metric needs of a batch; of a short one only the first samples count.</summary>
    /// <param name="batch">As many samples as the evaluation was compiled for.</param>
    /// <param name="predictions">From <see cref="EvaluationBuffers"/>.</param>
    public void Evaluate(Batch batch, IReadOnlyList<float[]> predictions)
    {
        if (_sharded is null)
        {
            Predict(_evaluation!, batch, predictions);
        }
        else
        {
            _sharded.Evaluate(batch, predictions);
        }
    }

    /// <summary>Predictions for a batch; of a short one only the first samples count.</summary>
    /// <param name="batch">As many samples as the inference was compiled for.</param>
    /// <param name="predictions">From <see cref="PredictionBuffers"/>.</param>
    public void Predict(Batch batch, IReadOnlyList<float[]> predictions)
    {
        if (_sharded is null)
        {
            Predict(_inference!, batch, predictions);
        }
        else
        {
            _sharded.Predict(batch, predictions);
        }
    }

    /// <summary>Room for what <see cref="Evaluate"/> gives.</summary>
    public float[][] EvaluationBuffers() => Buffers(_sharded?.Evaluation ?? _evaluation!.Model);

    /// <summary>Room for what <see cref="Predict(Batch, IReadOnlyList{float[]})"/> gives.</summary>
    public float[][] PredictionBuffers() => Buffers(InferenceModel);

    /// <summary>The type of each prediction, for a whole batch.</summary>
    public IReadOnlyList<TensorType> PredictionTypes => [.. InferenceModel.Predictions.Select(id => InferenceModel.Graph[id].Type)];

    private ModelGraph InferenceModel => _sharded?.Inference ?? _inference!.Model;

    /// <summary>Visits parameters in pieces, in order.</summary>
    public void ReadParameters(IEnumerable<ValueId> parameters, Action<Value, long> begin, Action<ReadOnlyMemory<float>> visit)
    {
        foreach (ValueId id in parameters)
        {
            Value parameter = Graph[id];
            long count = parameter.Type.CountElements;
            begin(parameter, count);
            for (long at = 0; at < count; at += PieceElements)
            {
                int length = (int)Math.Min(PieceElements, count - at);
                Read(id, at, Piece(length));
                visit(_piece.AsMemory(0, length));
            }
        }
    }

    /// <summary>The elements of a parameter in pieces, each good until the next one is asked for.</summary>
    public IEnumerable<ReadOnlyMemory<float>> ReadPieces(ValueId id)
    {
        long count = Program.Graph[id].Type.CountElements;
        for (long at = 0; at < count; at += PieceElements)
        {
            int length = (int)Math.Min(PieceElements, count - at);
            Owner.Executor.Read(id, at, Piece(length));
            yield return _piece.AsMemory(0, length);
        }
    }

    /// <summary>Digest of all parameters, and of each.</summary>
    public (string All, IReadOnlyDictionary<string, string> Each) WeightDigests()
    {
        using var all = new Digest();
        var each = new Dictionary<string, string>();
        Digest? one = null;
        string name = string.Empty;
        void Close()
        {
            if (one is not null)
            {
                each.Add(name, one.ToString());
                one.Dispose();
            }
        }

        ReadParameters(
            Parameters,
            (parameter, _) =>
            {
                Close();
                name = parameter.Name;
                one = new Digest();
                one.Begin(parameter.Name, parameter.Type.Shape.AsSpan());
                all.Begin(parameter.Name, parameter.Type.Shape.AsSpan());
            },
            piece =>
            {
                one!.Append(piece.Span);
                all.Append(piece.Span);
            });
        Close();
        return (all.ToString(), each);
    }

    /// <summary>All elements of a parameter; for small models.</summary>
    public float[] ReadParameter(ValueId id)
    {
        var elements = new float[Graph[id].Type.CountElements];
        Read(id, 0, elements);
        return elements;
    }

    /// <summary>An input or parameter of one of the session's graphs, those of the other RDUs among them.</summary>
    /// <param name="graph">The very graph.</param>
    /// <param name="id">A value that is stored whole.</param>
    /// <exception cref="InvalidOperationException">The graph is of another session.</exception>
    public HostTensor Read(Graph graph, ValueId id)
    {
        IEnumerable<Executor> executors = _loaded.Concat(_others.Sessions.SelectMany(other => other._loaded)).Select(loaded => loaded.Executor).Concat(_sharded?.Executors ?? []);
        return (executors.FirstOrDefault(executor => ReferenceEquals(executor.Program.Graph, graph)) ?? throw new InvalidOperationException("a graph of another session")).Read(id);
    }

    /// <summary>Changes one element of a parameter of one RDU, past all rules: for checks that must find it.</summary>
    public void Overwrite(ValueId id, long element, float value)
    {
        if (_sharded is not null)
        {
            _sharded.Overwrite(id, element, value);
            return;
        }

        _word[0] = value;
        Owner.Executor.Write(id, element, _word);
        Load();
    }

    /// <summary>The section and stage that write a parameter, and the rows of one of its tiles.</summary>
    public (string Section, string Stage, int TileRows) WriterOf(ValueId parameter)
    {
        if (_sharded is not null)
        {
            return _sharded.WriterOf(parameter) ?? ("load", "initial value", int.MaxValue);
        }

        string name = Graph[parameter].Name;
        foreach ((SectionPlan section, CompiledProgram program) in _loaded.SelectMany(graph => graph.Executor.Program.Plan.Select(section => (section, graph.Executor.Program))))
        {
            foreach (PipelinePlan pipeline in section.Pipelines)
            {
                foreach (Stage stage in pipeline.Stages)
                {
                    if (stage.UpdatedParameters.Any(updated => program.Graph[updated].Name == name))
                    {
                        // A scatter's one item is the whole table: its rows are not tiled.
                        return (section.Name, stage.Name, stage is ScatterUpdateStage ? int.MaxValue : pipeline.TileItems);
                    }
                }
            }
        }

        return ("load", "initial value", int.MaxValue);
    }

    public void Dispose()
    {
        _others.ForEach(other => other.Dispose());
        _sharded?.Dispose();
        foreach (LoadedGraph graph in _loaded.Reverse())
        {
            graph.Executor.Dispose();
        }
    }

    /// <summary>Records the time of every unit on the host; null for no longer.</summary>
    public void Record(HostProfile? profile) => ForEachHost(host => host.Profile = profile);

    private void ForEachHost(Action<HostExecutor> action)
    {
        foreach (HostExecutor host in _loaded.Select(graph => graph.Executor).Concat(_sharded?.Executors ?? []).OfType<HostExecutor>())
        {
            action(host);
        }

        _others.ForEach(other => other.ForEachHost(action));
    }

    private static void Predict(LoadedGraph graph, Batch batch, IReadOnlyList<float[]> predictions)
    {
        graph.Write(batch);
        graph.Executor.Run();
        for (int i = 0; i < predictions.Count; i++)
        {
            graph.Executor.Read(graph.Model.Predictions[i], predictions[i]);
        }
    }

    private static float[][] Buffers(ModelGraph model) => [.. model.Predictions.Select(id => new float[model.Graph[id].Type.CountElements])];

    private void Read(ValueId parameter, long firstElement, Span<float> elements)
    {
        if (_sharded is null)
        {
            Owner.Executor.Read(parameter, firstElement, elements);
        }
        else
        {
            _sharded.Read(parameter, firstElement, elements);
        }
    }

    private Span<float> Piece(int count)
    {
        if (_piece.Length < count)
        {
            _piece = new float[count];
        }

        return _piece.AsSpan(0, count);
    }
}
