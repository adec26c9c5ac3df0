using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Checks;
using RduEmu.Emulator.Execution;
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

    /// <summary>A hundred random bits, in random stages and steps, are all found and named exactly; on one and on two workers, fused or not.</summary>
    [TestCase(CompileMode.O3, 1, 40)]
    [TestCase(CompileMode.O3, 2, 40)]
    [TestCase(CompileMode.O0, 1, 20)]
    public void InjectedBits_AreFound_AndNamed(CompileMode mode, int threads, int count)
    {
        ModelCheck check = Check(null);
        CheckVariant good = Good with { Mode = mode, Threads = threads };
        var places = new StageRecorder();
        new ExecutionTarget("host", threads, mode) { Probe = places.Add }.Compile(new DlrmModel(DlrmPresets.Tiny).BuildTrainingStep(DlrmPresets.Tiny.BatchSamples).Graph);
        var random = new Random(threads);
        for (int i = 0; i < count; i++)
        {
            StageRecorder.RecordedStage place = places.Stages[random.Next(places.Stages.Count)];
            long element = random.Next(place.Point.Rows) * (long)place.Point.AllColumns + place.Point.FirstColumn + random.Next(place.Point.Columns);
            var injection = new Injection(random.Next(Steps), place.Point.Section, place.Point.Stage, element, random.Next(32));
            FirstDifference? found = check.Compare(good, good with { Injection = injection }, CancellationToken.None);

            Assert.That(found, Is.Not.Null, $"{injection}");
            Assert.That((found!.Step, found.Section, found.Stage, found.Element), Is.EqualTo((injection.Step, injection.Section, injection.Stage, injection.Element)), $"{injection}");
            Assert.That(found.Tensor, Is.EqualTo(place.Point.Value.Name), $"{injection}");
            Assert.That(found.Tile, Is.EqualTo(element / place.Point.AllColumns / place.Point.TileRows), $"{injection}");
            Assert.That(Convert.ToUInt32(found.Bits[0], 16) ^ Convert.ToUInt32(found.Bits[1], 16), Is.EqualTo(1u << injection.Bit), $"{injection}");
        }
    }

    /// <summary>What is observed has the bits of what is not; in other modes the values that both have are compared.</summary>
    [Test]
    public void Observing_ChangesNothing()
    {
        ModelCheck check = Check(null);
        var harmless = new Injection(Steps + 1, "none", "none", 0, 0);
        CheckResult plain = check.Run(Good, CancellationToken.None);
        var places = new StageRecorder();
        RduEmu.Compiler.Graphs.Graph step = new DlrmModel(DlrmPresets.Tiny).BuildTrainingStep(2).Graph;
        var target = new ExecutionTarget("host", 1) { Probe = places.Add };
        var observed = target.Compile(step);
        var unobserved = new ExecutionTarget("host", 1).Compile(step);
        CheckResult withRecorder = check.Run(Good with { Injection = harmless with { Section = places.Stages[0].Point.Section, Stage = places.Stages[0].Point.Stage } }, CancellationToken.None);

        Assert.That((withRecorder.WeightsDigest, withRecorder.OutputsDigest), Is.EqualTo((plain.WeightsDigest, plain.OutputsDigest)));
        Assert.That(observed.ArenaBytes, Is.EqualTo(unobserved.ArenaBytes));
        Assert.That(observed.ScratchBytes, Is.EqualTo(unobserved.ScratchBytes));
        Assert.That(observed.Plan.SelectMany(section => section.Pipelines).SelectMany(pipeline => pipeline.Stages).Select(stage => stage.Name), Is.EqualTo(unobserved.Plan.SelectMany(section => section.Pipelines).SelectMany(pipeline => pipeline.Stages).Select(stage => stage.Name)).AsCollection);
        Assert.That(check.Compare(Good, Good with { Mode = CompileMode.O0, Threads = 2, Sockets = 2, TileSamples = 1, Run = 3 }, CancellationToken.None), Is.Null);
        Assert.That(check.Compare(Good, Good with { Device = "ilgpu" }, CancellationToken.None), Is.Null);
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
