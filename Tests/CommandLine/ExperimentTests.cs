using System.Text;
using System.Text.Json;
using NUnit.Framework;

namespace RduEmu.Tests.CommandLine;

[TestFixture, NonParallelizable]
public sealed class ExperimentTests
{
    private static readonly byte[] PngSignature = [0x89, 0x50, 0x4E, 0x47];

    private string _folder = string.Empty;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    /// <summary>Ten tries: sums in RDU order never differ, racing threads always do.</summary>
    [Test]
    public void IndexAdd_RduOrderHasNoSpread_RacingThreadsDo()
    {
        for (int attempt = 0; attempt < 10; attempt++)
        {
            Cli result = Cli.Run("experiment", "index-add", "--json");
            JsonElement spread = result.Json.GetProperty("spread");

            Assert.That(result.Exit, Is.Zero, result.Error);
            Assert.That(spread.GetProperty("ordered").GetDouble(), Is.Zero);
            Assert.That(spread.GetProperty("racing").GetDouble(), Is.Positive);
            Assert.That(result.Json.GetProperty("runs")[0].GetProperty("racing").GetDouble(), Is.EqualTo(result.Json.GetProperty("runs")[0].GetProperty("ordered").GetDouble()).Within(1e-3).Percent);
        }
    }

    /// <summary>
    /// Eight RDUs, one sequence each: in RDU order no word moves. Whether sums as they arrive differ this time is up to the machine; that they
    /// do when the order differs is tested by itself.
    /// </summary>
    [Test]
    public void Drift_RduOrderHasNone_ArrivalHasLittle()
    {
        string plot = Path.Combine(_folder, "drift.svg");
        string[] drift =
        [
            "experiment", "drift", "--layers", "1", "--hidden", "16", "--vocabulary", "300", "--tokens", "8", "--steps", "4", "--batch", "8", "--repetitions", "2", "--words", "20", "--threads", "1",
            "--json",
        ];
        JsonElement ordered = Cli.Run([.. drift, "--ways", "rdu-order", "--plot", plot]).Json.GetProperty("ways")[0];
        Assert.That(ordered.GetProperty("results").GetInt32(), Is.EqualTo(1));
        Assert.That((ordered.GetProperty("driftedWords").GetInt32(), ordered.GetProperty("largestNorm").GetDouble()), Is.EqualTo((0, 0.0)));
        Assert.That(ordered.GetProperty("norms").GetArrayLength(), Is.EqualTo(20));
        Assert.That(File.ReadAllText(plot), Does.Contain("<svg"));

        JsonElement arrival = Cli.Run([.. drift, "--ways", "arrival"]).Json.GetProperty("ways")[0];
        Assert.That(arrival.GetProperty("largestNorm").GetDouble(), Is.LessThan(1e-3), "the order of a sum is no more than rounding");
        Assert.That(Cli.Run([.. drift, "--ways", "alphabetical"]).Error, Does.StartWith("RDU0202"));
    }

    [Test]
    public void Sweeps_HaveARowForEachValue_AndRepeat()
    {
        string plot = Path.Combine(_folder, "sweep.png");
        string[] batches = ["experiment", "small-batch", "--preset", "ml100k", "--batches", "16,64", "--samples", "640", "--json", "--plot", plot];
        JsonElement runs = Cli.Run(batches).Json.GetProperty("runs");
        Assert.That(runs.EnumerateArray().Select(run => (run.GetProperty("batchSamples").GetInt32(), run.GetProperty("steps").GetInt32())), Is.EqualTo(new[] { (16, 40), (64, 10) }).AsCollection);
        Assert.That(runs.EnumerateArray().Select(run => run.GetProperty("metric").GetProperty("value").GetDouble()), Is.All.InRange(0.3, 1.0));
        Assert.That(File.ReadAllBytes(plot).AsSpan().StartsWith(PngSignature));

        string[] widths = ["experiment", "embedding-dim", "--preset", "ml100k", "--widths", "2,4", "--samples", "640", "--threads", "1", "--json"];
        JsonElement once = Cli.Run(widths).Json.GetProperty("runs");
        JsonElement again = Cli.Run([.. widths, "--mode", "o0"]).Json.GetProperty("runs");
        static string[] Digests(JsonElement runs) => [.. runs.EnumerateArray().Select(run => run.GetProperty("weightsDigest").GetString()!)];
        Assert.That(Digests(once), Is.Unique.And.EqualTo(Digests(again)));
        Assert.That(Cli.Run("experiment", "small-batch", "--batches", "0").Error, Does.StartWith("RDU0201"));
    }

    /// <summary>A matrix that was stopped goes on: what is done is not repeated, and a result that was altered is found.</summary>
    [Test]
    public void Matrix_HasOneDigestForEachModel_AndGoesOn()
    {
        string record = Path.Combine(_folder, "matrix.json");
        string[] matrix = ["experiment", "matrix", "--models", "dlrm", "--sizes", "smallest", "--steps", "2", "--resume", record, "--json", "--sockets"];
        Cli first = Cli.Run([.. matrix, "1", "--devices", "host"]);
        Assert.That(first.Exit, Is.Zero, first.Error);
        Assert.That(first.Json.GetProperty("runs").GetArrayLength(), Is.EqualTo(2 * 2));

        Cli all = Cli.Run([.. matrix, "1,2"]);
        Assert.That(all.Exit, Is.Zero, all.Error);
        Assert.That(all.Json.GetProperty("passed").GetBoolean());
        Assert.That(all.Json.GetProperty("runs").GetArrayLength(), Is.EqualTo((2 * 2 * 2) + (2 * 2 * 2) + (2 * 2) + 2), "data, tensor and pipeline on the host, data and each of the others on the simulator");
        Assert.That(all.Error, Does.Contain("   5 of 22").And.Not.Contain("   4 of 22"));

        string digest = all.Json.GetProperty("runs")[21].GetProperty("weightsDigest").GetString()!;
        string text = File.ReadAllText(record);
        int last = text.LastIndexOf(digest, StringComparison.Ordinal) + digest.Length - 1;
        File.WriteAllText(record, $"{text[..last]}{(text[last] == '0' ? '1' : '0')}{text[(last + 1)..]}");
        Cli altered = Cli.Run([.. matrix, "1,2"]);
        Assert.That((altered.Exit, altered.Json.GetProperty("passed").GetBoolean()), Is.EqualTo((1, false)));

        Assert.That(Cli.Run("experiment", "matrix", "--steps", "3", "--resume", record).Error, Does.StartWith("RDU0201").And.Contain("one of 2 steps"));
        Assert.That(Cli.Run("experiment", "matrix", "--models", "gpt").Error, Does.StartWith("RDU0202"));
    }

    [TestCase("a.png")]
    [TestCase("a.svg")]
    public void Plots_AreWritten(string name)
    {
        string experiment = Path.Combine(_folder, $"x{name}");
        string training = Path.Combine(_folder, $"t{name}");
        Cli first = Cli.Run("experiment", "index-add", "--positions", "1000", "--plot", experiment);
        Cli second = Cli.Run("train", "dlrm", "--preset", "tiny", "--steps", "40", "--eval-every", "20", "--plot", training);

        Assert.That((first.Exit, second.Exit), Is.EqualTo((0, 0)), first.Error + second.Error);
        foreach (string path in new[] { experiment, training })
        {
            byte[] bytes = File.ReadAllBytes(path);
            bool isKind = name.EndsWith("png", StringComparison.Ordinal) ? bytes.AsSpan().StartsWith(PngSignature) : Encoding.UTF8.GetString(bytes).Contains("<svg", StringComparison.Ordinal);
            Assert.That(isKind, path);
        }
    }
}
