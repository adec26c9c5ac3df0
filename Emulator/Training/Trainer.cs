using System.Diagnostics;
using RduEmu.Emulator.Receipts;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Training;

/// <summary>Where a training run is.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps to do, or null if the data decide.</param>
/// <param name="Loss">Loss of the last step.</param>
public readonly record struct TrainingProgress(long Step, long? Steps, float Loss);

/// <summary>What a training run came to.</summary>
/// <param name="State">Steps, losses and measurements, those before a resumption too.</param>
/// <param name="Samples">Samples that this process has trained on, an epoch's each time.</param>
/// <param name="Seconds">Wall time of these steps, with reading or generating the samples.</param>
/// <param name="StoppedEarly">True if the metric had ceased to improve.</param>
/// <param name="DataDigest">Digest of the samples in order, if it was asked for.</param>
public sealed record TrainingOutcome(TrainingState State, long Samples, double Seconds, bool StoppedEarly, string? DataDigest);

/// <summary>What happens beside the steps.</summary>
public sealed record TrainingWatch
{
    /// <summary>True to digest the samples.</summary>
    public bool WithDataDigest { get; init; }

    /// <summary>Steps between digests of all parameters; 0 for none.</summary>
    public long DigestEvery { get; init; }

    /// <summary>Shown each of them; false ends the training.</summary>
    public Func<StepDigest, bool>? Accepts { get; init; }

    /// <summary>Steps between measurements; 0 for none.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>What is measured on; needed where <see cref="EvaluateEvery"/> is not 0.</summary>
    public IBatchSource? Test { get; init; }

    /// <summary>Measurements without a new best one that end the training; 0 for none.</summary>
    public int Patience { get; init; }

    /// <summary>Called after each step.</summary>
    public Action<TrainingProgress>? Progress { get; init; }

    /// <summary>Where an earlier run was whose parameters the session has; null to begin.</summary>
    public TrainingState? From { get; init; }

    /// <summary>Steps between two calls of <see cref="Save"/>; 0 for one at the end only.</summary>
    public int SaveEvery { get; init; }

    /// <summary>Keeps what is needed to go on from here.</summary>
    public Action<TrainingState>? Save { get; init; }
}

/// <summary>Training and evaluation of a session.</summary>
public sealed class Trainer(ModelSession session)
{
    public const int KeptLosses = 100;

    /// <summary>Points of a loss curve at most.</summary>
    public const int CurvePoints = 2000;

    /// <summary>Trains; a source that ends is read again, and what does not fill a batch is left out.</summary>
    /// <param name="source">Samples.</param>
    /// <param name="course">How long, and at which rates; its batch is the session's.</param>
    /// <param name="watch">What happens beside the steps.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="Kernels.Errors.RduException">RDU0201: the source has not enough samples for a batch.</exception>
    public TrainingOutcome Train(IBatchSource source, TrainingCourse course, TrainingWatch watch, CancellationToken cancellation)
    {
        using Digest? digest = watch.WithDataDigest ? new Digest() : null;
        var cursor = new BatchCursor(source, course.BatchSamples, course.Epochs, digest);
        TrainingState state = watch.From ?? new TrainingState();
        cursor.Seek(state.Epoch, state.BatchInEpoch, cancellation);
        bool HasStopped() => watch.Patience > 0 && state.SinceBest >= watch.Patience;

        var clock = Stopwatch.StartNew();
        long first = state.Step;
        bool isAccepted = true;
        while (isAccepted && (course.Steps is null || state.Step < course.Steps) && !HasStopped())
        {
            cancellation.ThrowIfCancellationRequested();
            if (!cursor.Next())
            {
                break;
            }

            state.Add(session.Step(cursor.Batch, new StepMoment(state.Step, course.RateAt(state.Step) * state.RateFactor)));
            (state.Epoch, state.BatchInEpoch) = (cursor.Epoch, cursor.BatchInEpoch);
            if (watch.EvaluateEvery > 0 && state.Step % watch.EvaluateEvery == 0)
            {
                clock.Stop();
                state.Add(Evaluate(watch.Test!, cancellation), course.Plateau);
                clock.Start();
            }

            if (watch.DigestEvery > 0 && state.Step % watch.DigestEvery == 0)
            {
                state.Digests.Add(new StepDigest(state.Step, session.WeightDigests().All, digest?.ToString()));
                isAccepted = watch.Accepts?.Invoke(state.Digests[^1]) ?? true;
            }

            if (watch.SaveEvery > 0 && state.Step % watch.SaveEvery == 0)
            {
                watch.Save?.Invoke(state);
            }

            watch.Progress?.Invoke(new TrainingProgress(state.Step, course.Steps, state.LastLoss));
        }

        double seconds = clock.Elapsed.TotalSeconds;
        watch.Save?.Invoke(state);
        return new TrainingOutcome(state, (state.Step - first) * course.BatchSamples, seconds, HasStopped(), digest?.ToString());
    }

    /// <summary>Measures on all samples of the source.</summary>
    public Evaluation Evaluate(IBatchSource source, CancellationToken cancellation)
    {
        int batchSamples = session.Model.EvaluationBatchSamples;
        Batch batch = source.CreateBatch(batchSamples);
        float[][] predictions = session.EvaluationBuffers();
        IMetric metric = session.Model.CreateMetric();
        source.Rewind(0);
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            source.Read(batch);
            if (batch.CountSamples == 0)
            {
                break;
            }

            batch.ClearTail();
            session.Evaluate(batch, predictions);
            metric.Add(batch, predictions);
            if (batch.CountSamples < batchSamples)
            {
                break;
            }
        }

        return metric.Result();
    }
}
