using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;
using RduEmu.Tests.Compiler;

namespace RduEmu.Tests.CommandLine;

/// <summary>What users do, through the command line.</summary>
[TestFixture, NonParallelizable]
public sealed class WorkflowTests
{
    private string _folder = string.Empty;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    /// <summary>Three losses and all updated parameters of the reference implementation's example, to 1e-5.</summary>
    [Test]
    public void PublishedExample_IsReproduced()
    {
        string path = RealData.Require("data", "dlrm_golden", "golden.json");
        JsonElement result = Cli.Run("train", "dlrm", "--preset", "tiny", "--data", path, "--json").Json;
        (double[] losses, IReadOnlyDictionary<string, double[]> parameters) = GoldenExample.Train(path);

        Assert.That(Numbers(result.GetProperty("losses")), Is.EqualTo(GoldenExample.PublishedLosses(path)).AsCollection.Within(1e-5));
        Assert.That(Numbers(result.GetProperty("losses")), Is.EqualTo(losses).AsCollection.Within(1e-6));
        foreach ((string name, double[] expected) in parameters)
        {
            Assert.That(Numbers(result.GetProperty("parameters").GetProperty(name)), Is.EqualTo(expected).AsCollection.Within(1e-5), name);
        }
    }

    [Test]
    public void MovieLens_ReachesItsAuc()
    {
        string folder = RealData.Require("data", "ml100k");
        JsonElement result = Cli.Run("train", "dlrm", "--preset", "ml100k", "--data", folder, "--json").Json;

        Assert.That(result.GetProperty("metric").GetProperty("samples").GetInt32(), Is.EqualTo(20_000));
        Assert.That(result.GetProperty("metric").GetProperty("value").GetDouble(), Is.GreaterThan(0.775));
    }

    /// <summary>Samples are numbered by their places in the training, so that parts and RDUs draw as the whole does; another epoch draws anew.</summary>
    [Test]
    public void TrainingInBFloat16_IsTheSame_HoweverItIsRun()
    {
        string[] common = ["train", "dlrm", "--preset", "ml100k", "--steps", "12", "--batch", "96", "--json"];
        string[] rounded = [.. common, "--precision", "bf16"];
        string expected = Digest(Cli.Run([.. rounded, "--threads", "1"]));

        Assert.Multiple(() =>
        {
            Assert.That(Digest(Cli.Run([.. rounded, "--threads", "2", "--mode", "o0"])), Is.EqualTo(expected));
            Assert.That(Digest(Cli.Run([.. rounded, "--sockets", "2", "--accumulate", "2"])), Is.EqualTo(expected));
            Assert.That(Digest(Cli.Run([.. rounded, "--rounding", "nearest"])), Is.Not.EqualTo(expected));
            Assert.That(Digest(Cli.Run([.. common, "--threads", "1"])), Is.Not.EqualTo(expected));
        });
        Cli check = Cli.Run(
            "check", "dlrm", "--preset", "tiny", "--precision", "bf16", "--runs", "1", "--threads", "1,2", "--devices", "host,ilgpu", "--batches", "7", "--steps", "2", "--samples", "14", "--json");
        Assert.That(check.Exit, Is.Zero, check.Out + check.Error);
    }

    [Test]
    public void Training_IsTheSame_HoweverItIsRun()
    {
        string[] common = ["train", "dlrm", "--preset", "ml100k", "--steps", "20", "--batch", "100", "--json"];
        string expected = Digest(Cli.Run([.. common, "--threads", "1"]));
        string arena = Path.Combine(_folder, "arena");

        Assert.Multiple(() =>
        {
            Assert.That(Digest(Cli.Run([.. common, "--threads", "2"])), Is.EqualTo(expected));
            Assert.That(Digest(Cli.Run([.. common, "--threads", "3", "--mode", "o0"])), Is.EqualTo(expected));
            Assert.That(Digest(Cli.Run([.. common, "--threads", "2", "--mode", "o1", "--tile", "7"])), Is.EqualTo(expected));
            Assert.That(Digest(Cli.Run([.. common, "--threads", "2", "--arena-file", arena, "--memory-limit", "1000"])), Is.EqualTo(expected));
            Assert.That(Digest(Cli.Run([.. common, "--threads", "1", "--sockets", "2", "--accumulate", "2"])), Is.EqualTo(expected));
            Assert.That(Digest(Cli.Run([.. common, "--seed", "2"])), Is.Not.EqualTo(expected));
        });
    }

    /// <summary>The tables alone exceed the limit; mapped from a file they are no matter, and the bits are those of memory.</summary>
    [Test]
    public void TablesLargerThanTheMemory_RunFromAFile()
    {
        string[] common = ["train", "dlrm", "--preset", "kaggle", "--table-rows-cap", "30000", "--steps", "5", "--json", "--memory-limit", "15000000"];
        Cli refused = Cli.Run(common);
        Cli mapped = Cli.Run([.. common, "--arena-file", Path.Combine(_folder, "arena")]);

        Assert.That(refused.Exit, Is.EqualTo(2));
        Assert.That(refused.Error, Does.StartWith("RDU0303").And.Contain("15000000"));
        Assert.That(mapped.Json.GetProperty("peakArenaBytes").GetInt64(), Is.GreaterThan(15_000_000));
        Assert.That(Digest(mapped), Is.EqualTo(Digest(Cli.Run([.. common[..^2]]))));
    }

    /// <summary>With a rate of 0 nothing improves after the first measurement.</summary>
    [Test]
    public void Training_IsMeasuredOnTheWay_AndStopsEarly()
    {
        string[] common = ["train", "dlrm", "--preset", "ml100k", "--steps", "30", "--batch", "64", "--eval-every", "4", "--json"];
        JsonElement measured = Cli.Run(common).Json;
        JsonElement stopped = Cli.Run([.. common, "--patience", "2", "--learning-rate", "0"]).Json;

        Assert.That(measured.GetProperty("measured").EnumerateArray().Select(one => one.GetProperty("step").GetInt64()), Is.EqualTo(new long[] { 4, 8, 12, 16, 20, 24, 28 }).AsCollection);
        Assert.That(measured.GetProperty("stoppedEarly").GetBoolean(), Is.False);
        Assert.That(Digest(Cli.Run([.. common[..^3], "--json"])), Is.EqualTo(measured.GetProperty("weightsDigest").GetString()));
        Assert.That(stopped.GetProperty("steps").GetInt64(), Is.EqualTo(12));
        Assert.That(stopped.GetProperty("stoppedEarly").GetBoolean());
    }

    [Test]
    public void Receipts_OfTwoRuns_AreTheSameBytes([Values("train", "run")] string command)
    {
        string[] paths = [Path.Combine(_folder, "a.json"), Path.Combine(_folder, "b.json")];
        for (int i = 0; i < paths.Length; i++)
        {
            Cli result = Cli.Run(command, "dlrm", "--preset", "tiny", "--steps", "3", "--threads", $"{i + 1}", "--receipt", paths[i]);
            Assert.That(result.Exit, Is.Zero, result.Error);
        }

        byte[] receipt = File.ReadAllBytes(paths[0]);
        using JsonDocument document = JsonDocument.Parse(receipt);
        Assert.That(receipt, Is.EqualTo(File.ReadAllBytes(paths[1])).AsCollection);
        Assert.That(document.RootElement.GetProperty("contract").GetString(), Is.EqualTo("rdu-order/1"));
        Assert.That(document.RootElement.GetProperty("dataDigest").GetString(), Does.StartWith("sha256:"));
        Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(2));
    }

    [Test]
    public void Check_FindsOneDigestEverywhere()
    {
        Cli result = Cli.Run(
            "check", "dlrm", "--preset", "tiny", "--runs", "3", "--threads", "1,2", "--devices", "host,ilgpu", "--batches", "1,7,64", "--modes", "o0,o1,o3", "--json");
        JsonElement runs = result.Json.GetProperty("runs");

        Assert.That(result.Exit, Is.Zero, result.Error);
        Assert.That(result.Json.GetProperty("passed").GetBoolean());
        Assert.That(runs.GetArrayLength(), Is.EqualTo(3 * 3 * (2 + 1) * 3));
        Assert.That(runs.EnumerateArray().Select(run => run.GetProperty("weightsDigest").GetString()).Distinct().Count(), Is.EqualTo(1));
        Assert.That(runs.EnumerateArray().Select(run => run.GetProperty("outputsDigest").GetString()).Distinct().Count(), Is.EqualTo(1));
    }

    /// <summary>The groups of its sums over samples are single sequences, so that parts of any size are whole subtrees.</summary>
    [Test]
    public void Bert_IsTheSame_InPartsAndOnRdus()
    {
        string[] common = ["train", "bert", "--preset", "tiny", "--tokens", "16", "--layers", "1", "--hidden", "16", "--batch", "8", "--steps", "2", "--json"];
        string expected = Digest(Cli.Run(common));

        Assert.That(Digest(Cli.Run([.. common, "--accumulate", "4"])), Is.EqualTo(expected));
        Assert.That(Digest(Cli.Run([.. common, "--sockets", "8"])), Is.EqualTo(expected));
    }

    /// <summary>Over RDUs, threads, devices and modes.</summary>
    [Test]
    public void Check_FindsOneDigest_OnAnyNumberOfRdus()
    {
        string[] common = ["check", "dlrm", "--preset", "tiny", "--batch", "64", "--steps", "5", "--runs", "1", "--batches", "16", "--samples", "16", "--json"];
        Cli result = Cli.Run([.. common, "--sockets", "1,2,4,8", "--threads", "1,2", "--devices", "host", "--modes", "o0,o3"]);
        JsonElement runs = result.Json.GetProperty("runs");

        Assert.That(result.Exit, Is.Zero, result.Error);
        Assert.That(runs.GetArrayLength(), Is.EqualTo(4 * 2 * 2));
        Assert.That(Cli.Run([.. common, "--sockets", "2", "--devices", "ilgpu"]).Json.GetProperty("runs")[0].GetProperty("weightsDigest").GetString(), Is.EqualTo(runs[0].GetProperty("weightsDigest").GetString()));
        Assert.That(runs.EnumerateArray().Select(run => run.GetProperty("sockets").GetInt32()).Distinct().Count(), Is.EqualTo(4));
        Assert.That(runs.EnumerateArray().Select(run => run.GetProperty("weightsDigest").GetString()).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public void Check_Fails_AndNamesWhatWasInjected()
    {
        Cli result = Cli.Run(
            "check", "dlrm", "--preset", "tiny", "--runs", "2", "--devices", "host", "--batches", "7", "--tiles", "0,1", "--json", "--inject", "3:parameters_1:SgdStep_62:1:7");
        JsonElement first = result.Json.GetProperty("firstDifference");

        Assert.That(result.Exit, Is.EqualTo(1), result.Error);
        Assert.That(result.Json.GetProperty("passed").GetBoolean(), Is.False);
        Assert.That((first.GetProperty("step").GetInt32(), first.GetProperty("section").GetString(), first.GetProperty("stage").GetString(), first.GetProperty("element").GetInt32()), Is.EqualTo((3, "parameters_1", "SgdStep_62", 1)));
        Assert.That(first.GetProperty("ulps").GetInt64(), Is.EqualTo(128));
    }

    [TestCase("adagrad")]
    [TestCase("rowwise-adagrad")]
    public void Check_FindsOneDigest_WithEveryOptimizer(string optimizer)
    {
        string[] common = ["check", "dlrm", "--preset", "tiny", "--runs", "1", "--devices", "host,ilgpu", "--batches", "7", "--json"];
        Cli result = Cli.Run([.. common, "--optimizer", optimizer]);
        string? digest = result.Json.GetProperty("runs")[0].GetProperty("weightsDigest").GetString();

        Assert.That(result.Exit, Is.Zero, result.Error);
        Assert.That(digest, Is.Not.EqualTo(Cli.Run(common).Json.GetProperty("runs")[0].GetProperty("weightsDigest").GetString()));
    }

    [Test]
    public void Run_ScoresTheSame_InAnyBatch()
    {
        string[] common = ["run", "dlrm", "--preset", "ml100k", "--json"];
        string[] digests =
        [
            .. new[] { (1, 60), (4, 15), (20, 3), (60, 1) }.Select(split =>
                Cli.Run([.. common, "--batch", $"{split.Item1}", "--steps", $"{split.Item2}"]).Json.GetProperty("outputsDigest").GetString()!),
        ];

        Assert.That(digests.Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public void Null_ComputesNothing_AndSucceeds() => Assert.That(Cli.Run("run", "dlrm", "--preset", "tiny", "--device", "null", "--steps", "1").Exit, Is.Zero);

    /// <summary>In a process of its own, whose memory nothing else has filled: arena and 15%, and 150 MB for all the rest.</summary>
    [Test]
    public void Memory_IsTheArenaAndLittleElse()
    {
        (int exit, string written, _) = Process("train", "dlrm", "--steps", "5", "--json");
        using JsonDocument document = JsonDocument.Parse(written);
        double arenaBytes = document.RootElement.GetProperty("peakArenaBytes").GetInt64();

        Assert.That(exit, Is.Zero);
        Assert.That(document.RootElement.GetProperty("peakProcessBytes").GetInt64(), Is.InRange(arenaBytes, 1.15 * arenaBytes + 150e6));
    }

    [Test, Platform("Linux")]
    public void CtrlC_StopsCleanly()
    {
        using Process process = Start("train", "dlrm", "--preset", "tiny", "--steps", "1000000000", "--receipt", Path.Combine(_folder, "receipt.json"));
        string line = process.StandardOutput.ReadLine() ?? string.Empty;
        while (!line.Contains("parameters_", StringComparison.Ordinal) && !process.StandardOutput.EndOfStream)
        {
            line = process.StandardOutput.ReadLine() ?? string.Empty;
        }

        using Process kill = System.Diagnostics.Process.Start("kill", $"-INT {process.Id}");
        process.WaitForExit();

        Assert.That(process.ExitCode, Is.EqualTo(130), process.StandardError.ReadToEnd());
        Assert.That(Directory.GetFiles(_folder), Is.Empty);
    }

    private static (int Exit, string Out, string Error) Process(params string[] args)
    {
        using Process process = Start(args);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string written = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, written, errors.Result);
    }

    private static Process Start(params string[] args)
    {
        string program = Path.Combine(TestContext.CurrentContext.TestDirectory, "rduemu.dll");
        var start = new ProcessStartInfo("dotnet", [program, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        return System.Diagnostics.Process.Start(start)!;
    }

    private static string Digest(Cli result)
    {
        Assert.That(result.Exit, Is.Zero, result.Error);
        return result.Json.GetProperty("weightsDigest").GetString()!;
    }

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetDouble())];
}
