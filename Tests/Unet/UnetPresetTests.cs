using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Models.Unet;

namespace RduEmu.Tests.Unet;

[TestFixture]
public sealed class UnetPresetTests
{
    /// <summary>The published counts; of the paper's network the sum of its layers, with two classes.</summary>
    [TestCase("sn10", 7_763_041)]
    [TestCase("milesial", 31_037_698)]
    [TestCase("milesial-bilinear", 17_263_042)]
    [TestCase("keras", 31_031_685)]
    [TestCase("paper", 31_030_658)]
    public void Presets_HaveThePublishedParameters(string preset, long parameters) =>
        Assert.That(UnetModel.CountParameters(UnetPresets.Find(preset)), Is.EqualTo(parameters));

    [Test]
    public void Milesials_ClipsGradients()
    {
        Graph graph = UnetGraph.BuildTrainingStep(UnetPresets.Milesial with { Features = 2 }, 1, 16, 16, seed: 1).Graph;

        Assert.That(graph.Nodes.Count(node => node.Operator is ClipScale), Is.EqualTo(1));
        Assert.That(graph.Nodes.Count(node => node.Operator is ScaleByNumber), Is.EqualTo(graph.Nodes.Count(node => node.Operator is SgdStep)));
    }

    /// <summary>What each was published with; see the presets for why sn10 has cross-entropy beside its Dice.</summary>
    [TestCase("sn10", SegmentationLoss.DiceBce, UnetOptimizer.Adam)]
    [TestCase("keras", SegmentationLoss.Bce, UnetOptimizer.Adam)]
    [TestCase("milesial", SegmentationLoss.CrossEntropyDice, UnetOptimizer.RmsProp)]
    [TestCase("milesial-bilinear", SegmentationLoss.CrossEntropyDice, UnetOptimizer.RmsProp)]
    [TestCase("paper", SegmentationLoss.BorderCrossEntropy, UnetOptimizer.Sgd)]
    public void Presets_HaveTheirLossAndOptimizer(string preset, SegmentationLoss loss, UnetOptimizer optimizer)
    {
        UnetConfiguration configuration = UnetPresets.Find(preset);

        Assert.That((configuration.Loss, configuration.Optimizer), Is.EqualTo((loss, optimizer)));
    }

    /// <summary>Momentum 0.99 for every parameter.</summary>
    [Test]
    public void ThePapers_KeepsAVelocity()
    {
        Graph graph = UnetGraph.BuildTrainingStep(UnetPresets.Paper with { Features = 2 }, 1, 188, 188, seed: 1).Graph;

        Assert.That(graph.Nodes.Count(node => node.Operator is MomentumVelocity), Is.EqualTo(graph.Nodes.Count(node => node.Operator is SgdStep)));
        Assert.That(graph.Values.Single(value => value.Name == "constant 0.99").Constant, Is.EqualTo(0.99f));
    }

    [Test]
    public void ThePapersNetwork_PredictsTheMiddle()
    {
        Assert.Multiple(() =>
        {
            Assert.That(UnetPresets.Paper.Takes(572), Is.True);
            Assert.That(UnetPresets.Paper.PredictedExtent(572), Is.EqualTo(388));
            Assert.That(UnetPresets.Paper.Takes(570), Is.False);
            Assert.That(UnetPresets.Paper.Takes(92), Is.False);
            Assert.That(UnetPresets.Sn10.Takes(512), Is.True);
            Assert.That(UnetPresets.Sn10.Takes(500), Is.False);
        });
    }
}
