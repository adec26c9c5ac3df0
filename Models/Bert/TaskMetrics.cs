using RduEmu.Models.Training;

namespace RduEmu.Models.Bert;

/// <summary>The part of samples whose largest logit is that of their class.</summary>
/// <param name="classes">Logits of a sample.</param>
public sealed class ClassificationMetric(int classes) : IMetric
{
    private long _right;
    private long _samples;

    public void Add(Batch batch, IReadOnlyList<float[]> predictions)
    {
        int[] labels = batch[BertGraph.ClassLabels].Integers;
        for (int b = 0; b < batch.CountSamples; b++)
        {
            _right += Largest.Of(predictions[0].AsSpan(b * classes, classes)) == labels[b] ? 1 : 0;
        }

        _samples += batch.CountSamples;
    }

    public Evaluation Result() => new(_samples, new MetricValue("accuracy", "accuracy", (double)_right / _samples), []);
}

/// <summary>
/// How well spans are found: the part that is exact, and the mean F1 of the tokens of prediction and truth (Rajpurkar et al.,
/// arXiv:1606.05250), counted in word pieces. A prediction is from the likeliest start to the likeliest end; nothing if that is before it.
/// </summary>
public sealed class SpanMetric : IMetric
{
    private long _exact;
    private double _overlap;
    private long _samples;

    public void Add(Batch batch, IReadOnlyList<float[]> predictions)
    {
        int[] labels = batch[BertGraph.SpanLabels].Integers;
        int tokens = predictions[0].Length / (2 * batch.CapacitySamples);
        for (int b = 0; b < batch.CountSamples; b++)
        {
            int start = Largest.Of(predictions[0].AsSpan(2 * b * tokens, tokens));
            int end = Largest.Of(predictions[0].AsSpan((2 * b + 1) * tokens, tokens));
            (int from, int to) = (labels[2 * b], labels[2 * b + 1]);
            _exact += start == from && end == to ? 1 : 0;
            int common = Math.Max(0, Math.Min(end, to) - Math.Max(start, from) + 1);
            _overlap += common == 0 ? 0 : 2.0 * common / (end - start + 1 + to - from + 1);
        }

        _samples += batch.CountSamples;
    }

    public Evaluation Result() => new(
        _samples, new MetricValue("f1", "F1", _overlap / _samples), [new MetricValue("exactMatch", "exact match", (double)_exact / _samples)]);
}

/// <summary>The first of the largest.</summary>
internal static class Largest
{
    public static int Of(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            best = logits[i] > logits[best] ? i : best;
        }

        return best;
    }
}
