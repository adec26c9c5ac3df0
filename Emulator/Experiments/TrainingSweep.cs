using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Training;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Experiments;

/// <summary>One training of a sweep.</summary>
/// <param name="Value">What is varied.</param>
/// <param name="BatchSamples">Samples of a step.</param>
/// <param name="Steps">Steps that were done.</param>
/// <param name="SamplesPerSecond">With reading or generating them.</param>
/// <param name="LastLoss">Of the last batch.</param>
/// <param name="Metric">On the test samples.</param>
/// <param name="WeightsDigest">Of all parameters at the end.</param>
public sealed record SweepRun(int Value, int BatchSamples, long Steps, double SamplesPerSecond, float LastLoss, MetricValue Metric, string WeightsDigest);

/// <summary>
/// Trainings on the same number of samples, which differ in one thing. The rate is that of the model, with a quadratic decay over the
/// second half: that of the generated clicks.
/// </summary>
public static class TrainingSweep
{
    /// <summary>Trains once and measures on the test samples.</summary>
    /// <param name="value">What is varied.</param>
    /// <param name="model">The model with it.</param>
    /// <param name="open">Opens its data.</param>
    /// <param name="seed">Of the first values.</param>
    /// <param name="batchSamples">Samples of a step.</param>
    /// <param name="samples">Samples in all; what does not fill a batch is left out.</param>
    /// <param name="target">Where it runs.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU0201: there are too few samples for a batch.</exception>
    public static SweepRun Run(
        int value, IModel model, Func<IModelData> open, int seed, int batchSamples, long samples, ExecutionTarget target, CancellationToken cancellation)
    {
        using IModelData data = open();
        TrainingCourse suited = data.Suited(new CourseChoices(batchSamples, null, null));
        long steps = Math.Max(1, samples / batchSamples);
        int decay = (int)Math.Max(1, steps - steps / 2);
        TrainingCourse course = suited with { Steps = steps, Epochs = null, Policy = new LearningRatePolicy(0, (int)(steps / 2), decay) };
        using var session = new ModelSession(model, target, new SessionPurpose(batchSamples, model.EvaluationBatchSamples));
        session.Initialize(seed, data.FirstValues);
        var trainer = new Trainer(session);
        TrainingOutcome outcome = trainer.Train(data.Training, course, new TrainingWatch(), cancellation);
        Evaluation evaluation = trainer.Evaluate(data.Test ?? data.Training, cancellation);
        return new SweepRun(
            value, batchSamples, outcome.State.Step, outcome.Samples / outcome.Seconds, outcome.State.LastLoss, evaluation.Main, session.WeightDigests().All);
    }
}
