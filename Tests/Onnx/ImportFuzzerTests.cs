using NUnit.Framework;
using RduEmu.Emulator.Robustness;
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
        Check(new ImportFuzzer(files, seed: 11).Run(1000), 1000);
    }

    [Test]
    public void BrokenNetworks_AreRefused()
    {
        string[] files = [RealData.Require("onnx", "models", "misc", "mnist.onnx"), RealData.Require("onnx", "models", "dlrm", "dlrm_s_pytorch.onnx")];
        Check(new ImportFuzzer(files, seed: 12).Run(200), 200);
    }

    [Test]
    public void TheSameSeed_BreaksTheSameModels()
    {
        string path = Path.Combine(_folder, "model.onnx");
        File.WriteAllBytes(path, OnnxModels.OfOne("Relu").ToBytes());
        FuzzReport first = new ImportFuzzer([path], 3).Run(300);
        FuzzReport second = new ImportFuzzer([path], 3).Run(300);
        Assert.That(second.Refused, Is.EquivalentTo(first.Refused));
        Assert.That(first.Accepted, Is.GreaterThan(0).And.LessThan(300));
        Check(first, 300);
    }

    [Test]
    public void TheCommand_ReportsNoFinding()
    {
        File.WriteAllBytes(Path.Combine(_folder, "model.onnx"), OnnxModels.OfOne("Softmax").ToBytes());
        Cli cli = Cli.Run("fuzz", _folder, "--runs", "200", "--json");
        Assert.That(cli.Exit, Is.Zero, cli.Error);
        Assert.That(cli.Json.GetProperty("runs").GetInt64(), Is.EqualTo(200));
        Assert.That(cli.Json.GetProperty("findings").GetArrayLength(), Is.Zero);
    }

    private static void Check(FuzzReport report, long runs)
    {
        TestContext.Out.WriteLine($"{report.Accepted} compiled, slowest {report.SlowestMilliseconds} ms, at most {report.MostAllocatedBytes} bytes");
        Assert.That(report.Findings.Select(finding => $"run {finding.Run} of {finding.File}: {finding.What}"), Is.Empty);
        Assert.That(report.Runs, Is.EqualTo(runs));
        Assert.That(report.Accepted + report.Refused.Values.Sum(), Is.EqualTo(runs));
    }
}
