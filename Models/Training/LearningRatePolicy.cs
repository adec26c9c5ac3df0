namespace RduEmu.Models.Training;

/// <summary>
/// The course of the learning rate of MLPerf's DLRM (github.com/facebookresearch/dlrm, dlrm_s_pytorch.py, class
/// LRPolicyScheduler): with n counted from 1, rate · n / W in the W steps of warm-up; from step S on rate · ((D - (n - S)) / D)²
/// for D steps, at least 1e-7; between the two the rate itself, after the decay its last value.
/// </summary>
/// <param name="WarmUpSteps">W, 0 for none.</param>
/// <param name="DecayStartStep">S.</param>
/// <param name="DecaySteps">D, 0 for no decay.</param>
public sealed record LearningRatePolicy(int WarmUpSteps, int DecayStartStep, int DecaySteps)
{
    private const double LowestRate = 1e-7;

    public static LearningRatePolicy Constant { get; } = new(0, 0, 0);

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
            double left = Math.Max(1, DecaySteps - (n - DecayStartStep)) / DecaySteps;
            return (float)Math.Max(Math.Min(LowestRate, rate), rate * left * left);
        }

        return (float)(rate * factor);
    }
}
