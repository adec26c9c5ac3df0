namespace RduEmu.Models.Training;

/// <summary>
/// The course of a learning rate: with n counted from 1, rate · n / W in the W steps of warm-up; from step S on
/// rate · ((D - (n - S)) / D)^p for D steps, at least the lowest rate; between the two the rate itself, after the decay its last
/// value. With p = 2 and a lowest rate of 1e-7 it is MLPerf's for DLRM (github.com/facebookresearch/dlrm, dlrm_s_pytorch.py, class
/// LRPolicyScheduler), with p = 1 the linear decay of BERT.
/// </summary>
/// <param name="WarmUpSteps">W, 0 for none.</param>
/// <param name="DecayStartStep">S.</param>
/// <param name="DecaySteps">D, 0 for no decay.</param>
public sealed record LearningRatePolicy(int WarmUpSteps, int DecayStartStep, int DecaySteps)
{
    public static LearningRatePolicy Constant { get; } = new(0, 0, 0);

    /// <summary>p, at least 1.</summary>
    public int DecayPower { get; init; } = 2;

    /// <summary>The decay stops here, or at the rate itself if that is lower.</summary>
    public double LowestRate { get; init; } = 1e-7;

    /// <param name="rate">The rate between warm-up and decay.</param>
    /// <param name="step">The step, counted from 0.</param>
    public float RateAt(float rate, long step)
    {
        double n = step + 1;
        double factor = 1;
        if (n < WarmUpSteps)
        {
            factor = n / WarmUpSteps;
        }
        else if (DecaySteps > 0 && n >= DecayStartStep)
        {
            // A power by products: the library's has other bits on other machines.
            double left = Math.Max(1, DecaySteps - (n - DecayStartStep)) / DecaySteps;
            double decayed = rate;
            for (int i = 0; i < DecayPower; i++)
            {
                decayed *= left;
            }

            return (float)Math.Max(Math.Min(LowestRate, rate), decayed);
        }

        return (float)(rate * factor);
    }
}

/// <summary>The rate falls where the metric has ceased to improve.</summary>
/// <param name="Patience">Measurements without a new best one before the rate falls, and before it falls again.</param>
/// <param name="Factor">What the rate is multiplied by, below 1.</param>
public sealed record PlateauPolicy(int Patience, float Factor);
