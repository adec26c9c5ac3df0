using RduEmu.Emulator.Execution;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Training;

/// <summary>A training step as graphs over one arena, and how they make a step together.</summary>
internal abstract class TrainingStep
{
    /// <summary>To be compiled in this order, each over the one before; all have the model's parameters.</summary>
    public abstract IReadOnlyList<ModelGraph> Graphs { get; }

    /// <summary>Takes the executors of the graphs.</summary>
    public abstract IReadOnlyList<LoadedGraph> Bind(IReadOnlyList<Executor> executors);

    /// <returns>The batch's loss.</returns>
    public abstract float Step(Batch batch, StepMoment moment);
}

/// <summary>The whole batch at once.</summary>
internal sealed class WholeStep(ModelGraph graph) : TrainingStep
{
    private readonly float[] _word = new float[1];
    private LoadedGraph? _loaded;

    public override IReadOnlyList<ModelGraph> Graphs => [graph];

    public override IReadOnlyList<LoadedGraph> Bind(IReadOnlyList<Executor> executors) => [_loaded = new LoadedGraph(graph, executors[0])];

    public override float Step(Batch batch, StepMoment moment)
    {
        LoadedGraph training = _loaded!;
        training.Write(batch);
        training.Write(moment);
        training.Executor.Run();
        training.Executor.Read(graph.Loss!.Value, _word);
        return _word[0] / graph.LossDivisor;
    }
}
