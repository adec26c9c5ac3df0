using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Precision;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Templates.Round;
using RduEmu.Models.Bert;
using RduEmu.Models.Precision;
using RduEmu.Models.Recomputation;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;
using RduEmu.Tests.Bert;
using RduEmu.Tests.Emulator;
using RduEmu.Tests.Unet;

namespace RduEmu.Tests.Recomputation;

/// <summary>Layers that are computed again for their gradients: the same bits, in a smaller arena.</summary>
[TestFixture]
public sealed class RecomputeTests
{
    private static readonly PrecisionPolicy Rounding = new(PrecisionPreset.Mp4, RoundingKind.Stochastic, HasMasters: false, Seed: 3);

    private static IEnumerable<TestCaseData> Models()
    {
        var bert = new BertModel(SmallBert.Configuration with { Dropout = 0.2f }, SmallBert.Tokens, seed: 3);
        UnetModel unet = Unet(UnetPresets.Sn10 with { Features = 2, Channels = 1 }, SmallUnet.Extent);
        yield return new TestCaseData(bert, "all").SetName("{m}(bert)");
        yield return new TestCaseData(bert, "layer.1").SetName("{m}(bert, one layer)");
        yield return new TestCaseData(new MixedPrecisionModel(bert, Rounding), "all").SetName("{m}(bert, bf16)");
        yield return new TestCaseData(unet, "all").SetName("{m}(unet)");
        yield return new TestCaseData(unet, "encoder1,decoder1").SetName("{m}(unet, some layers)");
        yield return new TestCaseData(new MixedPrecisionModel(unet, Rounding), "all").SetName("{m}(unet, bf16)");
    }

    [TestCaseSource(nameof(Models))]
    public void Bits_AreThoseWithout(IModel model, string layers)
    {
        ModelGraph kept = model.BuildTrainingStep(2);
        ModelGraph again = new RecomputingModel(model, layers.Split(',')).BuildTrainingStep(2);
        Dictionary<string, float[]> given = model.Name == "bert" ? SmallBert.Given(kept.Graph) : SmallUnet.Given(kept.Graph);
        foreach (Value value in kept.Graph.Values.Where(value => value.Role == ValueRole.Input && value.Name.StartsWith("rounding", StringComparison.Ordinal)))
        {
            given[value.Name] = [6];
        }

        Dictionary<string, float[]> expected = GraphRun.OnHostOnly(kept.Graph, given, 2);
        Dictionary<string, float[]> actual = GraphRun.OnEveryPath(again.Graph, given, steps: 2, CompileMode.O3);

        Assert.That(again.Graph.Nodes.Count(node => node.IsRecomputed), Is.GreaterThan(5));
        foreach ((string name, float[] elements) in expected)
        {
            Assert.That(GraphRun.Bits(actual[name]), Is.EqualTo(GraphRun.Bits(elements)).AsCollection, name);
        }
    }

    /// <summary>The whole arena with recomputation is below the least that any could be without: parameters and what is alive at the worst moment.</summary>
    [Test]
    public void TheArena_IsBelowTheFloorWithout([Values(CompileMode.O0, CompileMode.O3)] CompileMode mode, [Values] bool materialize)
    {
        UnetModel model = Unet(UnetPresets.Sn10 with { Features = 8 }, 128);

        CompiledProgram kept = Program(model, mode, materialize);
        CompiledProgram again = Program(new RecomputingModel(model, ["all"]), mode, materialize);
        TestContext.Out.WriteLine($"{kept.ArenaBytes} bytes, at least {kept.Memory.FloorBytes}; {again.ArenaBytes} with recomputation, at least {again.Memory.FloorBytes}");

        Assert.That(again.ArenaBytes, Is.GreaterThanOrEqualTo(again.Memory.FloorBytes).And.LessThan(kept.Memory.FloorBytes));
    }

    [Test]
    public void AnUnknownLayer_IsRefused() =>
        Assert.That(
            Assert.Throws<RduException>(() => new RecomputingModel(Unet(UnetPresets.Sn10 with { Features = 2 }, 16), ["encoder9"]).BuildTrainingStep(2))!.Id,
            Is.SameAs(ErrorCatalogue.NameUnknown));

    private static CompiledProgram Program(IModel model, CompileMode mode, bool materialize) =>
        GraphCompiler.Compile(model.BuildTrainingStep(2).Graph, new CompileOptions(mode, Materialize: materialize));

    private static UnetModel Unet(UnetConfiguration configuration, int extent) => new(configuration, (extent, extent), (extent, extent), seed: 1);
}
