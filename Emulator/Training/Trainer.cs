using System.Diagnostics;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Training;

/// <summary>Where a training run is.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps to do, or null if the data decide.</param>
/// <param name="Loss">Loss of the last step.</param>
/// <param name="Evaluation">The measurement that was made after it, if one was.</param>
public readonly record struct TrainingProgress(long Step, long? Steps, float Loss, Evaluation? Evaluation = null);

/// <summary>A measurement on the way.</summary>
/// <param name="Step">Steps done before it.</param>
public sealed record MeasuredStep(long Step, Evaluation Evaluation);

/// <summary>What a training run came to.</summary>
/// <param name="Steps">Steps done.</param>
/// <param name="Samples">Samples seen, an epoch's each time.</param>
/// <param name="Seconds">Wall time of the steps, with reading or generating the samples.</param>
/// <param name="FirstLoss">Loss of the first step.</param>
/// <param name="LastLoss">Loss of the last step.</param>
/// <param name="Losses">Losses of the first steps, at most <see cref="Trainer.KeptLosses"/>.</param>
/// <param name="Measured">Measurements on the way.</param>
/// <param name="StoppedEarly">True if the metric had ceased to improve.</param>
/// <param name="DataDigest">Digest of the samples in order, if it was asked for.</param>
public sealed record TrainingOutcome(
    long Steps, long Samples, double Seconds, float FirstLoss, float LastLoss, IReadOnlyList<float> Losses, IReadOnlyList<MeasuredStep> Measured, bool StoppedEarly, string? DataDigest);

/// <summary>What happens beside the steps.</summary>
public sealed record TrainingWatch
{
    /// <summary>True to digest the samples.</summary>
    public bool WithDataDigest { get; init; }

    /// <summary>Steps between measurements; 0 for none.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>What is measured on; needed where <see cref="EvaluateEvery"/> is not 0.</summary>
    public IBatchSource? Test { get; init; }

    /// <summary>Measurements without a new best one that end the training; 0 for none.</summary>
    public int Patience { get; init; }

    /// <summary>Called after each step.</summary>
    public Action<TrainingProgress>? Progress { get; init; }
}

/// <summary>Training and evaluation of a session.</summary>
public sealed class Trainer(ModelSession session)
{
    public const int KeptLosses = 100;

    /// <summary>Trains; a source that ends is read again, and what does not fill a batch is left out.</summary>
    /// <param name="source">Samples.</param>
    /// <param name="course">How long, and at which rates; its batch is the session's.</param>
    /// <param name="watch">What happens beside the steps.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="RduException">RDU0201: the source has not enough samples for a batch.</exception>
    public TrainingOutcome Train(IBatchSource source, TrainingCourse course, TrainingWatch watch, CancellationToken cancellation)
    {
        int batchSamples = course.BatchSamples;
        Batch batch = source.CreateBatch(batchSamples);
        using Digest? digest = watch.WithDataDigest ? new Digest() : null;
        var losses = new List<float>();
        var measured = new List<MeasuredStep>();
        var best = new BestMeasurement();
        bool stopped = false;
        float loss = 0;
        int epoch = 0;
        source.Rewind(epoch);
        var clock = Stopwatch.StartNew();
        long step = 0;
        for (; course.Steps is null || step < course.Steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            source.Read(batch);
            if (batch.CountSamples < batchSamples)
            {
                if (step > 0 && ++epoch >= (course.Epochs ?? int.MaxValue))
                {
                    break;
                }

                source.Rewind(epoch);
                source.Read(batch);
                if (batch.CountSamples < batchSamples)
                {
                    throw TooFew(source, batch.CountSamples, batchSamples);
                }
            }

            batch.AppendTo(digest);
            loss = session.Step(batch, new StepMoment(step, course.RateAt(step)));
            if (losses.Count < KeptLosses)
            {
                losses.Add(loss);
            }

            Evaluation? evaluation = null;
            if (watch.EvaluateEvery > 0 && (step + 1) % watch.EvaluateEvery == 0)
            {
                clock.Stop();
                evaluation = Evaluate(watch.Test!, cancellation);
                measured.Add(new MeasuredStep(step + 1, evaluation));
                best.Add(evaluation);
                clock.Start();
            }

            watch.Progress?.Invoke(new TrainingProgress(step + 1, course.Steps, loss, evaluation));
            if (watch.Patience > 0 && best.Age >= watch.Patience)
            {
                stopped = true;
                step++;
                break;
            }
        }

        return new TrainingOutcome(
            step, step * batchSamples, clock.Elapsed.TotalSeconds, losses.Count > 0 ? losses[0] : float.NaN, loss, losses, measured, stopped, digest?.ToString());
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

    private static RduException TooFew(IBatchSource source, int got, int expected) => new(
        ErrorCatalogue.OptionInvalid, $"--batch with {source.Name}", $"at least {expected} samples", $"{got}", "use a smaller batch or more data");

    /// <summary>How long ago the best measurement was.</summary>
    private sealed class BestMeasurement
    {
        private double _best = double.NaN;

        /// <summary>Measurements since the best one.</summary>
        public int Age { get; private set; }

        public void Add(Evaluation evaluation)
        {
            double value = evaluation.Main.Value;
            bool isBetter = double.IsNaN(_best) ? !double.IsNaN(value) : evaluation.IsHigherBetter ? value > _best : value < _best;
            Age = isBetter ? 0 : Age + 1;
            _best = isBetter ? value : _best;
        }
    }
}
