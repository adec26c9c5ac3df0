namespace RduEmu.Models.Metrics;

/// <summary>
/// The area under the ROC curve: the probability that a random positive scores higher than a random negative, a tie counting
/// one half. Exact: pairs are counted as integers.
/// </summary>
public static class Auc
{
    /// <param name="scores">Any order-preserving score; reordered by the call. None may be NaN.</param>
    /// <param name="targets">Above 0.5 is positive; reordered with the scores.</param>
    /// <returns>In [0, 1]; NaN if one of the classes is empty.</returns>
    /// <exception cref="ArgumentException">The lengths differ, or a score is NaN.</exception>
    public static double Compute(Span<float> scores, Span<float> targets)
    {
        if (scores.Length != targets.Length)
        {
            throw new ArgumentException($"{scores.Length} scores and {targets.Length} targets", nameof(targets));
        }

        scores.Sort(targets);
        if (scores.Length > 0 && float.IsNaN(scores[0]))
        {
            throw new ArgumentException("a score is NaN", nameof(scores));
        }

        // Twice the number of pairs won, so that ties stay integers: each positive wins twice over every negative below it and
        // once over every negative beside it.
        Int128 twiceWon = 0;
        long positives = 0;
        long negatives = 0;
        for (int begin = 0; begin < scores.Length;)
        {
            int end = begin;
            long tiedPositives = 0;
            while (end < scores.Length && scores[end] == scores[begin])
            {
                tiedPositives += targets[end] > 0.5f ? 1 : 0;
                end++;
            }

            long tiedNegatives = end - begin - tiedPositives;
            twiceWon += (Int128)tiedPositives * (2 * negatives + tiedNegatives);
            positives += tiedPositives;
            negatives += tiedNegatives;
            begin = end;
        }

        return positives == 0 || negatives == 0 ? double.NaN : (double)twiceWon / (2.0 * positives * negatives);
    }
}
