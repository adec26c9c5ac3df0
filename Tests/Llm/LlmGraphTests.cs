using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Llm;
using RduEmu.Tests.Placement;

namespace RduEmu.Tests.Llm;

public sealed class LlmGraphTests
{
    /// <summary>Half an SN30: four tiles.</summary>
    private static readonly RduResources Half = Chips.Sn10 with { Name = "sn30 half", ClockHz = 1_050_000_000, DramBytesPerSecond = 100_000_000_000 };

    [TestCase(768, 12, 12, 124_439_808)]
    [TestCase(1600, 25, 48, 1_557_611_200)]
    public void Gpt2_Parameters_AsPublished(int hidden, int heads, int layers, long published)
    {
        var configuration = new Gpt2Configuration(hidden, heads, layers);
        Assert.That(configuration.ParameterCount, Is.EqualTo(published));
        Assert.That(ParametersOf(Gpt2Graph.BuildInference(configuration, 1)), Is.EqualTo(published));
    }

    [Test]
    public void Gpt2_HeadsThatDoNotDivide_TheNextSmallerNumber() =>
        Assert.That(new Gpt2Configuration(480, 25, 12).DividingHeads, Is.EqualTo(24));

    [Test]
    public void Gpt2_OperationsOfALayer_SixForEachWeightAndTokenAndTheAttention()
    {
        static long Operations(int layers) => Work(Gpt2Graph.BuildTrainingStep(new Gpt2Configuration(1600, 25, layers) { Dropout = 0 }, 16))
            .Operators.Where(op => op.Work.Template == TemplateKind.Systolic).Sum(op => op.Work.Operations);

        // Forward and twice that backward: 2 · 3 · (12 H² weights · tokens + 2 · T · H products of queries and keys, shares and values · tokens).
        const long Tokens = 16 * 1024;
        Assert.That(Operations(2) - Operations(1), Is.EqualTo(6 * Tokens * (12L * 1600 * 1600 + 2L * 1024 * 1600)));
    }

    /// <summary>The backward pass computes the products of each half of a layer once more, except the last of each, which nothing needs.</summary>
    [Test]
    public void Gpt2_Recomputed_TheProductsOfTheForwardPassOnceMore()
    {
        static long Operations(int layers) => Work(Gpt2Graph.BuildTrainingStep(new Gpt2Configuration(1600, 25, layers), 16, recomputes: true))
            .Operators.Where(op => op.Work.Template == TemplateKind.Systolic).Sum(op => op.Work.Operations);

        const long Tokens = 16 * 1024;
        const long Plain = 6 * Tokens * ((12L * 1600 * 1600) + (2L * 1024 * 1600));
        Assert.That(Operations(2) - Operations(1), Is.EqualTo(Plain + (2 * Tokens * ((7L * 1600 * 1600) + (2L * 1024 * 1600)))));
        Assert.That(
            Gpt2Graph.BuildTrainingStep(new Gpt2Configuration(64, 2, 2), 2, recomputes: true).Updates,
            Has.Count.EqualTo(Gpt2Graph.BuildTrainingStep(new Gpt2Configuration(64, 2, 2), 2).Updates.Count));
    }

    /// <summary>A step of AdamW is one operator of each parameter, with its two new moments.</summary>
    [Test]
    public void Gpt2_OptimizerSteps_OneOperatorOfAParameter()
    {
        Graph graph = Gpt2Graph.BuildTrainingStep(new Gpt2Configuration(64, 2, 2), 2);
        MachineOperator[] steps = [.. Work(graph).Operators.Where(op => op.Operator == "AdamMoment+AdamMoment+AdamStep")];

        Assert.That(steps, Has.Length.EqualTo(graph.Updates.Count / 3).And.Length.GreaterThan(20));
        Assert.That(steps.Select(step => (step.Nodes.Count, step.Outputs.Count, step.Phase)), Is.All.EqualTo((3, 3, Phase.Optimizer)));
        Assert.That(steps.SelectMany(step => step.Outputs), Is.EquivalentTo(graph.Updates.Select(update => update.Value.Index)));
    }

    [TestCase("llama-2-7b", 1, 6_738_415_616)]
    [TestCase("llama-3-8b", 1, 8_030_261_248)]
    [TestCase("mistral-7b", 1, 7_241_732_096)]
    public void Llama_Parameters_AsPublished(string name, int sockets, long published) =>
        Assert.That(ParametersOf(LlamaGraph.BuildPrefill(LlamaConfiguration.Find(name), 1, 16, sockets)), Is.EqualTo(published));

    [Test]
    public void Llama_EightSockets_AnEighthOfTheLayersEach()
    {
        LlamaConfiguration llama = LlamaConfiguration.Llama3With8B;
        static long Layers(Graph graph) => graph.Values.Where(value => value.Role == ValueRole.Parameter && value.Name.Contains("_proj", StringComparison.Ordinal)).Sum(value => value.Type.CountElements);
        Assert.That(Layers(LlamaGraph.BuildDecode(llama, 1, 1024, 8)) * 8, Is.EqualTo(Layers(LlamaGraph.BuildDecode(llama, 1, 1024))));
    }

    [Test]
    public void Llama_SocketsThatDoNotDivide_Refused() => Assert.That(
        () => LlamaGraph.BuildDecode(LlamaConfiguration.Llama3With8B, 1, 8, 3), Throws.TypeOf<RduException>().With.Property(nameof(RduException.Id)).EqualTo(ErrorCatalogue.OptionInvalid));

    [Test]
    public void Llama_Decode_ReadsTheCacheOfAllTokensBefore()
    {
        MachineGraph work = Work(LlamaGraph.BuildDecode(LlamaConfiguration.Mistral7B, 4, 100));
        MachineOperator scores = work.Operators.First(op => op.Operator == "GroupedHeadMatMul");
        Assert.That(scores.Work.Gemm, Is.EqualTo(new GemmShape(4 * 8, 4, 101, 128)));
        Assert.That(scores.Inputs.Max(input => input.Bytes), Is.EqualTo(4L * 101 * 8 * 128 * 2));
    }

    [Test]
    public void StructuralOperators_OnADevice_RefusedByName()
    {
        RduException? error = Assert.Throws<RduException>(() => GraphCompiler.Compile(Gpt2Graph.BuildInference(new Gpt2Configuration(64, 4, 1, Tokens: 8, Vocabulary: 10), 1), new CompileOptions()));
        Assert.That(error!.Id, Is.EqualTo(ErrorCatalogue.GraphIllegal));
        Assert.That(error.Message, Does.Contain("CausalMask"));
    }

    [TestCase(CompileMode.O0)]
    [TestCase(CompileMode.O1)]
    [TestCase(CompileMode.O3)]
    public void Gpt2_LargeLayers_PlacedLegally(CompileMode mode)
    {
        // The embedding is tied to the head: its gradient, 160 MB of sums in binary32, takes parts.
        PlacedProgram program = PlacementCompiler.Compile(Gpt2Graph.BuildTrainingStep(new Gpt2Configuration(1600, 25, 2), 16), Half, new PlacementOptions(mode));
        Assert.That(program.Sections.Select(placed => placed.Section.Phase).Distinct().Count(), Is.EqualTo(3));
        Assert.That(program.Sections.Max(placed => placed.Section.Pcus), Is.LessThanOrEqualTo(640 * 80 / 100));
    }

    [Test]
    public void Gpt2_MoreLayers_NotMoreLayouts()
    {
        static PlacedProgram Place(int layers) => PlacementCompiler.Compile(
            Gpt2Graph.BuildTrainingStep(new Gpt2Configuration(768, 12, layers), 16), Half, new PlacementOptions());
        PlacedProgram small = Place(8);
        PlacedProgram large = Place(16);
        Assert.That(large.Sections, Has.Count.GreaterThan(small.Sections.Count * 3 / 2));
        Assert.That(large.Layouts, Has.Count.LessThan(small.Layouts.Count * 3 / 2));
    }

    [Test]
    public void Gpt2_WholeGraph_FewerBytesOutsideThanOperatorByOperator()
    {
        static long Bytes(CompileMode mode) => PlacementCompiler.Compile(Gpt2Graph.BuildTrainingStep(new Gpt2Configuration(768, 12, 1), 4), Half, new PlacementOptions(mode))
            .Sections.Sum(placed => placed.Section.DramTransfers.Sum(transfer => transfer.Bytes * (transfer.Timing == DramTiming.PerIteration ? placed.Section.Iterations : 1)));
        long single = Bytes(CompileMode.O0);
        long ruled = Bytes(CompileMode.O1);
        long whole = Bytes(CompileMode.O3);
        Assert.That(whole, Is.LessThan(ruled));
        Assert.That(ruled, Is.LessThan(single));
    }

    private static MachineGraph Work(Graph graph) => MachineLowering.Run(graph, elementBytes: 2);

    private static long ParametersOf(Graph graph) => graph.Values.Where(value => value.Role == ValueRole.Parameter).Sum(value => value.Type.CountElements);
}
