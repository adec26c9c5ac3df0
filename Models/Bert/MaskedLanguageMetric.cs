using RduEmu.Models.Training;

namespace RduEmu.Models.Bert;

/// <summary>The mean cross-entropy of masked tokens, in nats, of a graph whose weights were all 1.</summary>
public sealed class MaskedLanguageMetric : IMetric
{
    private double _loss;
    private double _classLoss;
    private long _predictions;
    private long _samples;

    public void Add(Batch batch, IReadOnlyList<float[]> predictions)
    {
        BatchField labels = batch[BertGraph.MaskedLabels];
        for (int i = 0; i < batch.CountSamples * labels.Width; i++)
        {
            if (labels.Integers[i] >= 0)
            {
                _loss += predictions[0][i];
                _predictions++;
            }
        }

        for (int b = 0; b < batch.CountSamples; b++)
        {
            _classLoss += predictions[1][b];
        }

        _samples += batch.CountSamples;
    }

    public Evaluation Result() => new(
        _samples,
        new MetricValue("maskedLmLoss", "MLM loss", _loss / _predictions),
        [new MetricValue("nextSentenceLoss", "next sentence loss", _classLoss / _samples), new MetricValue("maskedTokens", "masked tokens", _predictions)],
        IsHigherBetter: false);
}
