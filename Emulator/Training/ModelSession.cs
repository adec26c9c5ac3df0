using System.Collections.Immutable;
using System.Runtime.InteropServices;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Receipts;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Training;

/// <summary>What a session is for.</summary>
/// <param name="TrainingSamples">Samples of a training step, or 0 for none.</param>
/// <param name="EvaluationSamples">Samples that are measured at a time, or 0 for no measuring.</param>
/// <param name="InferenceSamples">Samples that are predicted at a time, or 0 for no predictions.</param>
public sealed record SessionPurpose(int TrainingSamples = 0, int EvaluationSamples = 0, int InferenceSamples = 0);

/// <summary>A model in the arena of one device: a training step, graphs that only predict, or all of them over the same parameters.</summary>
public sealed class ModelSession : IDisposable
{
    /// <summary>Elements of a parameter that are initialised or read at a time.</summary>
    private const int PieceElements = 1 << 18;

    private readonly LoadedGraph? _training;
    private readonly LoadedGraph? _evaluation;
    private readonly LoadedGraph? _inference;
    private readonly LoadedGraph _base;
    private readonly float[] _word = new float[1];
    private float[] _piece = [];

    /// <param name="model">The model.</param>
    /// <param name="target">Where it runs.</param>
    /// <param name="purpose">What is made of it; at least one of its parts.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU03xx: the device is not there, or the arena does not fit.</exception>
    public ModelSession(IModel model, ExecutionTarget target, SessionPurpose purpose)
    {
        Model = model;
        var graphs = new List<(ModelGraph Graph, CompiledProgram Program)>();
        int Add(int samples, Func<int, ModelGraph> build)
        {
            if (samples == 0)
            {
                return -1;
            }

            ModelGraph graph = build(samples);
            graphs.Add((graph, target.Compile(graph.Graph, graphs.Count > 0 ? graphs[^1].Program : null)));
            return graphs.Count - 1;
        }

        int training = Add(purpose.TrainingSamples, model.BuildTrainingStep);
        int evaluation = Add(purpose.EvaluationSamples, model.BuildEvaluation);
        int inference = Add(purpose.InferenceSamples, model.BuildInference);
        if (graphs.Count == 0)
        {
            throw new ArgumentException("neither training nor predictions", nameof(purpose));
        }

        ArenaBytes = graphs[^1].Program.ArenaBytes;
        Executor owner = target.Create(graphs[0].Program, graphs[^1].Program);
        LoadedGraph[] loaded = [.. graphs.Select((graph, i) => new LoadedGraph(graph.Graph, i == 0 ? owner : owner.Share(graph.Program)))];
        _base = loaded[0];
        _training = training < 0 ? null : loaded[training];
        _evaluation = evaluation < 0 ? null : loaded[evaluation];
        _inference = inference < 0 ? null : loaded[inference];
    }

    public IModel Model { get; }

    /// <summary>The program that owns the arena: the training step where there is one.</summary>
    public CompiledProgram Program => _base.Executor.Program;

    public long ArenaBytes { get; }

    public ImmutableArray<ValueId> Parameters => _base.Model.Parameters;

    /// <summary>What the optimiser keeps; none without training.</summary>
    public ImmutableArray<ValueId> OptimizerStates => _base.Model.OptimizerStates;

    /// <summary>Fills the host workers' scratch with a byte pattern; does nothing on other devices.</summary>
    public void PoisonScratch(byte pattern)
    {
        foreach (LoadedGraph graph in Loaded())
        {
            (graph.Executor as HostExecutor)?.PoisonScratch(pattern);
        }
    }

    /// <summary>First values of all parameters: drawn by the seed, or given by name.</summary>
    public void Initialize(int seed, Func<string, long, float[]?>? given = null)
    {
        for (int i = 0; i < Parameters.Length; i++)
        {
            Value parameter = Program.Graph[Parameters[i]];
            long count = parameter.Type.CountElements;
            if (given?.Invoke(parameter.Name, count) is { } elements)
            {
                _base.Executor.Write(parameter.Id, elements);
                continue;
            }

            for (long begin = 0; begin < count; begin += PieceElements)
            {
                Span<float> piece = Piece((int)Math.Min(PieceElements, count - begin));
                Model.Initialize(_base.Model, i, seed, begin, piece);
                _base.Executor.Write(parameter.Id, begin, piece);
            }
        }

        Load();
    }

    /// <summary>Writes some elements of a parameter or optimiser state; <see cref="Load"/> must follow.</summary>
    public void WriteParameter(ValueId id, long firstElement, ReadOnlySpan<float> elements) => _base.Executor.Write(id, firstElement, elements);

    /// <summary>Makes parameters that were written known to the contractions that read packed copies.</summary>
    public void Load()
    {
        foreach (LoadedGraph graph in Loaded())
        {
            graph.Executor.Load();
        }
    }

    /// <summary>One step of training.</summary>
    /// <param name="batch">As many samples as the step was compiled for.</param>
    /// <param name="moment">Which step it is, and its learning rate.</param>
    /// <returns>The batch's loss.</returns>
    public float Step(Batch batch, StepMoment moment)
    {
        LoadedGraph training = _training!;
        training.Write(batch);
        training.Write(moment);
        training.Executor.Run();
        training.Executor.Read(training.Model.Loss!.Value, _word);
        return _word[0] / training.Model.LossDivisor;
    }

    /// <summary>What the metric needs of a batch; of a short one only the first samples count.</summary>
    /// <param name="batch">As many samples as the evaluation was compiled for.</param>
    /// <param name="predictions">From <see cref="EvaluationBuffers"/>.</param>
    public void Evaluate(Batch batch, IReadOnlyList<float[]> predictions) => Predict(_evaluation!, batch, predictions);

    /// <summary>Predictions for a batch; of a short one only the first samples count.</summary>
    /// <param name="batch">As many samples as the inference was compiled for.</param>
    /// <param name="predictions">From <see cref="PredictionBuffers"/>.</param>
    public void Predict(Batch batch, IReadOnlyList<float[]> predictions) => Predict(_inference!, batch, predictions);

    /// <summary>Room for what <see cref="Evaluate"/> gives.</summary>
    public float[][] EvaluationBuffers() => _evaluation!.Buffers();

    /// <summary>Room for what <see cref="Predict(Batch, IReadOnlyList{float[]})"/> gives.</summary>
    public float[][] PredictionBuffers() => _inference!.Buffers();

    /// <summary>The type of each prediction, for a whole batch.</summary>
    public IReadOnlyList<TensorType> PredictionTypes => [.. _inference!.Model.Predictions.Select(id => _inference.Model.Graph[id].Type)];

    /// <summary>Visits parameters in pieces, in order.</summary>
    public void ReadParameters(IEnumerable<ValueId> parameters, Action<Value, long> begin, Action<ReadOnlyMemory<float>> visit)
    {
        foreach (ValueId id in parameters)
        {
            Value parameter = Program.Graph[id];
            long count = parameter.Type.CountElements;
            begin(parameter, count);
            for (long at = 0; at < count; at += PieceElements)
            {
                int length = (int)Math.Min(PieceElements, count - at);
                _base.Executor.Read(id, at, Piece(length));
                visit(_piece.AsMemory(0, length));
            }
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
        var elements = new float[Program.Graph[id].Type.CountElements];
        _base.Executor.Read(id, 0, elements);
        return elements;
    }

    /// <summary>Changes one element of a parameter, past all rules: for checks that must find it.</summary>
    public void Overwrite(ValueId id, long element, float value)
    {
        _word[0] = value;
        _base.Executor.Write(id, element, _word);
        Load();
    }

    /// <summary>The section and stage that write a parameter, and the rows of one of its tiles.</summary>
    public (string Section, string Stage, int TileRows) WriterOf(ValueId parameter)
    {
        foreach (SectionPlan section in Program.Plan)
        {
            foreach (PipelinePlan pipeline in section.Pipelines)
            {
                foreach (Stage stage in pipeline.Stages)
                {
                    if (stage.UpdatedParameters.Contains(parameter))
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
        foreach (LoadedGraph graph in Loaded().Reverse())
        {
            graph.Executor.Dispose();
        }
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

    /// <summary>In the order in which they were loaded; the first owns the arena.</summary>
    private IEnumerable<LoadedGraph> Loaded() => new[] { _training, _evaluation, _inference }.OfType<LoadedGraph>();

    private Span<float> Piece(int count)
    {
        if (_piece.Length < count)
        {
            _piece = new float[count];
        }

        return _piece.AsSpan(0, count);
    }
}

/// <summary>A model's graph in an executor, with the inputs that take the fields of a batch.</summary>
internal sealed class LoadedGraph
{
    private readonly Value[] _dataInputs;
    private readonly int[] _word = new int[1];

    public LoadedGraph(ModelGraph model, Executor executor)
    {
        Model = model;
        Executor = executor;
        _dataInputs = [.. model.Graph.Values.Where(value => value.Role == ValueRole.Input && model.Controls.All(control => control.Input != value.Id))];
    }

    public ModelGraph Model { get; }

    public Executor Executor { get; }

    /// <summary>Writes the fields that inputs are named after.</summary>
    /// <exception cref="KeyNotFoundException">The batch lacks one.</exception>
    public void Write(Batch batch)
    {
        foreach (Value input in _dataInputs)
        {
            BatchField field = batch[input.Name];
            if (input.Type.Element == ElementType.Float32)
            {
                Executor.Write(input.Id, field.Floats);
            }
            else
            {
                Executor.Write(input.Id, field.Integers);
            }
        }
    }

    public void Write(StepMoment moment)
    {
        foreach (ControlInput control in Model.Controls)
        {
            _word[0] = control.WordAt(moment);
            if (Model.Graph[control.Input].Type.Element == ElementType.Float32)
            {
                Executor.Write(control.Input, MemoryMarshal.Cast<int, float>(_word));
            }
            else
            {
                Executor.Write(control.Input, _word);
            }
        }
    }

    public float[][] Buffers() => [.. Model.Predictions.Select(id => new float[Model.Graph[id].Type.CountElements])];
}
