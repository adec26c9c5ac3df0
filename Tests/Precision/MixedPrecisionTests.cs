using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Optimizers;
using RduEmu.Compiler.Precision;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Training;
using RduEmu.Kernels.Templates.Round;
using RduEmu.Models.Bert;
using RduEmu.Models.Bert.Data;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Precision;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;
using RduEmu.Tests.Bert;
using RduEmu.Tests.Emulator;
using RduEmu.Tests.Unet;

namespace RduEmu.Tests.Precision;

/// <summary>Models that store bf16: one set of bits on every path and for every cut of a batch, in half the arena.</summary>
[TestFixture]
public sealed class MixedPrecisionTests
{
    private static readonly PrecisionPolicy All = new(PrecisionPreset.Mp4, RoundingKind.Stochastic, HasMasters: false, Seed: 3);

    private static IEnumerable<PrecisionPolicy> Policies =>
    [
        All,
        All with { Rounding = RoundingKind.Nearest, HasMasters = true },
        All with { Preset = PrecisionPreset.Mp1 },
    ];

    private static IEnumerable<PrecisionPolicy> FirstPolicy => [All];

    [Test]
    public void Bert_HasOneSetOfBits([ValueSource(nameof(Policies))] PrecisionPolicy policy)
    {
        string optimizer = policy == All ? "lamb" : "adamw";
        CompileMode[] modes = policy == All ? [CompileMode.O0, CompileMode.O3] : [CompileMode.O3];
        ModelGraph step = new MixedPrecisionModel(new BertModel(SmallBert.Configuration, SmallBert.Tokens, seed: 3, optimizer), policy).BuildTrainingStep(SmallBert.Batch);

        Dictionary<string, float[]> actual = GraphRun.OnEveryPath(step.Graph, Given(step.Graph, SmallBert.Given(step.Graph)), steps: 2, modes);

        AssertWeightsAreBFloat16(step, actual, policy);
    }

    /// <summary>One policy; a BERT has all of them.</summary>
    [Test]
    public void Unet_HasOneSetOfBits([ValueSource(nameof(FirstPolicy))] PrecisionPolicy policy)
    {
        UnetOptimizer optimizer = policy == All ? UnetOptimizer.Adam : UnetOptimizer.RmsProp;
        UnetConfiguration configuration = UnetPresets.Sn10 with { Features = 2, Channels = 1, Optimizer = optimizer };
        var model = new MixedPrecisionModel(new UnetModel(configuration, (SmallUnet.Extent, SmallUnet.Extent), (SmallUnet.Extent, SmallUnet.Extent), seed: 1), policy);
        ModelGraph step = model.BuildTrainingStep(2);

        Dictionary<string, float[]> actual = GraphRun.OnEveryPath(step.Graph, Given(step.Graph, SmallUnet.Given(step.Graph)), steps: 2, CompileMode.O3);

        AssertWeightsAreBFloat16(step, actual, policy);
    }

    [Test]
    public void Dlrm_HasOneSetOfBits([ValueSource(nameof(Policies))] PrecisionPolicy policy)
    {
        OptimizerKind optimizer = policy == All ? OptimizerKind.RowWiseAdagrad : OptimizerKind.Sgd;
        ModelGraph step = new MixedPrecisionModel(new DlrmModel(DlrmPresets.Tiny, optimizer), policy).BuildTrainingStep(40);
        var random = new Random(5);
        var given = new Dictionary<string, float[]>();
        foreach (Value value in step.Graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter))
        {
            int rows = value.Name.StartsWith("indices.", StringComparison.Ordinal) ? step.Graph.Values.Single(table => table.Name == value.Name.Replace("indices", "table", StringComparison.Ordinal)).Type.Shape[0] : 2;
            bool isState = step.OptimizerStates.Contains(value.Id);
            given.Add(value.Name, [.. Enumerable.Range(0, (int)value.Type.CountElements).Select(i => value.Name switch
            {
                "number" => i,
                "rate" => 0.05f,
                _ when value.Type.Element == ElementType.Int32 || value.Name == "target" => random.Next(rows),
                _ => isState ? 0f : random.NextSingle() - 0.5f,
            })]);
        }

        Dictionary<string, float[]> actual = GraphRun.OnEveryPath(step.Graph, Given(step.Graph, given), steps: 2, CompileMode.O3);

        AssertWeightsAreBFloat16(step, actual, policy);
    }

    [Test]
    public void Predictions_HaveOneSetOfBits()
    {
        Graph bert = new MixedPrecisionModel(new BertModel(SmallBert.Configuration, SmallBert.Tokens, seed: 3), All).BuildInference(SmallBert.Batch).Graph;

        Dictionary<string, float[]> actual = GraphRun.OnEveryPath(bert, SmallBert.Given(bert), steps: 1, CompileMode.O1);

        Assert.That(bert.Nodes.Select(node => node.Operator).OfType<RoundToBFloat16>(), Has.All.Matches<RoundToBFloat16>(op => op!.Rounding == RoundingKind.Nearest));
        Assert.That(actual["output 0"], Has.Some.GreaterThan(0f));
    }

    /// <summary>Over RDUs and in parts, one after the other: a sample draws by its own number.</summary>
    [TestCase(2, 1)]
    [TestCase(1, 4)]
    public void Bits_AreThoseOfTheWholeBatch(int sockets, int accumulate)
    {
        Assert.That(Train(new BatchSplit(sockets, accumulate)), Is.EqualTo(Train(BatchSplit.None)));
    }

    /// <summary>What is drawn matters: another seed, other weights.</summary>
    [Test]
    public void AnotherSeedOfRounding_GivesOtherBits() =>
        Assert.That(Train(BatchSplit.None, All with { Seed = 4 }), Is.Not.EqualTo(Train(BatchSplit.None)));

    [Test]
    public void AnArenaOfBFloat16_IsAboutHalf()
    {
        UnetConfiguration configuration = UnetPresets.Sn10 with { Features = 16 };
        var model = new UnetModel(configuration, (64, 64), (64, 64), seed: 1);
        long whole = Arena(model);
        long half = Arena(new MixedPrecisionModel(model, All));
        TestContext.Out.WriteLine($"{whole} bytes in fp32, {half} in bf16");

        // Parameters, states and packed filters are the same in both but for the weights: the rest is activations and gradients.
        long fixedBytes = UnetModel.CountParameters(configuration) * sizeof(float) * 6;
        Assert.That(half - fixedBytes, Is.LessThan(0.65 * (whole - fixedBytes)));
    }

    [Test]
    public void Mp0_ChangesNothing()
    {
        var model = new BertModel(SmallBert.Configuration, SmallBert.Tokens, seed: 3);

        Assert.That(
            new MixedPrecisionModel(model, All with { Preset = PrecisionPreset.Mp0 }).BuildTrainingStep(SmallBert.Batch).Graph.Nodes,
            Has.None.Matches<Node>(node => node!.Operator is RoundToBFloat16 or WidenBFloat16 or BFloat16Weight));
    }

    [Test]
    public void ASteadyRun_AllocatesNothing()
    {
        ModelGraph graph = new MixedPrecisionModel(new BertModel(SmallBert.Configuration, SmallBert.Tokens, seed: 3), All).BuildTrainingStep(SmallBert.Batch);
        using var executor = new HostExecutor(GraphCompiler.Compile(graph.Graph, new CompileOptions(Workers: 2)), 2);
        executor.Load();
        GraphRun.MustAllocateNothing(executor);
    }

    private static long Arena(IModel model) => GraphCompiler.Compile(model.BuildTrainingStep(2).Graph, new CompileOptions()).ArenaBytes;

    private static string Train(BatchSplit split, PrecisionPolicy? policy = null)
    {
        const int batch = 8;
        const int tokens = 12;
        BertConfiguration configuration = SmallBert.Configuration with { Hidden = 8, Vocabulary = 40, Positions = tokens, Dropout = 0.1f };
        var model = new MixedPrecisionModel(new BertModel(configuration, tokens, seed: 3), policy ?? All);
        using var data = new BertData(configuration, TokenText.Generate(configuration.Vocabulary, 3), tokens, 3, isGenerated: true);
        using var session = new ModelSession(model, new ExecutionTarget("host", 2), new SessionPurpose(batch), split);
        session.Initialize(5);
        Batch samples = data.Training.CreateBatch(batch);
        for (int step = 0; step < 3; step++)
        {
            data.Training.Read(samples);
            session.Step(samples, new StepMoment(step, 0.01f));
        }

        return session.WeightDigests().All;
    }

    /// <summary>What the float32 graphs' inputs lack, and weights that are bf16 from the beginning.</summary>
    private static Dictionary<string, float[]> Given(Graph graph, Dictionary<string, float[]> given)
    {
        foreach (Value value in graph.Values.Where(value => value.Role == ValueRole.Input && value.Type.Element == ElementType.Int32 && !value.Type.HasSamples))
        {
            given[value.Name] = [6];
        }

        return given;
    }

    private static void AssertWeightsAreBFloat16(ModelGraph step, Dictionary<string, float[]> actual, PrecisionPolicy policy)
    {
        int stored = 0;
        foreach (ValueId id in step.Parameters)
        {
            Value parameter = step.Graph[id];
            if (parameter.Type.IsPaired)
            {
                stored++;
                Assert.That(actual[parameter.Name], Has.All.Matches<float>(x => (BitConverter.SingleToInt32Bits(x) & 0xFFFF) == 0), parameter.Name);
            }
        }

        Assert.That(stored > 0, Is.EqualTo(policy is { Preset: PrecisionPreset.Mp4, HasMasters: false }));
        Assert.That(step.Graph.Nodes.Count(node => node.Operator is RoundToBFloat16), Is.GreaterThan(5));
    }
}
