using NUnit.Framework;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Optimizers;
using RduEmu.Compiler.Precision;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Fabric;
using RduEmu.Emulator.Training;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Kernels.Templates.Round;
using RduEmu.Models.Bert;
using RduEmu.Models.Bert.Data;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Precision;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;

namespace RduEmu.Tests.Training;

/// <summary>A graph that RDUs share has the bits of one that one RDU runs: weights, losses and predictions after every step.</summary>
[TestFixture]
public sealed class ShardingTests
{
    private const int Steps = 20;

    private static readonly ExecutionTarget Host = new("host", 1);

    /// <summary>Slow: one step.</summary>
    private static readonly ExecutionTarget Simulator = new("ilgpu", 1);

    private static readonly BertConfiguration SmallBert = new("small test", Layers: 2, Hidden: 32, Heads: 4, Intermediate: 48)
    {
        Positions = 16,
        Vocabulary = 160,
        BatchSamples = 8,
    };

    private static readonly UnetConfiguration SmallUnet = UnetPresets.Sn10 with { Features = 2, Channels = 1 };

    private static readonly int[] TileCounts = [1, 2, 4, 8];

    private static readonly BatchSplit[] OfData = [new(2), new(4), new(8)];

    [Test]
    public void Dlrm_HasOneDigest([Values(OptimizerKind.Sgd, OptimizerKind.RowWiseAdagrad)] OptimizerKind optimizer)
    {
        Course course = Dlrm(optimizer);
        BatchSplit[] shared =
        [
            .. OfData, new(2, Kind: ParallelKind.Tensor), new(4, Kind: ParallelKind.Tensor), new(8, Kind: ParallelKind.Tensor), new(16, Kind: ParallelKind.Tensor),
            new(2, 4, ParallelKind.Pipeline), new(4, 2, ParallelKind.Pipeline), new(8, 8, ParallelKind.Pipeline),
        ];
        CheckAll(course, shared, onOtherPaths: [new(2, Kind: ParallelKind.Tensor), new(4, 2, ParallelKind.Pipeline)]);
    }

    [Test]
    public void Bert_HasOneDigest([Values("adamw", "lamb")] string optimizer)
    {
        var course = new Course(
            new BertModel(SmallBert, tokens: 8, seed: 1, optimizer), () => new BertData(SmallBert, TokenText.Generate(SmallBert.Vocabulary, 1), 8, 1, isGenerated: true),
            8);
        BatchSplit[] shared = [.. OfData, new(4, Kind: ParallelKind.Tensor), new(2, Kind: ParallelKind.Tensor), new(4, 8, ParallelKind.Pipeline)];
        CheckAll(
            course, optimizer == "lamb" ? shared[^2..] : shared, optimizer == "lamb" ? [] : [new(2, Kind: ParallelKind.Tensor), new(2, 2, ParallelKind.Pipeline)],
            onSimulator: false);
    }

    /// <summary>With 64 rows two tiles go down two levels, eight tiles one; deeper levels every RDU computes.</summary>
    [Test]
    public void Unet_HasOneDigest()
    {
        BatchSplit[] shared =
        [
            new(2), new(2, Kind: ParallelKind.Spatial), new(4, Kind: ParallelKind.Spatial), new(8, Kind: ParallelKind.Spatial), new(2, Kind: ParallelKind.Pipeline),
            new(2, Kind: ParallelKind.Tensor),
        ];
        CheckAll(Unet(SmallUnet, 64, 2), shared, onOtherPaths: []);
    }

    /// <summary>Values and weights in pairs of bf16; stochastic rounding draws by the place in a sample, wherever that is computed.</summary>
    [Test]
    public void Bert_InBFloat16_HasOneDigest([Values] RoundingKind rounding, [Values] bool hasMasters)
    {
        var policy = new PrecisionPolicy(hasMasters ? PrecisionPreset.Mp1 : PrecisionPreset.Mp4, rounding, hasMasters, Seed: 1);
        var course = new Course(
            new MixedPrecisionModel(new BertModel(SmallBert, tokens: 8, seed: 1), policy), () => new BertData(SmallBert, TokenText.Generate(SmallBert.Vocabulary, 1), 8, 1, isGenerated: true), 8);
        CheckAll(course, [new(2), new(2, Kind: ParallelKind.Tensor), new(2, 4, ParallelKind.Pipeline)], onOtherPaths: [], steps: 5);
    }

    [Test]
    public void Unet_InBFloat16_HasOneDigest()
    {
        Course course = Unet(SmallUnet, 32, 2);
        var policy = new PrecisionPolicy(PrecisionPreset.Mp4, RoundingKind.Nearest, HasMasters: false, Seed: 1);
        CheckAll(course with { Model = new MixedPrecisionModel(course.Model, policy) }, [new(2, Kind: ParallelKind.Spatial), new(2, Kind: ParallelKind.Pipeline)], onOtherPaths: [], steps: 5);
    }

    /// <summary>Every operator that the other UNets have, tiles whose sums do not compose (48 is no power of two), and the other paths.</summary>
    [TestCase("keras", 32, 2)]
    [TestCase("milesial", 32, 1)]
    [TestCase("milesial-bilinear", 32, 1)]
    [TestCase("sn10", 48, 3)]
    public void Unets_HaveOneDigest(string preset, int extent, int batch)
    {
        UnetConfiguration configuration = UnetPresets.Find(preset) with { Features = 2 };
        CheckAll(Unet(configuration, extent, batch), [new(2, Kind: ParallelKind.Spatial)], preset == "keras" ? [new(2, Kind: ParallelKind.Spatial)] : [], steps: 2);
    }

    /// <summary>Sixteen RDUs stand in two nodes; what goes over each link is what the exchanges of the graphs say.</summary>
    [Test]
    public void TwoNodes_CountTheTrafficOfEachLink([Values] bool inBFloat16)
    {
        var policy = new PrecisionPolicy(PrecisionPreset.Mp4, RoundingKind.Nearest, HasMasters: false, Seed: 1);
        Course course = Dlrm(OptimizerKind.Sgd);
        course = inBFloat16 ? course with { Model = new MixedPrecisionModel(course.Model, policy) } : course;
        using var rdus = new ShardedRdus(course.Model, Host, new SessionPurpose(course.Batch), new BatchSplit(16, Kind: ParallelKind.Tensor));
        var topology = new FabricTopology(16);
        ExchangeTraffic expected = ExchangeTraffic.Of(rdus.Sockets, topology);

        using IModelData data = course.Open();
        Batch samples = data.Training.CreateBatch(course.Batch);
        data.Training.Read(samples);
        rdus.Step(samples, new StepMoment(0, 0.01f));

        Assert.That(topology.Nodes, Is.EqualTo(2));
        Assert.That(rdus.Traffic, Is.EqualTo(expected.Links).AsCollection);
        Assert.That(rdus.Traffic.Count(link => !link.IsInNode), Is.GreaterThan(0));
        Assert.That(rdus.Traffic.All(link => link.IsInNode == (link.From / 8 == link.To / 8)));
    }

    /// <summary>Each RDU has an arena of its own, and it is smaller the more RDUs there are.</summary>
    [Test]
    public void Arena_FallsWithTheNumberOfTiles()
    {
        Course course = Unet(SmallUnet, 128, 1);
        long[] bytes = [.. TileCounts.Select(tiles => Bytes(course, new BatchSplit(tiles, Kind: ParallelKind.Spatial)))];

        Assert.That(bytes, Is.Ordered.Descending);
        Assert.That(bytes[3], Is.LessThan(bytes[0] / 2));
    }

    /// <summary>In 1F1B an RDU keeps the activations of at most as many microbatches as there are RDUs, not of all; parameters stay as many.</summary>
    [Test]
    public void Pipeline_KeepsFewMicrobatches()
    {
        var course = new Course(
            new BertModel(SmallBert, tokens: 8, seed: 1), () => new BertData(SmallBert, TokenText.Generate(SmallBert.Vocabulary, 1), 8, 1, isGenerated: true), 64);

        Assert.That(Bytes(course, new BatchSplit(2, 16, ParallelKind.Pipeline)), Is.LessThan(Bytes(course, new BatchSplit(2, 1, ParallelKind.Pipeline)) * 2 / 3));
    }

    /// <summary>A weight of which one RDU has another bit changes the digest: the comparison can fail.</summary>
    [Test]
    public void BitThatIsFlippedOnOneRdu_ChangesTheDigest()
    {
        Course course = Dlrm(OptimizerKind.Sgd);
        var split = new BatchSplit(4, Kind: ParallelKind.Tensor);
        Result whole = Train(course, Host, BatchSplit.None, 2);
        Result flipped = Train(course, Host, split, 2, session =>
        {
            RduEmu.Compiler.Graphs.ValueId weight = session.Parameters[0];
            float[] elements = session.ReadParameter(weight);
            session.Overwrite(weight, elements.Length - 1, BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(elements[^1]) ^ 1));
        });

        Assert.That(flipped.Digests[0], Is.Not.EqualTo(whole.Digests[0]));
    }

    private static Course Dlrm(OptimizerKind optimizer) =>
        new(new DlrmModel(DlrmPresets.Ml100k, optimizer), () => DlrmData.Open(DlrmPresets.Ml100k, null, null, seed: 1), 64);

    private static Course Unet(UnetConfiguration configuration, int extent, int batch) => new(
        new UnetModel(configuration, (extent, extent), (extent, extent), seed: 1),
        () => UnetData.Open(configuration, new SegmentationChoices(null, null, extent, AugmentationKind.None, false), seed: 1), batch);

    private static long Bytes(Course course, BatchSplit split)
    {
        using var session = new ModelSession(course.Model, Host, new SessionPurpose(course.Batch), split);
        return session.RduBytes;
    }

    /// <summary>All ways on the host, in O3 on one thread; some of them also on two threads, for two steps in O0, and for one on the simulator.</summary>
    private static void CheckAll(Course course, BatchSplit[] shared, BatchSplit[] onOtherPaths, int steps = Steps, bool onSimulator = true)
    {
        Result whole = Train(course, Host, BatchSplit.None, steps);
        foreach (BatchSplit split in shared)
        {
            Compare(whole, Train(course, Host, split, steps), $"{split}");
        }

        foreach (BatchSplit split in onOtherPaths)
        {
            Compare(whole, Train(course, Host with { Threads = 2 }, split, steps), $"{split}, two threads");
            Compare(whole, Train(course, Host with { Mode = CompileMode.O0 }, split, 2), $"{split}, O0");
            if (onSimulator)
            {
                Compare(whole, Train(course, Simulator, split, 1), $"{split}, simulator");
            }
        }
    }

    private static void Compare(Result whole, Result other, string what)
    {
        int steps = other.Digests.Length;
        Assert.That(other.Losses, Is.EqualTo(whole.Losses[..steps]).AsCollection, what);
        Assert.That(other.Digests, Is.EqualTo(whole.Digests[..steps]).AsCollection, what);
        for (int i = 0; i < whole.Predictions.Length && steps == whole.Digests.Length; i++)
        {
            Assert.That(other.Predictions[i], Is.EqualTo(whole.Predictions[i]).AsCollection, $"{what}, prediction {i}");
        }
    }

    private static Result Train(Course course, ExecutionTarget target, BatchSplit split, int steps, Action<ModelSession>? disturb = null)
    {
        using IModelData data = course.Open();
        using var session = new ModelSession(course.Model, target, new SessionPurpose(course.Batch, InferenceSamples: course.Batch), split);
        session.PoisonScratch(0xFF);
        session.Initialize(1);
        disturb?.Invoke(session);
        Batch samples = data.Training.CreateBatch(course.Batch);
        var losses = new float[steps];
        var digests = new string[steps];
        for (int step = 0; step < steps; step++)
        {
            samples.CountSamples = 0;
            data.Training.Read(samples);
            Assert.That(samples.CountSamples, Is.EqualTo(course.Batch));
            losses[step] = session.Step(samples, new StepMoment(step, 0.01f));
            digests[step] = session.WeightDigests().All;
        }

        float[][] predictions = session.PredictionBuffers();
        session.Predict(samples, predictions);
        return new Result(digests, losses, predictions);
    }

    private sealed record Course(IModel Model, Func<IModelData> Open, int Batch);

    /// <param name="Digests">Of the weights after each step.</param>
    /// <param name="Losses">Of each step.</param>
    /// <param name="Predictions">After the last.</param>
    private sealed record Result(string[] Digests, float[] Losses, float[][] Predictions);
}
