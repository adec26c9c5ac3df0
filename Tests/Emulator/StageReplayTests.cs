using NUnit.Framework;
using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Precision;
using RduEmu.Emulator.Checks;
using RduEmu.Emulator.Execution;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Templates.Round;
using RduEmu.Models.Bert;
using RduEmu.Models.Bert.Data;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Precision;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;
using RduEmu.Tests.Bert;
using RduEmu.Tests.CommandLine;
using RduEmu.Tests.Unet;

namespace RduEmu.Tests.Emulator;

/// <summary>The stage in which two runs differ, run by itself from a file.</summary>
[TestFixture]
public sealed class StageReplayTests
{
    private const int Steps = 2;
    private const int Batch = 4;

    private static readonly CheckVariant Good = new("host", 1, Batch, CompileMode.O3, Run: 0);
    private static readonly OperatorCatalogue Operators = new([typeof(DlrmModel).Assembly]);
    private static readonly string[] Models = ["dlrm", "bert", "bert mp4", "unet"];

    /// <summary>Each model, flips in stages spread over a step and over a prediction: what is run again is what was not flipped, wherever.</summary>
    [TestCaseSource(nameof(Models))]
    public void FlippedStage_IsReplayed_AndReproducesTheOther(string model)
    {
        ModelCheck check = Check(model);
        StageRecorder places = Places(check, model);
        int spread = Math.Max(1, places.Stages.Count / 6);
        int count = 0;
        for (int i = 0; i < places.Stages.Count; i += spread, count++)
        {
            ProbePoint point = places.Stages[i].Point;
            var injection = new Injection(i % Steps, point.Section, point.Stage, point.FirstColumn, Bit: 30);
            FirstDifference found = check.Compare(Good, Good with { Injection = injection }, CancellationToken.None)!;
            StageReplay replay = StageReplay.FromBytes(found.Replay!.ToBytes(), "replay", Operators);

            Assert.That((replay.Place.Section, replay.Place.Stage, replay.Place.Element), Is.EqualTo((injection.Section, injection.Stage, injection.Element)), $"{injection}");
            Assert.That(Results(replay), Is.All.EqualTo(Reproduces.First), $"{injection}");
        }

        Assert.That(count, Is.GreaterThan(5));
    }

    [TestCaseSource(nameof(Models))]
    public void FlippedPrediction_IsReplayed(string model)
    {
        ModelCheck check = Check(model);
        var places = new StageRecorder();
        new ExecutionTarget("host", 1) { Probe = places.Add }.Compile(Build(model).Model.BuildInference(Batch).Graph);
        ProbePoint point = places.Stages[places.Stages.Count / 2].Point;
        var injection = new Injection(Steps, point.Section, point.Stage, point.FirstColumn, Bit: 3);
        FirstDifference found = check.Compare(Good, Good with { Injection = injection }, CancellationToken.None)!;

        Assert.That((found.Step, found.Section, found.Stage, found.Element), Is.EqualTo((injection.Step, injection.Section, injection.Stage, injection.Element)));
        Assert.That(Results(found.Replay!), Is.All.EqualTo(Reproduces.First));
    }

    [Test]
    public void PredictionsInOtherBatches_AreComparedSampleBySample()
    {
        var places = new StageRecorder();
        new ExecutionTarget("host", 1) { Probe = places.Add }.Compile(Build("dlrm").Model.BuildInference(Batch).Graph);
        ProbePoint last = places.Stages[^1].Point;
        var injection = new Injection(Steps, last.Section, last.Stage, 1, Bit: 30);
        FirstDifference found = Check("dlrm").Compare(Good with { BatchSamples = 3 }, Good with { Injection = injection }, CancellationToken.None)!;

        Assert.That((found.Step, found.Section, found.Stage, found.Element), Is.EqualTo((Steps, last.Section, last.Stage, 1L)));
        Assert.That(Results(found.Replay!), Is.All.EqualTo(Reproduces.First));
    }

    /// <summary>The run that was flipped stands first: the replay reproduces the second.</summary>
    [Test]
    public void WhoIsReproduced_DoesNotDependOnTheOrder()
    {
        StageReplay replay = Flipped(first: true);
        StageReplay neither = replay with { Second = replay.First };

        Assert.That(Results(replay), Is.All.EqualTo(Reproduces.Second));
        Assert.That(Results(neither), Is.All.EqualTo(Reproduces.Neither));
    }

    /// <summary>Runs that cut the batch differently have no stages in common: a parameter is named, and its update is replayed.</summary>
    [Test]
    public void OtherParts_AreComparedByParameters()
    {
        CheckVariant parted = Good with { Sockets = 2, Accumulate = 2 };
        ModelCheck check = Check("dlrm", (session, variant, step) =>
        {
            ValueId weight = session.Parameters[^1];
            if (variant == parted && step == 1)
            {
                session.Overwrite(weight, 0, session.ReadParameter(weight)[0] + 1);
            }
        });
        FirstDifference found = check.Compare(Good, parted, CancellationToken.None)!;

        Assert.That(found.Step, Is.EqualTo(1));
        Assert.That(Results(found.Replay!), Is.All.EqualTo(Reproduces.First));
        Assert.That(Check("dlrm").Compare(Good, parted, CancellationToken.None), Is.Null);
    }

    [Test]
    public void DamagedFile_IsRefused()
    {
        byte[] bytes = Flipped(first: false).ToBytes();
        Assert.That(StageReplay.FromBytes(bytes, "replay", Operators).ToBytes(), Is.EqualTo(bytes).AsCollection);
        for (int at = 0; at < bytes.Length; at += 7)
        {
            byte[] damaged = [.. bytes];
            damaged[at] ^= 1;
            Assert.That(() => StageReplay.FromBytes(damaged, "replay", Operators), Throws.TypeOf<RduException>().With.Message.StartsWith("RDU070"), $"byte {at}");
            Assert.That(() => StageReplay.FromBytes(bytes.AsMemory(0, at), "replay", Operators), Throws.TypeOf<RduException>().With.Message.StartsWith("RDU0702"), $"cut at {at}");
        }
    }

    [Test]
    public void CommandLine_ChecksAndReplays()
    {
        string folder = Directory.CreateTempSubdirectory("rduemu-test-").FullName;
        try
        {
            string path = Path.Combine(folder, "a.replay");
            string[] check = ["check", "dlrm", "--preset", "tiny", "--runs", "1", "--threads", "1", "--devices", "host", "--batches", "4", "--steps", "2", "--accumulate", "1", "--replay", path];
            Assert.That(Cli.Run(check).Exit, Is.Zero);
            Assert.That(File.Exists(path), Is.False);

            // A bit of the last place of what a rectifier sets to zero dies out; it is found all the same.
            Cli failed = Cli.Run([.. check, "--inject", "1:samples_0:Linear_0+AddBias+Relu:5:7", "--json"]);
            Assert.That((failed.Exit, failed.Json.GetProperty("replay").GetString()), Is.EqualTo((1, path)));
            Assert.That(failed.Json.GetProperty("firstDifference").GetProperty("element").GetInt32(), Is.EqualTo(5));

            Cli replayed = Cli.Run("replay", path, "--devices", "interpreter,host,ilgpu", "--threads", "2", "--json");
            Assert.That(replayed.Exit, Is.Zero, replayed.Error);
            Assert.That(replayed.Json.GetProperty("runs").EnumerateArray().Select(run => run.GetProperty("result").GetString()), Is.All.EqualTo("First").And.Exactly(3).Items);

            File.WriteAllBytes(path, File.ReadAllBytes(path).AsSpan(0, 1000));
            Cli damaged = Cli.Run("replay", path);
            Assert.That((damaged.Exit, damaged.Error[..7], damaged.Error.TrimEnd().Split('\n').Length), Is.EqualTo((2, "RDU0702", 1)));
            Assert.That(Cli.Run([.. check, "--inject", "3:samples_0:Linear_0+AddBias+Relu:5:7"]).Error, Does.StartWith("RDU0201"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void FileOfALaterVersion_IsRefused()
    {
        string text = System.Text.Encoding.Latin1.GetString(Flipped(first: false).ToBytes());
        RduException error = Assert.Throws<RduException>(() => StageReplay.FromBytes(Later(text), "replay", Operators))!;

        Assert.That(error.Message, Does.StartWith("RDU0703").And.Contain("rdu-replay/1").And.Contain("rdu-replay/2"));
    }

    /// <summary>The archive of a manifest with another format, its checksums made anew.</summary>
    private static byte[] Later(string text)
    {
        var entries = StoredArchive.Read(System.Text.Encoding.Latin1.GetBytes(text));
        string manifest = System.Text.Encoding.UTF8.GetString(entries[0].Content.Span).Replace("rdu-replay/1", "rdu-replay/2", StringComparison.Ordinal);
        entries[0] = (entries[0].Name, System.Text.Encoding.UTF8.GetBytes(manifest));
        return StoredArchive.Write(entries);
    }

    private static Reproduces[] Results(StageReplay replay) =>
    [
        .. new[] { (ReplayRun.Interpreter, CompileMode.O3), ("host", CompileMode.O0), ("host", CompileMode.O3), ("ilgpu", CompileMode.O3) }
            .Select(way => ReplayRun.Of(replay, new ExecutionTarget(way.Item1, 2, way.Item2)).Result),
    ];

    private static StageReplay Flipped(bool first)
    {
        ModelCheck check = Check("dlrm");
        ProbePoint point = Places(check, "dlrm").Stages[1].Point;
        CheckVariant bad = Good with { Injection = new Injection(1, point.Section, point.Stage, 2, Bit: 20) };
        return (first ? check.Compare(bad, Good, CancellationToken.None) : check.Compare(Good, bad, CancellationToken.None))!.Replay!;
    }

    private static StageRecorder Places(ModelCheck check, string model)
    {
        var places = new StageRecorder();
        (IModel built, Func<IModelData> open, CourseChoices choices) = Build(model);
        using IModelData data = open();
        new ExecutionTarget("host", 1) { Probe = places.Add }.Compile(built.BuildTrainingStep(data.Suited(choices).BatchSamples).Graph);
        return places;
    }

    private static ModelCheck Check(string model, Action<RduEmu.Emulator.Training.ModelSession, CheckVariant, int>? disturb = null)
    {
        (IModel built, Func<IModelData> open, CourseChoices choices) = Build(model);
        return new ModelCheck(built, open, choices, seed: 1, Steps, predictedSamples: Batch) { Disturb = disturb };
    }

    private static (IModel Model, Func<IModelData> Open, CourseChoices Choices) Build(string model)
    {
        var choices = new CourseChoices(Batch, null, null);
        switch (model)
        {
            case "dlrm":
                return (new DlrmModel(DlrmPresets.Tiny), () => DlrmData.Open(DlrmPresets.Tiny, null, null, seed: 1), choices);
            case "bert" or "bert mp4":
                BertConfiguration small = SmallBert.Configuration with { Positions = 16, Vocabulary = 200 };
                var bert = new BertModel(small, 16, 1, "adamw");
                var policy = new PrecisionPolicy(PrecisionPreset.Mp4, RoundingKind.Stochastic, HasMasters: false, Seed: 1);
                return (model == "bert" ? bert : new MixedPrecisionModel(bert, policy), () => new BertData(small, TokenText.Generate(small.Vocabulary, 1), 16, 1, isGenerated: true), choices);
            default:
                UnetConfiguration cells = SmallUnet.Configurations.First();
                var segmentation = new SegmentationChoices(null, null, SmallUnet.Extent, AugmentationKind.None, true);
                using (UnetData data = UnetData.Open(cells, segmentation, 1))
                {
                    return (new UnetModel(cells, data.TrainingExtents, data.WholeExtents, 1, null), () => UnetData.Open(cells, segmentation, 1), choices);
                }
        }
    }
}
