using NUnit.Framework;
using RduEmu.Emulator.Training;
using RduEmu.Models.Training;

namespace RduEmu.Tests.Training;

[TestFixture]
public sealed class TrainingStateTests
{
    private static readonly double[] Auc = [0.6, 0.7, 0.7, 0.65, 0.71, 0.5, 0.5];
    private static readonly float[] Factors = [1f, 1f, 1f, 0.5f, 0.5f, 0.5f, 0.25f];

    [TestCase(true)]
    [TestCase(false)]
    public void Plateau_LowersTheRate_WhereNothingImproves(bool isHigherBetter)
    {
        var state = new TrainingState();
        var factors = new List<float>();
        foreach (double value in Auc)
        {
            state.Add(new Evaluation(1, new MetricValue("m", "M", isHigherBetter ? value : -value), [], null, isHigherBetter), new PlateauPolicy(2, 0.5f));
            factors.Add(state.RateFactor);
        }

        Assert.That(factors, Is.EqualTo(Factors).AsCollection);
        Assert.That(state.SinceBest, Is.EqualTo(2));
    }

    [Test]
    public void Curve_KeepsEvenlySpacedPoints_HoweverLongTheRun()
    {
        var state = new TrainingState();
        for (int step = 0; step < 9 * Trainer.CurvePoints; step++)
        {
            state.Add(step);
        }

        Assert.That(state.Curve, Has.Count.InRange(Trainer.CurvePoints / 2, Trainer.CurvePoints));
        Assert.That(state.Curve.Select(point => point.Step), Is.EqualTo(Enumerable.Range(0, state.Curve.Count).Select(i => i * state.CurveEvery)).AsCollection);
        Assert.That(state.Curve.TrueForAll(point => point.Loss == point.Step));
        Assert.That((state.FirstLoss, state.LastLoss, state.Losses.Count), Is.EqualTo((0f, 9f * Trainer.CurvePoints - 1, Trainer.KeptLosses)));
    }
}
