using System.Text.Json;
using NUnit.Framework;
using RduEmu.Models.Bert;
using RduEmu.Models.Bert.Data;
using RduEmu.Models.Training;
using RduEmu.Tests.CommandLine;

namespace RduEmu.Tests.Bert;

/// <summary>Classes and spans: generated, from files, and what is wrong with these.</summary>
[TestFixture, NonParallelizable]
public sealed class BertTaskTests
{
    private static readonly string[] Small = ["--layers", "1", "--hidden", "32", "--vocabulary", "150", "--tokens", "26", "--batch", "32", "--json"];

    private string _folder = string.Empty;

    [SetUp]
    public void MakeFolder()
    {
        _folder = Directory.CreateTempSubdirectory("rduemu-task").FullName;
        File.WriteAllLines(Path.Combine(_folder, "vocab.txt"), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "who", "sings", "a", "bird", "dog", "good", "bad", "very"]);
    }

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    /// <summary>Two classes: a guess is right half of the time, with a deviation of 3.5% over 200 samples.</summary>
    [Test]
    public void GeneratedClasses_AreLearned()
    {
        JsonElement result = Cli.Run(["train", "bert", "--task", "classify", .. Small, "--steps", "250", "--learning-rate", "3e-3"]).Json;

        Assert.That(result.GetProperty("metric").GetProperty("name").GetString(), Is.EqualTo("accuracy"));
        Assert.That(result.GetProperty("metric").GetProperty("value").GetDouble(), Is.GreaterThan(0.7));
    }

    [Test]
    public void GeneratedSpans_LowerTheirLoss()
    {
        JsonElement result = Cli.Run(["train", "bert", "--task", "span", .. Small, "--steps", "100", "--learning-rate", "3e-3", "--precision", "bf16"]).Json;

        Assert.That(result.GetProperty("metric").GetProperty("name").GetString(), Is.EqualTo("f1"));
        Assert.That(result.GetProperty("loss").GetProperty("last").GetDouble(), Is.LessThan(0.95 * result.GetProperty("loss").GetProperty("first").GetDouble()));
    }

    [TestCase("classify", "good\ta bird sings", "bad\tdog\tvery bad")]
    [TestCase("span", "who sings\ta good bird sings\tgood bird", "who\ta dog\tdog")]
    public void Files_AreRead(string task, string first, string second)
    {
        string path = Write([.. Enumerable.Range(0, 20).Select(i => i % 2 == 0 ? first : second)]);

        Cli run = Cli.Run("train", "bert", "--task", task, "--layers", "1", "--hidden", "16", "--vocabulary", "40", "--tokens", "12", "--batch", "4", "--steps", "2", "--data", path, "--json");

        Assert.That(run.Exit, Is.Zero, run.Error);
        Assert.That(run.Json.GetProperty("metric").GetProperty("samples").GetInt64(), Is.EqualTo(2));
    }

    [TestCase("classify", "good")]
    [TestCase("span", "who\ta bird")]
    [TestCase("span", "who\ta bird\tdog")]
    public void AWrongLine_IsNamed(string task, string wrong)
    {
        string right = task == "span" ? "who\ta bird\tbird" : "good\tbird";
        string path = Write([.. Enumerable.Repeat(right, 11), wrong, task == "span" ? right : "bad\tdog"]);

        Cli run = Cli.Run("train", "bert", "--task", task, "--data", path);

        Assert.That(run.Exit, Is.EqualTo(2));
        Assert.That(run.Error.Trim(), Does.StartWith("RDU0120").And.Contain("line 12").And.Not.Contain("\n"));
    }

    /// <summary>[CLS] question [SEP] context [SEP], and where the answer stands; cut, the answer is at [CLS].</summary>
    [TestCase(9, 5, 6)]
    [TestCase(6, 0, 0)]
    public void ASpan_StandsWhereItsPiecesAre(int tokens, int start, int end)
    {
        var special = new SpecialPieces(0, 1, 2, 3, 40);
        using var source = new TaskSource("test", [new TaskSample([10, 11], [20, 21, 22], 0, 1, 2)], special, tokens, seed: null);
        Batch batch = source.CreateBatch(1);
        source.Read(batch);

        Assert.That(batch[BertGraph.SpanLabels].Integers, Is.EqualTo(new[] { start, end }).AsCollection);
        Assert.That(batch[BertGraph.TokenIds].Integers[..4], Is.EqualTo(new[] { 1, 10, tokens == 9 ? 11 : 2, tokens == 9 ? 2 : 20 }).AsCollection);
        Assert.That(batch[BertGraph.AttentionMask].Floats[^1], Is.EqualTo(tokens == 9 ? BertGraph.Masked : 0f));
    }

    [Test]
    public void SpansThatOverlap_ScoreInPart()
    {
        var metric = new SpanMetric();
        using var source = new TaskSource("test", [new TaskSample([10], [20, 21, 22], 0, 1, 2)], new SpecialPieces(0, 1, 2, 3, 40), 7, seed: null);
        Batch batch = source.CreateBatch(1);
        source.Read(batch);
        var logits = new float[14];
        logits[4] = 1f;
        logits[7 + 4] = 1f;

        metric.Add(batch, [logits]);

        Assert.That(metric.Result().Main.Value, Is.EqualTo(2.0 / 3).Within(1e-12));
        Assert.That(metric.Result().Details[0].Value, Is.Zero);
    }

    private string Write(string[] lines)
    {
        string path = Path.Combine(_folder, "samples.tsv");
        File.WriteAllLines(path, lines);
        return path;
    }
}
