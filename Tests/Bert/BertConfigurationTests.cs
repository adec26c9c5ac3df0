using NUnit.Framework;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Bert;

namespace RduEmu.Tests.Bert;

[TestFixture]
public sealed class BertConfigurationTests
{
    /// <summary>The published models: encoder and pooler; the others from google-research/bert's definitions.</summary>
    [TestCase("base", 109_482_240)]
    [TestCase("large", 335_141_888)]
    [TestCase("tiny", 4_385_920)]
    [TestCase("mini", 11_170_560)]
    [TestCase("small", 28_763_648)]
    public void EncoderAndPooler_HaveThePublishedCount(string preset, long count) =>
        Assert.That(BertParameters.Count(BertConfiguration.Find(preset), BertHead.None), Is.EqualTo(count));

    [TestCase("base", 110_106_428)]
    [TestCase("large", 336_226_108)]
    public void WithPretrainingHeads_HaveThePublishedCount(string preset, long count) =>
        Assert.That(BertParameters.Count(BertConfiguration.Find(preset), BertHead.Pretraining), Is.EqualTo(count));

    /// <summary>Embeddings and one layer of the published table.</summary>
    [TestCase("base", 23_837_184, 7_087_872)]
    [TestCase("large", 31_782_912, 12_596_224)]
    public void Parts_HaveThePublishedCounts(string preset, long embeddings, long layer)
    {
        var parameters = BertParameters.List(BertConfiguration.Find(preset), BertHead.None);
        long Sum(string prefix) => parameters.Where(p => p.Name.StartsWith(prefix, StringComparison.Ordinal)).Sum(p => p.Type.CountElements);

        Assert.That(Sum("bert.embeddings."), Is.EqualTo(embeddings));
        Assert.That(Sum("bert.encoder.layer.7."), Is.EqualTo(layer));
    }

    [Test]
    public void TheGraph_HasTheListedParameters([Values] BertHead head)
    {
        BertGraph graph = BertGraph.BuildInference(BertConfiguration.Tiny, head, 2, 16);

        Assert.That(
            graph.Parameters.Select(id => (graph.Graph[id].Name, graph.Graph[id].Type)),
            Is.EqualTo(BertParameters.List(BertConfiguration.Tiny, head).Select(p => (p.Name, p.Type))));
    }

    [Test]
    public void AnUnknownPreset_IsRefused() =>
        Assert.That(() => BertConfiguration.Find("huge"), Throws.TypeOf<RduException>().With.Message.Contains("RDU0202"));

    [Test]
    public void ASequenceLongerThanThePositions_IsRefused() =>
        Assert.That(
            () => BertGraph.BuildInference(BertConfiguration.Tiny, BertHead.None, 1, 513),
            Throws.TypeOf<RduException>().With.Message.Contains("RDU0201"));

    /// <summary>A weight is normal, cut at two deviations (then its deviation is 0.88 of the uncut); pieces are the whole's.</summary>
    [Test]
    public void FirstValues_AreThoseOfTheirKind()
    {
        var parameters = BertParameters.List(BertConfiguration.Tiny, BertHead.Pretraining);
        int query = parameters.Select(p => p.Name).ToList().IndexOf("bert.encoder.layer.0.attention.self.query.weight");
        var weights = new float[128 * 128];
        BertInitializer.Fill(parameters[query], query, 0.02f, 1, 0, weights);
        var piece = new float[1000];
        BertInitializer.Fill(parameters[query], query, 0.02f, 1, 777, piece);

        const double cutDeviation = 0.8796;
        Assert.That(weights, Has.All.InRange(-0.04f, 0.04f));
        Assert.That(weights.Average(), Is.Zero.Within(5 * 0.02 / 128));
        Assert.That(Math.Sqrt(weights.Average(w => (double)w * w)), Is.EqualTo(cutDeviation * 0.02).Within(0.0003));
        Assert.That(piece, Is.EqualTo(weights[777..1777]));
        BertInitializer.Fill(parameters[query + 1], query + 1, 0.02f, 1, 0, piece);
        Assert.That(piece, Is.All.Zero);
    }
}
