using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Checks;
using RduEmu.Emulator.Training;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Training;

namespace RduEmu.Tests.Emulator;

/// <summary>The check can fail, and then names the place.</summary>
[TestFixture]
public sealed class ModelCheckTests
{
    private const int Steps = 4;

    private static readonly CheckVariant Good = new("host", 1, 8, CompileMode.O3, Run: 0);
    private static readonly CheckVariant Bad = new("host", 2, 8, CompileMode.O3, Run: 1);

    [Test]
    public void WithoutADisturbance_NothingDiffers() => Assert.That(Check(null).Compare(Good, Bad, CancellationToken.None), Is.Null);

    [TestCase(0, "table.1", 3, 0)]
    [TestCase(1, "bottom.0.weight", 0, 0)]
    [TestCase(2, "top.1.bias", 1, 22)]
    [TestCase(3, "top.2.weight", 1, 31)]
    public void AFlippedBit_IsFoundInItsStep(int step, string name, int element, int bit)
    {
        ModelCheck check = Check((session, variant, at) =>
        {
            if (variant == Bad && at == step)
            {
                ValueId id = session.Parameters.Single(parameter => session.Program.Graph[parameter].Name == name);
                int bits = BitConverter.SingleToInt32Bits(session.ReadParameter(id)[element]);
                session.Overwrite(id, element, BitConverter.Int32BitsToSingle(bits ^ (1 << bit)));
            }
        });
        CheckResult good = check.Run(Good, CancellationToken.None);
        CheckResult bad = check.Run(Bad, CancellationToken.None);
        FirstDifference? difference = check.Compare(Good, Bad, CancellationToken.None);

        Assert.That(bad.WeightsDigest, Is.Not.EqualTo(good.WeightsDigest));
        Assert.That(difference, Is.Not.Null);
        Assert.That(difference!.Step, Is.EqualTo(step));
        Assert.That(difference.Bits[0], Is.Not.EqualTo(difference.Bits[1]));
        Assert.That(difference.Ulps, Is.Positive);
    }

    [TestCase(1f, 1f, 0)]
    [TestCase(0f, -0f, 0)]
    [TestCase(1f, 1.00000012f, 1)]
    [TestCase(-1.40129846e-45f, 1.40129846e-45f, 2)]
    [TestCase(float.NaN, 1f, long.MaxValue)]
    public void Ulps_AreCountedAlongTheNumberLine(float a, float b, long expected) => Assert.That(ModelCheck.UlpsBetween(a, b), Is.EqualTo(expected));

    private static ModelCheck Check(Action<ModelSession, CheckVariant, int>? disturb) =>
        new(
            new DlrmModel(DlrmPresets.Tiny), () => DlrmData.Open(DlrmPresets.Tiny, null, null, seed: 1), new CourseChoices(null, null, null), seed: 1, Steps, predictedSamples: 16)
        { Disturb = disturb };
}
