namespace RduEmu.Models.Metrics;

/// <summary>The mean binary cross-entropy of probabilities, in nats, in float64.</summary>
public static class LogLoss
{
    /// <summary>Probabilities are kept this far from 0 and 1, as the usual libraries do in float32.</summary>
    public const double Clip = 1.0 / (1 << 24);

    /// <returns>-mean(t ln p + (1 - t) ln(1 - p)); NaN for no samples.</returns>
    public static double Compute(ReadOnlySpan<float> probabilities, ReadOnlySpan<float> targets)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(probabilities.Length, targets.Length);
        double sum = 0;
        for (int i = 0; i < probabilities.Length; i++)
        {
            double p = Math.Clamp(probabilities[i], Clip, 1 - Clip);
            sum -= targets[i] * Math.Log(p) + (1 - targets[i]) * Math.Log(1 - p);
        }

        return sum / probabilities.Length;
    }
}
