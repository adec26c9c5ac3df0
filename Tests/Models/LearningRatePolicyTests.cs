using NUnit.Framework;
using RduEmu.Models.Training;

namespace RduEmu.Tests.Models;

[TestFixture]
public sealed class LearningRatePolicyTests
{
    private static readonly LearningRatePolicy Policy = new(WarmUpSteps: 10, DecayStartStep: 20, DecaySteps: 8);

    [TestCase(0, 0.1)]
    [TestCase(4, 0.5)]
    [TestCase(9, 1.0)]
    [TestCase(15, 1.0)]
    [TestCase(19, 1.0)]
    [TestCase(23, 0.25)]
    [TestCase(26, 1.0 / 64)]
    [TestCase(27, 1.0 / 64)]
    [TestCase(1000, 1.0 / 64)]
    public void Course(long step, double expected) => Assert.That(Policy.RateAt(1f, step), Is.EqualTo((float)expected));

    [TestCase(19, 1.0)]
    [TestCase(23, 0.5)]
    [TestCase(1000, 0.125)]
    public void LinearDecay(long step, double expected) => Assert.That((Policy with { DecayPower = 1 }).RateAt(1f, step), Is.EqualTo((float)expected));

    [Test]
    public void Constant_IsTheRateItself() => Assert.That(LearningRatePolicy.Constant.RateAt(0.3f, 12345), Is.EqualTo(0.3f));

    [Test]
    public void Decay_StopsAtTheLowestRate() => Assert.That(new LearningRatePolicy(0, 0, 10_000).RateAt(1f, 9_999_999), Is.EqualTo(1e-7f));
}
