using System.Runtime.InteropServices;
using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Optimizers;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.Execution;
using RduEmu.Models.Bert;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Unet;
using RduEmu.Tests.Unet;

namespace RduEmu.Tests.Placement;

/// <summary>What a placed program computes, section by section, is what the graph computes unplaced: in every bit.</summary>
public sealed class PlacedRunTests
{
    private const int Steps = 2;

    private static readonly DlrmConfiguration Dlrm = DlrmPresets.Tiny with { Loss = LossKind.BinaryCrossEntropyWithLogits };

    [TestCase(OptimizerKind.Sgd, CompileMode.O0)]
    [TestCase(OptimizerKind.Sgd, CompileMode.O1)]
    [TestCase(OptimizerKind.Sgd, CompileMode.O3)]
    [TestCase(OptimizerKind.Adagrad, CompileMode.O1)]
    [TestCase(OptimizerKind.Adagrad, CompileMode.O3)]
    [TestCase(OptimizerKind.RowWiseAdagrad, CompileMode.O0)]
    [TestCase(OptimizerKind.RowWiseAdagrad, CompileMode.O3)]
    public void Dlrm_TrainingSteps_BitsOfTheUnplacedGraph(OptimizerKind optimizer, CompileMode mode) =>
        AssertSameBits(DlrmGraph.BuildTrainingStep(Dlrm, 96, optimizer).Graph, new PlacementOptions(mode));

    [TestCase(1, 2)]
    [TestCase(7, 4)]
    public void Dlrm_AnotherSeedAndStorage_SameBits(int seed, int elementBytes) =>
        AssertSameBits(DlrmGraph.BuildTrainingStep(Dlrm, 96).Graph, new PlacementOptions(Seed: seed, ElementBytes: elementBytes));

    [TestCase(CompileMode.O0)]
    [TestCase(CompileMode.O1)]
    [TestCase(CompileMode.O3)]
    public void Bert_TrainingStep_BitsOfTheUnplacedGraph(CompileMode mode)
    {
        var configuration = new BertConfiguration("two", 2, 16, 2, 32);
        AssertSameBits(new BertModel(configuration, 8, seed: 3).BuildTrainingStep(4).Graph, new PlacementOptions(mode));
    }

    [TestCase(CompileMode.O0)]
    [TestCase(CompileMode.O1)]
    [TestCase(CompileMode.O3)]
    public void Unet_TrainingStep_BitsOfTheUnplacedGraph(CompileMode mode)
    {
        UnetConfiguration configuration = UnetPresets.Sn10 with { Features = 2, Channels = 1 };
        Graph graph = new UnetModel(configuration, (SmallUnet.Extent, SmallUnet.Extent), (SmallUnet.Extent, SmallUnet.Extent), seed: 1).BuildTrainingStep(SmallUnet.Batch).Graph;
        AssertSameBits(graph, new PlacementOptions(mode), SmallUnet.Given(graph));
    }

    [TestCase(2)]
    [TestCase(3)]
    public void Unet_InferenceWithThreadsAndAnotherSeed_SameBits(int threads)
    {
        UnetConfiguration configuration = UnetPresets.Milesial with { Features = 2 };
        Graph graph = new UnetModel(configuration, (SmallUnet.Extent, SmallUnet.Extent), (SmallUnet.Extent, SmallUnet.Extent), seed: 1).BuildInference(SmallUnet.Batch).Graph;
        AssertSameBits(graph, new PlacementOptions(CompileMode.O1, Seed: threads), SmallUnet.Given(graph), threads);
    }

    [Test]
    public void SectionWithoutOneOfItsLoads_Refused()
    {
        Graph graph = DlrmGraph.BuildInference(Dlrm, 8).Graph;
        PlacedProgram program = PlacementCompiler.Compile(graph, Chips.Small, new PlacementOptions());
        MachineSection section = program.Sections[0].Section;
        PlacedProgram broken = program with
        {
            Sections = [program.Sections[0] with { Section = section with { DramTransfers = [.. section.DramTransfers.Skip(1)] } }, .. program.Sections.Skip(1)],
        };
        Assert.That(() => new PlacedRun(graph, broken), Throws.InvalidOperationException.With.Message.Contains("neither loaded nor computed"));
    }

    private static void AssertSameBits(Graph graph, PlacementOptions options, Dictionary<string, float[]>? given = null, int threads = 1)
    {
        PlacedProgram program = PlacementCompiler.Compile(graph, Chips.Small, options);
        using var placed = new PlacedRun(graph, program, threads);
        using Executor whole = new InterpreterExecutor(GraphCompiler.Compile(graph, new CompileOptions(CompileMode.O0, Materialize: true)));
        int seed = 1;
        foreach (Value value in graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter))
        {
            HostTensor tensor = given is null ? Draw(value, new Random(seed++)) : Given(value, given[value.Name]);
            placed.Write(value.Id, tensor);
            whole.Write(value.Id, tensor);
        }

        whole.Load();
        for (int step = 0; step < Steps; step++)
        {
            placed.Run();
            whole.Run();
        }

        int compared = 0;
        foreach (ValueId id in graph.Outputs.Concat(graph.Updates.Select(update => update.Parameter)))
        {
            Assert.That(placed.Read(id).ToWords(), Is.EqualTo(whole.Read(id).ToWords()), graph[id].Name);
            compared++;
        }

        Assert.That(compared, Is.GreaterThan(0));
        Assert.That(program.Sections, Has.Count.GreaterThan(1));
    }

    private static HostTensor Given(Value value, float[] numbers) => value.Type.Element == ElementType.Int32
        ? new HostTensor(value.Type, MemoryMarshal.AsBytes(numbers.Select(number => (int)number).ToArray().AsSpan()).ToArray())
        : new HostTensor(value.Type, MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray());

    /// <summary>Small numbers; of integers 0 and 1, which every table and every class of these models has. States are zero, as at first.</summary>
    private static HostTensor Draw(Value value, Random random)
    {
        bool isState = value.Name.EndsWith(".sum", StringComparison.Ordinal) || value.Name.EndsWith(".m", StringComparison.Ordinal) || value.Name.EndsWith(".v", StringComparison.Ordinal);
        var words = new int[value.Type.CountElements];
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = value.Type.Element == ElementType.Int32 ? random.Next(2)
                : isState ? 0
                : BitConverter.SingleToInt32Bits(value.Role == ValueRole.Input && value.Type.Rank == 1 ? 0.125f : (float)(random.NextDouble() - 0.5));
        }

        return new HostTensor(value.Type with { HasSamples = false }, MemoryMarshal.AsBytes(words.AsSpan()).ToArray());
    }
}
