using NUnit.Framework;
using RduEmu.Emulator.Robustness;
using RduEmu.Kernels.Errors;
using RduEmu.Tests.CommandLine;

namespace RduEmu.Tests.Onnx;

/// <summary>Broken models never do worse than one error line. The long run: <c>rduemu fuzz DIR --runs 1000000</c>.</summary>
internal sealed class ImportFuzzerTests
{
    private string _folder = string.Empty;

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("rduemu").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void BrokenCases_AreRefused()
    {
        string[] files = [.. Directory.EnumerateFiles(RealData.Require("onnx", "node"), "*.onnx", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        Try(files, seed: 11, runs: 1500);
    }

    [Test]
    public void BrokenNetworks_AreRefused() =>
        Try([RealData.Require("onnx", "models", "misc", "mnist.onnx"), RealData.Require("onnx", "models", "dlrm", "dlrm_s_pytorch.onnx")], seed: 12, runs: 200);

    [Test]
    public void TheSameNumber_IsTheSameModel()
    {
        string path = Model("Relu");
        var first = new FuzzModels([path], 3);
        var second = new FuzzModels([path], 3);
        var other = new FuzzModels([path], 4);
        byte[][] models = [.. Enumerable.Range(0, 50).Select(run => first.Make(run).Model)];
        Assert.That(Enumerable.Range(0, 50).Reverse().Select(run => second.Make(run).Model).Reverse(), Is.EqualTo(models));
        Assert.That(Enumerable.Range(0, 50).Select(run => other.Make(run).Model), Is.Not.EqualTo(models));
    }

    [Test]
    public void TheCommand_ReportsNoFinding()
    {
        Model("Softmax");
        Cli cli = Cli.Run("fuzz", _folder, "--runs", "100", "--json");
        Assert.That(cli.Exit, Is.Zero, cli.Error);
        Assert.That(cli.Json.GetProperty("runs").GetInt64(), Is.EqualTo(100));
        Assert.That(cli.Json.GetProperty("findings").GetArrayLength(), Is.Zero);
    }

    /// <summary>What goes wrong in a worker is found, with its number, and the runs behind it are made all the same.</summary>
    [TestCase("hang", "without an end")]
    [TestCase("crash", "the process ended")]
    [TestCase("memory", "bytes of memory")]
    [TestCase("fault", "injected")]
    public void WhatGoesWrong_IsFound(string kind, string what)
    {
        Model("Relu");
        Cli cli = Cli.Run("fuzz", _folder, "--runs", "12", "--inject", $"{kind}:7", "--json");
        Assert.That(cli.Exit, Is.EqualTo((int)ExitCode.CheckFailed), cli.Error);
        Assert.That(cli.Json.GetProperty("runs").GetInt64(), Is.EqualTo(12));
        Assert.That(cli.Json.GetProperty("findings").EnumerateArray().Select(finding => finding.GetProperty("run").GetInt64()), Is.EqualTo([7L]));
        Assert.That(cli.Json.GetProperty("findings")[0].GetProperty("what").GetString(), Does.Contain(what));
    }

    /// <summary>What was seen until then, and the number to go on with.</summary>
    [Test]
    public async Task WhatIsStopped_TellsHowFarItCame()
    {
        string path = Model("Relu");
        const int first = 5;
        const int enough = 20;
        using var source = new CancellationTokenSource();
        FuzzReport report = await new FuzzDriver(_folder, [path], seed: 1).RunAsync(
            1_000_000_000,
            done =>
            {
                if (done >= enough)
                {
                    source.Cancel();
                }
            },
            first,
            source.Token).ConfigureAwait(false);
        Assert.That(report.Runs, Is.InRange(enough, 1_000_000));
        Assert.That(report.Next, Is.EqualTo(first + report.Runs));
        Assert.That(report.Findings, Is.Empty);
    }

    [Test]
    public void AWrongInjection_IsRefused()
    {
        Model("Relu");
        Cli cli = Cli.Run("fuzz", _folder, "--inject", "explode:7");
        Assert.That(cli.Exit, Is.EqualTo((int)ExitCode.BadInput));
        Assert.That(cli.Error, Does.Contain("RDU0201"));
    }

    private string Model(string opType)
    {
        string path = Path.Combine(_folder, "model.onnx");
        File.WriteAllBytes(path, OnnxModels.OfOne(opType).ToBytes());
        return path;
    }

    private static void Try(string[] files, int seed, int runs)
    {
        var models = new FuzzModels(files, seed);
        var outcomes = new Dictionary<string, int>();
        for (int run = 0; run < runs; run++)
        {
            (string file, byte[] model) = models.Make(run);
            (string code, string? fault) = ImportTrial.Try(model);
            Assert.That(fault, Is.Null, $"run {run} of {file}");
            outcomes[code] = outcomes.GetValueOrDefault(code) + 1;
        }

        TestContext.Out.WriteLine(string.Join(", ", outcomes.Select(pair => $"{pair.Key} {pair.Value}")));
        Assert.That(outcomes, Does.ContainKey(ImportTrial.Accepted), "some models are still whole");
        Assert.That(outcomes, Has.Count.GreaterThan(2), "and others are broken in several ways");
    }
}
