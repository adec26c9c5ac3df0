using System.Text;
using NUnit.Framework;
using RduEmu.Tests.CommandLine;

namespace RduEmu.Tests.Training;

/// <summary>A training that goes on from its checkpoint ends with the bits of the one that was never stopped.</summary>
[TestFixture, NonParallelizable]
public sealed class CheckpointTests
{
    private static readonly string[] Training =
        ["train", "dlrm", "--preset", "ml100k", "--batch", "100", "--optimizer", "adagrad", "--decay-start-step", "10", "--decay-steps", "30", "--json"];

    private string _folder = string.Empty;

    private string Checkpoint => Path.Combine(_folder, "checkpoint.safetensors");

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void ResumedTraining_HasTheBitsOfTheWhole()
    {
        string[] measured = [.. Training, "--eval-every", "6", "--plateau", "1", "--checkpoint", _folder];
        Cli whole = Cli.Run([.. measured[..^2], "--steps", "30", "--receipt", Path.Combine(_folder, "whole.json")]);
        Cli begun = Cli.Run([.. measured, "--steps", "13", "--checkpoint-every", "5"]);
        Cli resumed = Cli.Run([.. measured, "--steps", "30", "--resume", "--threads", "1", "--mode", "o0", "--receipt", Path.Combine(_folder, "resumed.json")]);

        Assert.That((whole.Exit, begun.Exit, resumed.Exit), Is.EqualTo((0, 0, 0)), whole.Error + begun.Error + resumed.Error);
        Assert.That(resumed.Error, Does.Contain("after step 13"));
        foreach (string name in new[] { "weightsDigest", "losses", "loss", "measured", "metric", "steps" })
        {
            Assert.That(resumed.Json.GetProperty(name).GetRawText(), Is.EqualTo(whole.Json.GetProperty(name).GetRawText()), name);
        }

        Assert.That(DataDigest("resumed.json"), Is.EqualTo(DataDigest("whole.json")));
        Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(3));
    }

    /// <summary>Data in memory are shuffled anew in each epoch: the resumed run must be in the right one, at the right place.</summary>
    [Test]
    public void ResumedTraining_FindsItsPlaceInTheData()
    {
        string[] common = ["train", "dlrm", "--preset", "ml100k", "--data", RealData.Require("data", "ml100k"), "--batch", "20000", "--json"];
        string whole = Digest(Cli.Run([.. common, "--steps", "10"]));
        Cli.Run([.. common, "--steps", "7", "--checkpoint", _folder]);

        Assert.That(Digest(Cli.Run([.. common, "--steps", "10", "--checkpoint", _folder, "--resume"])), Is.EqualTo(whole));
    }

    [Test]
    public void CheckpointThatIsTruncatedOrAltered_IsRefused()
    {
        string[] common = [.. Training, "--checkpoint", _folder, "--steps", "3"];
        Cli.Run(common);
        byte[] good = File.ReadAllBytes(Checkpoint);
        foreach (int bytes in new[] { 0, 5, 100, good.Length - 1 })
        {
            File.WriteAllBytes(Checkpoint, good[..bytes]);
            MustRefuse(Cli.Run([.. common, "--resume"]), "RDU0131");
        }

        foreach (int at in new[] { good.Length - 1, good.Length / 2, Encoding.Latin1.GetString(good).IndexOf("batchInEpoch", StringComparison.Ordinal) + "batchInEpoch\\u0022:".Length })
        {
            byte[] bad = [.. good];
            bad[at] ^= 1;
            File.WriteAllBytes(Checkpoint, bad);
            MustRefuse(Cli.Run([.. common, "--resume"]), "RDU0131");
        }

        File.WriteAllBytes(Checkpoint, good);
        Assert.That(Cli.Run([.. common, "--resume"]).Exit, Is.Zero);
    }

    [TestCase("--seed", "2")]
    [TestCase("--learning-rate", "0.5")]
    [TestCase("--preset", "tiny")]
    public void CheckpointOfAnotherRun_IsRefused(string option, string value)
    {
        string[] common = ["train", "dlrm", "--optimizer", "adagrad", "--steps", "3", "--checkpoint", _folder];
        Cli.Run([.. common, "--preset", "ml100k"]);

        MustRefuse(Cli.Run([.. common, "--resume", option, value, .. option == "--preset" ? Array.Empty<string>() : ["--preset", "ml100k"]]), "RDU0133");
    }

    [Test]
    public void Weights_AreTakenFromAFile()
    {
        string digest = Digest(Cli.Run([.. Training, "--steps", "5", "--checkpoint", _folder]));
        string[] fromFile = ["--preset", "ml100k", "--weights", Checkpoint, "--json"];
        Cli run = Cli.Run(["run", "dlrm", "--steps", "2", .. fromFile]);
        Cli other = Cli.Run("run", "dlrm", "--steps", "2", "--preset", "ml100k", "--json");

        Assert.That(run.Exit, Is.Zero, run.Error);
        Assert.That(run.Json.GetProperty("outputsDigest").GetString(), Is.Not.EqualTo(other.Json.GetProperty("outputsDigest").GetString()));
        Assert.That(Digest(Cli.Run(["train", "dlrm", "--steps", "1", "--learning-rate", "0", .. fromFile])), Is.EqualTo(digest));
        MustRefuse(Cli.Run("run", "dlrm", "--preset", "tiny", "--weights", Checkpoint), "RDU0132");
        MustRefuse(Cli.Run("run", "dlrm", "--preset", "tiny", "--weights", Path.Combine(_folder, "no-such-file")), "RDU0101");
    }

    private static void MustRefuse(Cli result, string id)
    {
        Assert.That((result.Exit, result.Error[..7]), Is.EqualTo((2, id)), result.Error);
        Assert.That(result.Error.TrimEnd().Split('\n'), Has.Length.EqualTo(1), result.Error);
        Assert.That(result.Out, Is.Empty);
    }

    private static string Digest(Cli result)
    {
        Assert.That(result.Exit, Is.Zero, result.Error);
        return result.Json.GetProperty("weightsDigest").GetString()!;
    }

    private string DataDigest(string receipt)
    {
        using var document = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_folder, receipt)));
        return document.RootElement.GetProperty("dataDigest").GetString()!;
    }
}
