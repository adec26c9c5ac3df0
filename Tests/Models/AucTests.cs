using NUnit.Framework;
using RduEmu.Models.Metrics;

namespace RduEmu.Tests.Models;

[TestFixture]
public sealed class AucTests
{
    [Test]
    public void EqualsThePairsCountedOneByOne([Values(2, 5, 50)] int distinctScores, [Values(1, 2, 3)] int seed)
    {
        var random = new Random(seed);
        float[] scores = [.. Enumerable.Range(0, 400).Select(_ => (float)random.Next(distinctScores))];
        float[] targets = [.. Enumerable.Range(0, 400).Select(_ => (float)random.Next(2))];
        long twiceWon = 0;
        long pairs = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            for (int j = 0; j < scores.Length; j++)
            {
                if (targets[i] == 1 && targets[j] == 0)
                {
                    pairs++;
                    twiceWon += scores[i] > scores[j] ? 2 : scores[i] == scores[j] ? 1 : 0;
                }
            }
        }

        Assert.That(Auc.Compute(scores, targets), Is.EqualTo(twiceWon / (2.0 * pairs)));
    }

    [TestCase(new[] { 0.1f, 0.4f, 0.35f, 0.8f }, new[] { 0f, 0f, 1f, 1f }, 0.75)]
    [TestCase(new[] { 1f, 1f, 1f }, new[] { 0f, 1f, 1f }, 0.5)]
    [TestCase(new[] { 3f, 2f, 1f }, new[] { 0f, 1f, 1f }, 0.0)]
    public void KnownValues(float[] scores, float[] targets, double expected) => Assert.That(Auc.Compute(scores, targets), Is.EqualTo(expected));

    [Test]
    public void OneClassAlone_HasNone() => Assert.That(Auc.Compute(new float[] { 1, 2 }, new float[] { 1, 1 }), Is.NaN);

    [Test]
    public void NaN_IsRefused() => Assert.Throws<ArgumentException>(() => Auc.Compute(new[] { 1, float.NaN }, new float[] { 1, 0 }));

    [Test]
    public void LogLoss_IsTheMeanCrossEntropy()
    {
        Assert.That(LogLoss.Compute([0.5f, 0.25f], [1f, 0f]), Is.EqualTo(-(Math.Log(0.5) + Math.Log(0.75)) / 2).Within(1e-15));
        Assert.That(LogLoss.Compute([0f], [1f]), Is.EqualTo(-Math.Log(LogLoss.Clip)));
    }
}
