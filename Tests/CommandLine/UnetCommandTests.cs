using NUnit.Framework;

namespace RduEmu.Tests.CommandLine;

/// <summary><c>rduemu train unet</c> and <c>check unet</c> as their user.</summary>
[TestFixture]
public sealed class UnetCommandTests
{
    private static readonly string[] Small = ["--features", "2", "--image", "16", "--seed", "3"];

    private static readonly string[] Threads = ["1", "1", "2"];

    [Test]
    public void TrainTwice_AndWithOtherThreads_IsOneDigest()
    {
        string[] digests =
        [
            .. Threads.Select(threads =>
            {
                Cli cli = Cli.Run(["train", "unet", .. Small, "--steps", "3", "--threads", threads, "--json"]);
                Assert.That(cli.Exit, Is.Zero, cli.Error);
                return cli.Json.GetProperty("weightsDigest").GetString()!;
            }),
        ];

        Assert.That(digests.Distinct(), Has.Exactly(1).Items);
    }

    /// <summary>The weights of borders are data: one digest with them, another without, the same over threads, parts, RDUs and tiles of images.</summary>
    [Test]
    public void BorderWeights_AreOneDigest_HoweverItIsRun()
    {
        string[] common = ["train", "unet", "--preset", "milesial", "--features", "2", "--image", "32", "--batch", "2", "--steps", "2", "--json"];
        string[] weighted = [.. common, "--loss", "border-cross-entropy"];
        string expected = Digest([.. weighted, "--threads", "1"]);

        Assert.Multiple(() =>
        {
            Assert.That(Digest([.. weighted, "--threads", "2", "--accumulate", "2"]), Is.EqualTo(expected));
            Assert.That(Digest([.. weighted, "--sockets", "2", "--parallel", "spatial"]), Is.EqualTo(expected));
            Assert.That(Digest([.. common, "--loss", "cross-entropy"]), Is.Not.EqualTo(expected));
        });
    }

    [TestCase("sn10", "border-cross-entropy")]
    [TestCase("keras", "cross-entropy-dice")]
    [TestCase("paper", "dice-bce")]
    public void ALossOfOtherClasses_IsOneLine(string preset, string loss)
    {
        Cli cli = Cli.Run("train", "unet", "--preset", preset, "--features", "1", "--image", preset == "paper" ? "188" : "16", "--loss", loss, "--steps", "1");

        Assert.That(cli.Exit, Is.EqualTo(2));
        Assert.That(cli.Error.Trim(), Does.StartWith("RDU0201").And.Contain("--loss").And.Not.Contain("\n"));
    }

    /// <summary>Statistics of a batch are those of the whole, however it is cut.</summary>
    [Test]
    public void ABatchInParts_IsOneDigest([Values("--accumulate", "--sockets")] string option)
    {
        string[] common = ["train", "unet", .. Small, "--batch", "4", "--steps", "2", "--threads", "1", "--json"];
        Cli whole = Cli.Run(common);
        Cli cut = Cli.Run([.. common, option, "2"]);

        Assert.That(whole.Exit + cut.Exit, Is.Zero, whole.Error + cut.Error);
        Assert.That(cut.Json.GetProperty("weightsDigest").GetString(), Is.EqualTo(whole.Json.GetProperty("weightsDigest").GetString()));
    }

    /// <summary>Computed again for the gradients: the digest without; what memory is for is said.</summary>
    [Test]
    public void Recomputation_IsOneDigest()
    {
        string[] common = ["train", "unet", .. Small, "--steps", "2", "--precision", "bf16", "--json"];
        Cli kept = Cli.Run(common);
        Cli again = Cli.Run([.. common, "--recompute", "all", "--threads", "1"]);

        Assert.That(kept.Exit + again.Exit, Is.Zero, kept.Error + again.Error);
        Assert.That(again.Json.GetProperty("weightsDigest").GetString(), Is.EqualTo(kept.Json.GetProperty("weightsDigest").GetString()));
        long floor = kept.Json.GetProperty("floor").GetProperty("bytes").GetInt64();
        Assert.That(floor, Is.Positive.And.LessThanOrEqualTo(kept.Json.GetProperty("peakArenaBytes").GetInt64()));
        Assert.That(again.Json.GetProperty("floor").GetProperty("liveBytes").GetInt64(), Is.LessThan(kept.Json.GetProperty("floor").GetProperty("liveBytes").GetInt64()));
    }

    [TestCase("host,ilgpu", "fp32")]
    [TestCase("host,ilgpu", "bf16")]
    public void TheSameBits_OnHostAndSimulator(string devices, string precision)
    {
        Cli cli = Cli.Run(
            ["check", "unet", .. Small, "--precision", precision, "--runs", "1", "--threads", "1,2", "--devices", devices, "--batches", "2", "--steps", "1", "--samples", "2", "--json"]);

        Assert.That(cli.Exit, Is.Zero, cli.Out + cli.Error);
        Assert.That(cli.Json.GetProperty("passed").GetBoolean(), Is.True);
    }

    [TestCase("RDU0202", "--preset", "none")]
    [TestCase("RDU0202", "--loss", "hinge")]
    [TestCase("RDU0202", "--augment", "much")]
    [TestCase("RDU0202", "--recompute", "encoder9")]
    [TestCase("RDU0201", "--precision", "fp8")]
    [TestCase("RDU0201", "--image", "100")]
    [TestCase("RDU0201", "--channels", "2")]
    [TestCase("RDU0201", "--features", "0")]
    [TestCase("RDU0101", "--data", "/nowhere")]
    public void AFault_IsOneLineWithItsId(string id, string option, string value)
    {
        Cli cli = Cli.Run("train", "unet", option, value, "--steps", "1");

        Assert.That(cli.Exit, Is.EqualTo(2));
        Assert.That(cli.Error.Trim().Split('\n'), Has.Length.EqualTo(1));
        Assert.That(cli.Error, Does.Contain(id));
    }

    private static string Digest(string[] args)
    {
        Cli cli = Cli.Run(args);
        Assert.That(cli.Exit, Is.Zero, cli.Error);
        return cli.Json.GetProperty("weightsDigest").GetString()!;
    }
}
