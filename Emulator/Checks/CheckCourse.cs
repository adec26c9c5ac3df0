using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Receipts;
using RduEmu.Emulator.Training;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Checks;

/// <summary>All elements of one prediction, of all samples.</summary>
internal sealed record Prediction(string Name, IReadOnlyList<int> SampleShape, float[] Elements)
{
    public int Width => SampleShape.Aggregate(1, (product, extent) => product * extent);

    public static string Digest(Prediction[] predictions)
    {
        using var digest = new Digest();
        foreach (Prediction prediction in predictions)
        {
            int samples = prediction.Elements.Length / prediction.Width;
            digest.Begin(prediction.Name, prediction.Width == 1 ? [samples] : [samples, .. prediction.SampleShape]);
            digest.Append(prediction.Elements);
        }

        return digest.ToString();
    }
}

/// <summary>One variant of a check on its way: its session, its data, and what its stages write where that is recorded.</summary>
internal sealed class CheckCourse : IDisposable
{
    private readonly ModelCheck _check;
    private readonly CheckVariant _variant;
    private readonly IModelData _data;
    private readonly Batch _batch;
    private readonly Batch _piece;
    private readonly float _rate;

    public CheckCourse(ModelCheck check, CheckVariant variant, StageRecorder? recorder = null)
    {
        _check = check;
        _variant = variant;
        _data = check.Open();
        TrainingCourse course = _data.Suited(check.Choices);
        _rate = course.Rate;
        _batch = _data.Training.CreateBatch(course.BatchSamples);
        _piece = _data.Training.CreateBatch(course.BatchSamples);
        Recorder = recorder ?? (variant.Injection is null ? null : new StageRecorder());
        var target = new ExecutionTarget(variant.Device, variant.Threads, variant.Mode, variant.TileSamples) { Probe = Recorder is null ? null : Recorder.Add };
        Session = new ModelSession(
            check.Model, target, new SessionPurpose(TrainingSamples: course.BatchSamples, InferenceSamples: variant.BatchSamples),
            new BatchSplit(variant.Sockets, variant.Accumulate, variant.Parallel));
        if (variant.Injection is { } injection)
        {
            Recorder!.Inject(injection, injection.Step == check.Steps ? Session.InferenceGraphs : null);
        }

        // The first run has NaN in its scratch and the usual order of tiles; the others what must not matter either.
        if (variant.Run == 0)
        {
            Session.PoisonScratch(0xFF);
        }
        else
        {
            Session.PoisonScratchRandomly(variant.Run);
            Session.ScrambleTiles(variant.Run);
        }

        Session.Initialize(check.Seed, _data.FirstValues);
    }

    public ModelSession Session { get; }

    public StageRecorder? Recorder { get; }

    /// <summary>True if both share their graphs among RDUs in the same way: then these have the same values.</summary>
    public bool HasCutOf(CheckCourse other) =>
        (_variant.Sockets, _variant.Accumulate, _variant.Parallel) == (other._variant.Sockets, other._variant.Accumulate, other._variant.Parallel);

    /// <summary>True if there is one graph for predictions: RDUs that share a batch do not share it.</summary>
    public bool PredictsWhole => _variant.Sockets == 1 || _variant.Parallel == ParallelKind.Data;

    /// <summary>The graph for predictions that the stage is of, counted by RDUs; -1 if it is of a training step.</summary>
    public int PredictionOf(StageRecorder.RecordedStage stage)
    {
        for (int graph = 0; graph < Session.InferenceGraphs.Count; graph++)
        {
            if (ReferenceEquals(Session.InferenceGraphs[graph], stage.Point.Graph))
            {
                return graph;
            }
        }

        return -1;
    }

    public void Step(int step)
    {
        Recorder?.Begin(step);
        _check.Disturb?.Invoke(Session, _variant, step);
        Fill(_data.Training, _batch, _piece);
        Session.Step(_batch, new StepMoment(step, _rate));
    }

    /// <summary>Predicts all samples in batches of the variant's size, or only as far as the batch of one sample.</summary>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <param name="lastSample">A sample of the last batch.</param>
    /// <param name="digests">Takes the digests of all recorded stages, batch by batch.</param>
    public Prediction[] Predict(CancellationToken cancellation, int lastSample = int.MaxValue, List<long[]>? digests = null)
    {
        using IModelData data = _check.Open();
        IBatchSource source = data.Test ?? data.Training;
        source.Rewind(0);
        int samples = _check.PredictedSamples;
        Batch all = source.CreateBatch(samples);
        Fill(source, all, source.CreateBatch(samples));
        Batch batch = source.CreateBatch(_variant.BatchSamples);
        float[][] buffers = Session.PredictionBuffers();
        Prediction[] result =
        [
            .. Session.PredictionTypes.Select((type, i) =>
            {
                int[] shape = [.. type.Shape.Skip(1)];
                return new Prediction(i == 0 ? "scores" : $"scores.{i}", shape, new float[samples * shape.Aggregate(1, (product, extent) => product * extent)]);
            }),
        ];
        for (int first = 0; first < samples && first <= lastSample; first += _variant.BatchSamples)
        {
            cancellation.ThrowIfCancellationRequested();
            batch.CopyFrom(all, first);
            batch.ClearTail();
            Recorder?.Begin(_check.Steps);
            Session.Predict(batch, buffers);
            digests?.Add([.. Recorder!.Stages.Select(stage => stage.Digest)]);
            for (int i = 0; i < result.Length; i++)
            {
                buffers[i].AsSpan(0, batch.CountSamples * result[i].Width).CopyTo(result[i].Elements.AsSpan(first * result[i].Width));
            }
        }

        return result;
    }

    public void Dispose()
    {
        Session.Dispose();
        _data.Dispose();
    }

    /// <summary>A whole batch; a source that ends begins again, so that few samples do for many steps.</summary>
    private static void Fill(IBatchSource source, Batch batch, Batch piece)
    {
        batch.CountSamples = 0;
        while (batch.CountSamples < batch.CapacitySamples)
        {
            source.Read(piece);
            if (piece.CountSamples == 0)
            {
                source.Rewind(0);
                source.Read(piece);
            }

            batch.Append(piece);
        }
    }
}
