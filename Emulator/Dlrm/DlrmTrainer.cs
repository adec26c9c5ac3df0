using System.Diagnostics;
using RduEmu.Emulator.Receipts;
using RduEmu.Models.Data;
using RduEmu.Models.Metrics;

namespace RduEmu.Emulator.Dlrm;

/// <summary>Where a training run is.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps to do, or null if the data decide.</param>
/// <param name="Loss">Mean loss of the last step.</param>
public readonly record struct TrainingProgress(long Step, long? Steps, float Loss);

/// <summary>What a training run came to.</summary>
/// <param name="Steps">Steps done.</param>
/// <param name="Samples">Samples seen, an epoch's each time.</param>
/// <param name="Seconds">Wall time of the steps, with reading or generating the samples.</param>
/// <param name="FirstLoss">Mean loss of the first step.</param>
/// <param name="LastLoss">Mean loss of the last step.</param>
/// <param name="Losses">Mean losses of the first steps, at most <see cref="DlrmTrainer.KeptLosses"/>.</param>
/// <param name="DataDigest">Digest of the samples in order, if it was asked for.</param>
public sealed record TrainingOutcome(
    long Steps, long Samples, double Seconds, float FirstLoss, float LastLoss, IReadOnlyList<float> Losses, string? DataDigest);

/// <summary>Quality on samples that were kept apart.</summary>
/// <param name="Samples">How many.</param>
/// <param name="Auc">Of the model.</param>
/// <param name="LogLoss">Of the model, in nats.</param>
/// <param name="CeilingAuc">Of the best model possible, where the source knows it.</param>
public sealed record Evaluation(long Samples, double Auc, double LogLoss, double? CeilingAuc);

/// <summary>Training and evaluation of a DLRM session.</summary>
public sealed class DlrmTrainer(DlrmSession session)
{
    public const int KeptLosses = 100;

    /// <summary>Trains; a source that ends is read again, and what does not fill a batch is left out.</summary>
    /// <param name="source">Samples.</param>
    /// <param name="batchSamples">As the session was compiled for.</param>
    /// <param name="steps">Steps to do, or null for as many as the epochs have.</param>
    /// <param name="epochs">Times the source is read at most, or null for as often as the steps need.</param>
    /// <param name="rateAt">The learning rate of each step.</param>
    /// <param name="withDataDigest">True to digest the samples.</param>
    /// <param name="progress">Called after each step.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public TrainingOutcome Train(
        IClickSource source, int batchSamples, long? steps, int? epochs, Func<long, float> rateAt, bool withDataDigest, Action<TrainingProgress>? progress, CancellationToken cancellation)
    {
        var batch = new ClickBatch(source.Schema, batchSamples);
        using Digest? digest = withDataDigest ? new Digest() : null;
        var losses = new List<float>();
        float loss = 0;
        int epoch = 0;
        source.Rewind(epoch);
        var watch = Stopwatch.StartNew();
        long step = 0;
        for (; steps is null || step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            source.Read(batch);
            if (batch.CountSamples < batchSamples)
            {
                if (step > 0 && ++epoch >= (epochs ?? int.MaxValue))
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
            loss = session.Step(batch, rateAt(step));
            if (losses.Count < KeptLosses)
            {
                losses.Add(loss);
            }

            progress?.Invoke(new TrainingProgress(step + 1, steps, loss));
        }

        return new TrainingOutcome(
            step, step * batchSamples, watch.Elapsed.TotalSeconds, losses.Count > 0 ? losses[0] : float.NaN, loss, losses, digest?.ToString());
    }

    /// <summary>Scores all samples of the source.</summary>
    public Evaluation Evaluate(IClickSource source, int batchSamples, CancellationToken cancellation)
    {
        var batch = new ClickBatch(source.Schema, batchSamples);
        var scores = new float[batchSamples];
        var all = new List<float>();
        var targets = new List<float>();
        var best = new List<float>();
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
            session.Score(batch, scores);
            all.AddRange(scores.AsSpan(0, batch.CountSamples));
            targets.AddRange(batch.Targets.AsSpan(0, batch.CountSamples));
            best.AddRange(batch.BestScores.AsSpan(0, batch.CountSamples));
            if (batch.CountSamples < batchSamples)
            {
                break;
            }
        }

        float[] answers = [.. targets];
        float[] predictions = [.. all];
        double logLoss = LogLoss.Compute(predictions, answers);
        double? ceiling = source.KnowsBestScores ? Auc.Compute([.. best], [.. targets]) : null;

        // A model that has diverged has no order to be measured: its AUC is that of a guess.
        double auc = predictions.Any(float.IsNaN) ? double.NaN : Auc.Compute(predictions, answers);
        return new Evaluation(all.Count, auc, logLoss, ceiling);
    }

    private static Kernels.Errors.RduException TooFew(IClickSource source, int got, int expected) => new(
        Kernels.Errors.ErrorCatalogue.OptionInvalid, $"--batch with {source.Name}", $"at least {expected} samples", $"{got}", "use a smaller batch or more data");
}
