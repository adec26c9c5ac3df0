using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Optimizers;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Receipts;
using RduEmu.Models.Data;
using RduEmu.Models.Dlrm;

namespace RduEmu.Emulator.Dlrm;

/// <summary>
/// A DLRM in the arena of one device: a training step, a graph that only scores, or both over the same parameters.
/// </summary>
public sealed class DlrmSession : IDisposable
{
    /// <summary>Elements of a table that are initialised or read at a time.</summary>
    private const int PieceElements = 1 << 18;

    private readonly DlrmGraph? _training;
    private readonly DlrmGraph? _inference;
    private readonly Executor? _trainer;
    private readonly Executor? _scorer;
    private readonly Executor _base;
    private readonly float[] _word = new float[1];
    private float[] _piece = [];

    /// <param name="configuration">The model.</param>
    /// <param name="target">Where it runs.</param>
    /// <param name="trainingBatchSamples">Samples of a step, or 0 for no training.</param>
    /// <param name="inferenceBatchSamples">Samples that are scored at a time, or 0 for no scoring.</param>
    /// <param name="optimizer">What a training step does with the gradients.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU03xx: the device is not there, or the arena does not fit.</exception>
    public DlrmSession(DlrmConfiguration configuration, ExecutionTarget target, int trainingBatchSamples, int inferenceBatchSamples, OptimizerKind optimizer = OptimizerKind.Sgd)
    {
        Configuration = configuration;
        CompiledProgram? first = null;
        CompiledProgram? last = null;
        if (trainingBatchSamples > 0)
        {
            _training = DlrmGraph.BuildTrainingStep(configuration, trainingBatchSamples, optimizer);
            last = first = target.Compile(_training.Graph);
        }

        if (inferenceBatchSamples > 0)
        {
            _inference = DlrmGraph.BuildInference(configuration, inferenceBatchSamples);
            last = target.Compile(_inference.Graph, first);
            first ??= last;
        }

        if (first is null || last is null)
        {
            throw new ArgumentException("neither training nor scoring", nameof(trainingBatchSamples));
        }

        Program = first;
        ArenaBytes = last.ArenaBytes;
        _base = target.Create(first, last);
        _trainer = trainingBatchSamples > 0 ? _base : null;
        _scorer = inferenceBatchSamples == 0 ? null : trainingBatchSamples == 0 ? _base : _base.Share(last);
    }

    public DlrmConfiguration Configuration { get; }

    /// <summary>The program that owns the arena: the training step where there is one.</summary>
    public CompiledProgram Program { get; }

    public long ArenaBytes { get; }

    public ImmutableArray<ValueId> Parameters => (_training ?? _inference)!.Parameters;

    /// <summary>Fills the host workers' scratch with a byte pattern; does nothing on other devices.</summary>
    public void PoisonScratch(byte pattern)
    {
        (_trainer as HostExecutor)?.PoisonScratch(pattern);
        (_scorer as HostExecutor)?.PoisonScratch(pattern);
    }

    /// <summary>First values of all parameters: drawn by the seed, or given by name.</summary>
    public void Initialize(int seed, Func<string, long, float[]?>? given = null)
    {
        int firstTable = Parameters.Length - Configuration.TableRows.Length;
        for (int i = 0; i < Parameters.Length; i++)
        {
            Value parameter = Program.Graph[Parameters[i]];
            long count = parameter.Type.CountElements;
            if (given?.Invoke(parameter.Name, count) is { } elements)
            {
                _base.Write(parameter.Id, elements);
                continue;
            }

            for (long begin = 0; begin < count; begin += PieceElements)
            {
                Span<float> piece = Piece((int)Math.Min(PieceElements, count - begin));
                DlrmInitializer.Fill(parameter.Type, i >= firstTable, seed, i, begin, piece);
                _base.Write(parameter.Id, begin, piece);
            }
        }

        _base.Load();
    }

    /// <summary>One step of training.</summary>
    /// <param name="batch">As many samples as the step was compiled for.</param>
    /// <param name="rate">The learning rate.</param>
    /// <returns>The mean of the samples' losses.</returns>
    public float Step(ClickBatch batch, float rate)
    {
        DlrmGraph graph = _training!;
        Feed(_trainer!, graph, batch);
        _trainer!.Write(graph.Target!.Value, batch.Targets);
        _word[0] = rate;
        _trainer.Write(graph.Rate!.Value, _word);
        _trainer.Run();
        _trainer.Read(graph.Graph.Outputs[1], _word);
        return _word[0] / batch.CapacitySamples;
    }

    /// <summary>Scores a batch; of a short one only the first scores count.</summary>
    public void Score(ClickBatch batch, Span<float> scores)
    {
        Feed(_scorer!, _inference!, batch);
        _scorer!.Run();
        _scorer.Read(_inference!.Graph.Outputs[0], scores);
    }

    /// <summary>The inputs of <see cref="Score"/> alone, so that <see cref="Run"/> can be timed by itself.</summary>
    public void Write(ClickBatch batch) => Feed(_scorer!, _inference!, batch);

    public void Run() => _scorer!.Run();

    public void ReadScores(Span<float> scores) => _scorer!.Read(_inference!.Graph.Outputs[0], scores);

    /// <summary>Visits each parameter in pieces, in order.</summary>
    public void ReadParameters(Action<Value, long> begin, Action<ReadOnlyMemory<float>> visit)
    {
        foreach (ValueId id in Parameters)
        {
            Value parameter = Program.Graph[id];
            long count = parameter.Type.CountElements;
            begin(parameter, count);
            for (long at = 0; at < count; at += PieceElements)
            {
                int length = (int)Math.Min(PieceElements, count - at);
                _base.Read(id, at, Piece(length));
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
        _base.Read(id, elements);
        return elements;
    }

    /// <summary>Changes one element of a parameter, past all rules: for checks that must find it.</summary>
    public void Overwrite(ValueId id, long element, float value)
    {
        _word[0] = value;
        _base.Write(id, element, _word);
        _base.Load();
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
        if (!ReferenceEquals(_scorer, _base))
        {
            _scorer?.Dispose();
        }

        _base.Dispose();
    }

    private static void Feed(Executor executor, DlrmGraph graph, ClickBatch batch)
    {
        executor.Write(graph.Dense, batch.Dense);
        for (int table = 0; table < graph.Indices.Length; table++)
        {
            executor.Write(graph.Indices[table], batch.Indices[table]);
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
