using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Parallelism;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Fabric;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Training.Sharded;

/// <summary>
/// A model on several RDUs that share its graph (tensor, spatial or pipeline parallel): each has an arena, a program and a thread of its
/// own. Parameters are written and read as wholes; which RDU has which part is known here alone.
/// </summary>
internal sealed class ShardedRdus : IDisposable
{
    private readonly InProcessFabric[] _node;
    private readonly List<ShardedGraph> _graphs = [];
    private readonly ShardedGraph? _training;
    private readonly ShardedGraph? _evaluation;
    private readonly ShardedGraph? _inference;

    /// <param name="model">The model.</param>
    /// <param name="target">Where each RDU runs.</param>
    /// <param name="purpose">What is made of it.</param>
    /// <param name="split">How it is shared.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU0201: it cannot be shared so. RDU03xx: the device is not there, or the arena does not fit.</exception>
    public ShardedRdus(IModel model, ExecutionTarget target, SessionPurpose purpose, BatchSplit split)
    {
        _node = InProcessFabric.Create(split.Sockets);
        IReadOnlyDictionary<string, int>? stages = null;
        ShardedGraph Add(ModelGraph graph)
        {
            Sharding sharding = Shardings.Create(graph.Graph, split, stages);
            stages ??= (sharding as PipelineSharding)?.Stages;
            var made = new ShardedGraph(graph, sharding, _node);
            _graphs.Add(made);
            return made;
        }

        _training = purpose.TrainingSamples > 0 ? Add(model.BuildTrainingStep(purpose.TrainingSamples)) : null;
        _evaluation = purpose.EvaluationSamples > 0 ? Add(model.BuildEvaluation(purpose.EvaluationSamples)) : null;
        _inference = purpose.InferenceSamples > 0 ? Add(model.BuildInference(purpose.InferenceSamples)) : null;
        var programs = new CompiledProgram[_graphs.Count, split.Sockets];
        for (int socket = 0; socket < split.Sockets; socket++)
        {
            for (int g = 0; g < _graphs.Count; g++)
            {
                programs[g, socket] = target.Compile(_graphs[g].Sockets[socket].Graph, g > 0 ? programs[g - 1, socket] : null);
            }
        }

        RequireTrainedParameters();
        foreach (ShardedGraph graph in _graphs)
        {
            graph.Executors = new Executor[split.Sockets];
        }

        for (int socket = 0; socket < split.Sockets; socket++)
        {
            var exchanger = new Exchanger(_node[socket]);
            for (int g = 0; g < _graphs.Count; g++)
            {
                _graphs[g].Executors[socket] = g == 0 ? target.Create(programs[0, socket], programs[_graphs.Count - 1, socket]) : _graphs[0].Executors[socket].Share(programs[g, socket]);
                _graphs[g].Executors[socket].Exchanger = exchanger.Make;
            }
        }

        ArenaBytes = [.. Enumerable.Range(0, split.Sockets).Select(socket => programs[_graphs.Count - 1, socket].ArenaBytes)];
        ScratchBytes = [.. Enumerable.Range(0, split.Sockets).Select(socket => target.Threads * Enumerable.Range(0, _graphs.Count).Sum(g => programs[g, socket].ScratchBytes))];
    }

    /// <summary>Of each RDU.</summary>
    public ImmutableArray<long> ArenaBytes { get; }

    /// <summary>Of each RDU's workers, all together.</summary>
    public ImmutableArray<long> ScratchBytes { get; }

    /// <summary>The whole graph that owns the parameters.</summary>
    public ModelGraph Model => _graphs[0].Model;

    public ModelGraph Inference => _inference!.Model;

    public ModelGraph Evaluation => _evaluation!.Model;

    /// <summary>What the first RDU runs.</summary>
    public CompiledProgram Program => _graphs[0].Executors[0].Program;

    /// <summary>What went over each link so far.</summary>
    public IReadOnlyList<LinkTraffic> Traffic => [.. _node.SelectMany(socket => socket.Sent)];

    /// <summary>The training step, or what there is instead, as each RDU has it.</summary>
    public ImmutableArray<SocketGraph> Sockets => _graphs[0].Sockets;

    public IEnumerable<Executor> Executors => _graphs.SelectMany(graph => graph.Executors);

    /// <summary>The training step as each RDU has it; none without training.</summary>
    public IReadOnlyList<Graph> TrainingGraphs => [.. _training?.Sockets.Select(socket => socket.Graph) ?? []];

    /// <summary>The predictions as each RDU has them; none without predictions.</summary>
    public IReadOnlyList<Graph> InferenceGraphs => [.. _inference?.Sockets.Select(socket => socket.Graph) ?? []];

    public float Step(Batch batch, StepMoment moment)
    {
        _training!.Run(batch, moment);
        return _training.ReadScalar(_training.Model.Loss!.Value) / _training.Model.LossDivisor;
    }

    public void Evaluate(Batch batch, IReadOnlyList<float[]> predictions) => Predict(_evaluation!, batch, predictions);

    public void Predict(Batch batch, IReadOnlyList<float[]> predictions) => Predict(_inference!, batch, predictions);

    public void Load() => RduThreads.Run(_node, socket =>
    {
        foreach (ShardedGraph graph in _graphs)
        {
            graph.Executors[socket].Load();
        }
    });

    /// <summary>Writes some elements of a parameter wherever there are parts of it.</summary>
    public void Write(ValueId parameter, long firstElement, ReadOnlySpan<float> elements)
    {
        string name = Model.Graph[parameter].Name;
        foreach (ShardedGraph graph in _graphs)
        {
            for (int socket = 0; socket < graph.Sockets.Length; socket++)
            {
                foreach (LocalValue local in graph.Sockets[socket].Parameters)
                {
                    if (graph.Model.Graph[local.Whole].Name == name)
                    {
                        Write(graph, socket, local, firstElement, elements);
                    }
                }
            }
        }
    }

    /// <summary>Reads some elements of a parameter.</summary>
    public void Read(ValueId parameter, long firstElement, Span<float> elements)
    {
        ShardedGraph graph = _graphs[0];
        EquatableArray<int> shape = graph.Model.Graph[parameter].Type.Shape;
        long rowWords = ShardedGraph.RowWords(shape);
        foreach (Piece piece in graph.Sharding.LayoutOf(parameter).Pieces)
        {
            int socket = Math.Max(0, piece.Socket);
            LocalValue local = graph.Sockets[socket].Parameters.Single(own => own.Whole == parameter && own.Region == piece.Region);
            long at = 0;
            foreach ((int row, long first, int length) in ShardedGraph.Runs(piece.Region, shape))
            {
                long begin = (row * rowWords) + first;
                long from = Math.Max(begin, firstElement);
                long end = Math.Min(begin + length, firstElement + elements.Length);
                if (from < end)
                {
                    graph.Executors[socket].Read(local.Local, at + from - begin, elements.Slice((int)(from - firstElement), (int)(end - from)));
                }

                at += length;
            }
        }
    }

    /// <summary>Changes one element of a parameter on one RDU.</summary>
    public void Overwrite(ValueId parameter, long element, float value)
    {
        ShardedGraph graph = _graphs[0];
        foreach (Piece piece in graph.Sharding.LayoutOf(parameter).Pieces)
        {
            int socket = Math.Max(0, piece.Socket);
            LocalValue local = graph.Sockets[socket].Parameters.Single(own => own.Whole == parameter && own.Region == piece.Region);
            Write(graph, socket, local, element, [value]);
        }

        Load();
    }

    /// <summary>The section and stage that write a parameter, and the rows of one of its tiles.</summary>
    public (string Section, string Stage, int TileRows)? WriterOf(ValueId parameter)
    {
        ShardedGraph graph = _graphs[0];
        int socket = Math.Max(0, graph.Sharding.LayoutOf(parameter).Pieces[0].Socket);
        ValueId local = graph.Sockets[socket].Parameters.First(own => own.Whole == parameter).Local;
        foreach (SectionPlan section in graph.Executors[socket].Program.Plan)
        {
            foreach (PipelinePlan pipeline in section.Pipelines)
            {
                foreach (Stage stage in pipeline.Stages.Where(stage => stage.UpdatedParameters.Contains(local)))
                {
                    return (section.Name, stage.Name, stage is ScatterUpdateStage ? int.MaxValue : pipeline.TileItems);
                }
            }
        }

        return null;
    }

    public void Dispose()
    {
        foreach (ShardedGraph graph in Enumerable.Reverse(_graphs))
        {
            Array.ForEach(graph.Executors, executor => executor?.Dispose());
        }
    }

    private static void Predict(ShardedGraph graph, Batch batch, IReadOnlyList<float[]> predictions)
    {
        graph.Run(batch, moment: null);
        for (int i = 0; i < predictions.Count; i++)
        {
            graph.Read(graph.Model.Predictions[i], System.Runtime.InteropServices.MemoryMarshal.Cast<float, int>(predictions[i].AsSpan()));
        }
    }

    private static void Write(ShardedGraph graph, int socket, LocalValue local, long firstElement, ReadOnlySpan<float> elements)
    {
        EquatableArray<int> shape = graph.Model.Graph[local.Whole].Type.Shape;
        long rowWords = ShardedGraph.RowWords(shape);
        long at = 0;
        foreach ((int row, long first, int length) in ShardedGraph.Runs(local.Region, shape))
        {
            long begin = (row * rowWords) + first;
            long from = Math.Max(begin, firstElement);
            long end = Math.Min(begin + length, firstElement + elements.Length);
            if (from < end)
            {
                graph.Executors[socket].Write(local.Local, at + from - begin, elements.Slice((int)(from - firstElement), (int)(end - from)));
            }

            at += length;
        }
    }

    /// <summary>A part of a parameter that only a graph for predictions keeps would not follow the training.</summary>
    private void RequireTrainedParameters()
    {
        for (int g = 1; g < _graphs.Count && _training is not null; g++)
        {
            for (int socket = 0; socket < _node.Length; socket++)
            {
                HashSet<(string Name, Region Region)> trained = [.. _graphs[g - 1].Sockets[socket].Parameters.Select(local => (_graphs[g - 1].Model.Graph[local.Whole].Name, local.Region))];
                foreach (LocalValue local in _graphs[g].Sockets[socket].Parameters)
                {
                    string name = _graphs[g].Model.Graph[local.Whole].Name;
                    if (!trained.Contains((name, local.Region)))
                    {
                        throw new InvalidOperationException($"predictions read {name}[{local.Region}] on RDU {socket}, which the training does not keep there");
                    }
                }
            }
        }
    }
}
