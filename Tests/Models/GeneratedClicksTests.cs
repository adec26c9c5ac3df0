using NUnit.Framework;
using RduEmu.Emulator.Receipts;
using RduEmu.Models.Data;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Metrics;

namespace RduEmu.Tests.Models;

[TestFixture]
public sealed class GeneratedClicksTests
{
    private static readonly ClickSchema Kaggle = DlrmPresets.Kaggle.WithTableRowsCap(100_000).Schema;

    /// <summary>Taken once; it must not move on any machine, or all published digests are void.</summary>
    [Test]
    public void Samples_HaveFixedBits()
    {
        var batch = new ClickBatch(Kaggle, 1000);
        using var source = new GeneratedClicks(Kaggle, seed: 1);
        source.Read(batch);
        using var digest = new Digest();
        batch.AppendTo(digest);

        Assert.That(digest.ToString(), Is.EqualTo("sha256:d802b1fb42f87caf2e583c7406309f0a03cc8e19602787d1f76acbe19574c151"));
    }

    [Test]
    public void Samples_AreLegalAndClickedAsOftenAsSaid([Values("tiny", "kaggle", "ml100k")] string preset)
    {
        ClickSchema schema = DlrmPresets.Find(preset).WithTableRowsCap(100_000).Schema;
        var batch = new ClickBatch(schema, 20_000);
        using var source = new GeneratedClicks(schema, seed: 5);
        source.Read(batch);
        batch.Check("generated", 0);
        double clicked = batch.Targets.Average();
        double expected = batch.BestScores.Average();

        // Bernoulli draws: four standard deviations of the mean of 20,000.
        Assert.That(clicked, Is.EqualTo(expected).Within(4 * Math.Sqrt(0.25 / 20_000)));
        Assert.That(clicked, Is.InRange(0.1, 0.35));
    }

    [Test]
    public void Ceiling_IsNearCriteos()
    {
        var batch = new ClickBatch(Kaggle, 50_000);
        using var source = new GeneratedClicks(Kaggle, seed: 1, GeneratedClicks.FirstTestSample, 50_000);
        source.Read(batch);

        Assert.That(Auc.Compute(batch.BestScores, batch.Targets), Is.InRange(0.79, 0.83));
    }

    [Test]
    public void ASample_DependsOnItsNumberAlone()
    {
        var all = new ClickBatch(Kaggle, 64);
        using var source = new GeneratedClicks(Kaggle, seed: 1);
        source.Read(all);
        var some = new ClickBatch(Kaggle, 10);
        using var later = new GeneratedClicks(Kaggle, seed: 1, firstSample: 50);
        later.Read(some);

        Assert.That(some.Dense, Is.EqualTo(all.Dense[(50 * 13)..(60 * 13)]).AsCollection);
        Assert.That(some.Indices[2], Is.EqualTo(all.Indices[2][50..60]).AsCollection);
        Assert.That(some.BestScores, Is.EqualTo(all.BestScores[50..60]).AsCollection);
    }

    [Test]
    public void Source_EndsAndBeginsAgain()
    {
        var batch = new ClickBatch(Kaggle, 8);
        using var source = new GeneratedClicks(Kaggle, seed: 1, 0, countSamples: 10);
        source.Read(batch);
        float first = batch.Dense[0];
        source.Read(batch);
        Assert.That(batch.CountSamples, Is.EqualTo(2));
        source.Read(batch);
        Assert.That(batch.CountSamples, Is.Zero);
        source.Rewind(1);
        source.Read(batch);
        Assert.That(batch.Dense[0], Is.EqualTo(first));
    }
}
