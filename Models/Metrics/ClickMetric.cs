using RduEmu.Models.Data;
using RduEmu.Models.Training;

namespace RduEmu.Models.Metrics;

/// <summary>AUC and log loss of click predictions, with the AUC of the best model possible where the source knows its scores.</summary>
public sealed class ClickMetric : IMetric
{
    private readonly List<float> _predictions = [];
    private readonly List<float> _targets = [];
    private readonly List<float> _best = [];

    public void Add(Batch batch, IReadOnlyList<float[]> predictions)
    {
        var clicks = (ClickBatch)batch;
        _predictions.AddRange(predictions[0].AsSpan(0, batch.CountSamples));
        _targets.AddRange(clicks.Targets.AsSpan(0, batch.CountSamples));
        if (clicks.HasBestScores)
        {
            _best.AddRange(clicks.BestScores.AsSpan(0, batch.CountSamples));
        }
    }

    public Evaluation Result()
    {
        float[] predictions = [.. _predictions];
        float[] targets = [.. _targets];
        double logLoss = LogLoss.Compute(predictions, targets);
        double? ceiling = _best.Count > 0 ? Auc.Compute([.. _best], [.. _targets]) : null;

        // A model that has diverged has no order to be measured: its AUC is that of a guess.
        double auc = predictions.Any(float.IsNaN) ? double.NaN : Auc.Compute(predictions, targets);
        return new Evaluation(targets.Length, new MetricValue("auc", "AUC", auc), [new MetricValue("logLoss", "log loss", logLoss)], ceiling);
    }
}
