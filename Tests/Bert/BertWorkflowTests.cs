using System.Text.Json;
using NUnit.Framework;
using RduEmu.Tests.CommandLine;

namespace RduEmu.Tests.Bert;

/// <summary>A BERT through the command line.</summary>
[TestFixture, NonParallelizable]
public sealed class BertWorkflowTests
{
    private static readonly string[] Small = ["--layers", "1", "--hidden", "32", "--vocabulary", "150", "--tokens", "16", "--batch", "8"];

    [Test]
    public void Training_IsTheSame_HoweverItIsRun()
    {
        string[] common = ["train", "bert", .. Small, "--steps", "4", "--json"];
        string expected = Digest(Cli.Run([.. common, "--threads", "1"]));

        Assert.Multiple(() =>
        {
            Assert.That(Digest(Cli.Run([.. common, "--threads", "2"])), Is.EqualTo(expected));
            Assert.That(Digest(Cli.Run([.. common, "--threads", "3", "--mode", "o0", "--tile", "3"])), Is.EqualTo(expected));
            Assert.That(Digest(Cli.Run([.. common, "--seed", "2"])), Is.Not.EqualTo(expected));
            Assert.That(Digest(Cli.Run([.. common, "--optimizer", "lamb"])), Is.Not.EqualTo(expected));
        });
    }

    /// <summary>Sequences in parts, one after the other or on RDUs, in both precisions: a sample draws by its own number.</summary>
    [Test]
    public void ABatchInParts_IsOneDigest([Values("fp32", "bf16")] string precision)
    {
        string[] common = ["train", "bert", "--preset", "mini", .. Small, "--steps", "3", "--precision", precision, "--json"];
        string expected = Digest(Cli.Run([.. common, "--threads", "1"]));

        Assert.Multiple(() =>
        {
            Assert.That(Digest(Cli.Run([.. common, "--accumulate", "4", "--threads", "1"])), Is.EqualTo(expected));
            Assert.That(Digest(Cli.Run([.. common, "--accumulate", "4", "--threads", "2"])), Is.EqualTo(expected));
            Assert.That(Digest(Cli.Run([.. common, "--sockets", "2", "--threads", "2"])), Is.EqualTo(expected));
        });
    }

    /// <summary>
    /// A word follows one of a few: the loss falls below that of the best guess without context (log of 144 words, 4.97) towards
    /// what the neighbours say.
    /// </summary>
    [Test]
    public void GeneratedText_IsLearned()
    {
        JsonElement result = Cli.Run(
            "train", "bert", "--layers", "1", "--hidden", "64", "--vocabulary", "150", "--tokens", "32", "--batch", "32", "--steps", "300", "--json").Json;

        Assert.That(result.GetProperty("metric").GetProperty("name").GetString(), Is.EqualTo("maskedLmLoss"));
        Assert.That(result.GetProperty("loss").GetProperty("first").GetDouble(), Is.EqualTo(Math.Log(150) + Math.Log(2)).Within(0.3));
        Assert.That(result.GetProperty("metric").GetProperty("value").GetDouble(), Is.LessThan(4));
    }

    [Test]
    public void Check_Passes([Values("fp32", "bf16")] string precision)
    {
        Cli check = Cli.Run(
            ["check", "bert", .. Small, "--precision", precision, "--runs", "1", "--threads", "1,2", "--devices", "host,ilgpu", "--batches", "1,3", "--steps", "1", "--samples", "4", "--json"]);

        Assert.That(check.Json.GetProperty("passed").GetBoolean(), Is.True);
        Assert.That(check.Json.GetProperty("runs").GetArrayLength(), Is.EqualTo(6));
    }

    [Test]
    public void Run_GivesADigest()
    {
        Cli run = Cli.Run(["run", "bert", .. Small, "--json"]);

        Assert.That(run.Exit, Is.Zero);
        Assert.That(run.Json.GetProperty("outputsDigest").GetString(), Does.StartWith("sha256:"));
    }

    [TestCase("RDU0202", "--preset", "huge")]
    [TestCase("RDU0202", "--optimizer", "sgd")]
    [TestCase("RDU0201", "--tokens", "7")]
    [TestCase("RDU0201", "--tokens", "513")]
    [TestCase("RDU0201", "--vocabulary", "5")]
    [TestCase("RDU0201", "--layers", "0")]
    [TestCase("RDU0101", "--data", "no such folder")]
    public void AFault_IsOneLine(string id, string option, string value)
    {
        Cli refused = Cli.Run("train", "bert", "--steps", "1", option, value);

        Assert.That(refused.Exit, Is.EqualTo(2));
        Assert.That(refused.Error.TrimEnd(), Does.StartWith(id).And.Not.Contain("\n"));
    }

    private static string Digest(Cli run) => run.Json.GetProperty("weightsDigest").GetString()!;
}
