using RduEmu.Models.Training;

namespace RduEmu.Emulator.Training;

/// <summary>
/// All that a training knows beside parameters and optimiser states: with it a run goes on where it was, bit for bit. Random
/// numbers are counted by the step, so they need nothing of their own.
/// </summary>
public sealed record TrainingState
{
    /// <summary>Steps done.</summary>
    public long Step { get; set; }

    /// <summary>Where the data are: the epoch, and its batches that were given.</summary>
    public int Epoch { get; set; }

    public long BatchInEpoch { get; set; }

    public float FirstLoss { get; set; } = float.NaN;

    public float LastLoss { get; set; }

    /// <summary>Losses of the first steps, at most <see cref="Trainer.KeptLosses"/>.</summary>
    public List<float> Losses { get; init; } = [];

    /// <summary>Losses at every so many steps, for plots: (step, loss).</summary>
    public List<LossPoint> Curve { get; init; } = [];

    /// <summary>Steps between two points of <see cref="Curve"/>; it doubles when there are too many.</summary>
    public long CurveEvery { get; set; } = 1;

    public List<MeasuredStep> Measured { get; init; } = [];

    /// <summary>Digests of all parameters on the way.</summary>
    public List<StepDigest> Digests { get; init; } = [];

    /// <summary>The best measurement's value; NaN if there is none.</summary>
    public double Best { get; set; } = double.NaN;

    /// <summary>Measurements since the best one.</summary>
    public int SinceBest { get; set; }

    /// <summary>Measurements since the best one, or since the rate fell.</summary>
    public int OnPlateau { get; set; }

    /// <summary>What plateaus have made of the rate.</summary>
    public float RateFactor { get; set; } = 1f;

    /// <summary>Takes the loss of a step that was done.</summary>
    public void Add(float loss)
    {
        FirstLoss = Step == 0 ? loss : FirstLoss;
        LastLoss = loss;
        if (Losses.Count < Trainer.KeptLosses)
        {
            Losses.Add(loss);
        }

        if (Step % CurveEvery == 0)
        {
            Curve.Add(new LossPoint(Step, loss));
            if (Curve.Count > Trainer.CurvePoints)
            {
                CurveEvery *= 2;
                Curve.RemoveAll(point => point.Step % CurveEvery != 0);
            }
        }

        Step++;
    }

    /// <summary>Takes a measurement; the rate falls if the policy says so.</summary>
    public void Add(Evaluation evaluation, PlateauPolicy? plateau)
    {
        Measured.Add(new MeasuredStep(Step, evaluation));
        double value = evaluation.Main.Value;
        bool isBetter = double.IsNaN(Best) ? !double.IsNaN(value) : evaluation.IsHigherBetter ? value > Best : value < Best;
        Best = isBetter ? value : Best;
        SinceBest = isBetter ? 0 : SinceBest + 1;
        OnPlateau = isBetter ? 0 : OnPlateau + 1;
        if (plateau is not null && OnPlateau >= plateau.Patience)
        {
            RateFactor *= plateau.Factor;
            OnPlateau = 0;
        }
    }
}

/// <param name="Step">Steps done before it.</param>
/// <param name="Digest">Of all parameters.</param>
/// <param name="Data">Of all samples until then, if they are digested.</param>
public readonly record struct StepDigest(long Step, string Digest, string? Data = null);

/// <param name="Step">The step, counted from 0.</param>
public readonly record struct LossPoint(long Step, float Loss);

/// <summary>A measurement on the way.</summary>
/// <param name="Step">Steps done before it.</param>
public sealed record MeasuredStep(long Step, Evaluation Evaluation);
