using NUnit.Framework;
using RduEmu.Emulator.Conformance;
using RduEmu.Emulator.Execution;

namespace RduEmu.Tests.Onnx;

/// <summary>The outside suites: ONNX's own backend cases, of which every one passes or has a reason.</summary>
internal sealed class ConformanceTests
{
    /// <summary>ONNX Runtime 1.31 on a CPU passes 750 of the 931 node cases.</summary>
    private const double LeastShare = 0.81;

    /// <summary>
    /// Cases whose recorded output is further from the exact one than the tolerance allows: the noise of a transform in float32,
    /// 2e-7, where the exact element is 0.
    /// </summary>
    private static readonly string[] RecordedInexactly = ["test_dft_inverse"];

    [Test]
    public void NodeCases()
    {
        ConformanceReport[] reports = Run(new ExecutionTarget("host", 2), 1, "onnx", "node");
        int passed = reports.Count(report => report.Result == ConformanceResult.Passed);
        string[] families = [.. reports.Where(report => report.Result == ConformanceResult.OutOfScope).GroupBy(report => report.Family).Select(family => $"{family.Count()} {family.Key}")];
        TestContext.Out.WriteLine($"{passed} of {reports.Length}; out of scope: {string.Join("; ", families)}");
        Assert.That(passed, Is.GreaterThanOrEqualTo(LeastShare * reports.Length));
    }

    /// <summary>Every ninth case on the simulator: the same outputs within the same tolerance.</summary>
    [Test]
    public void NodeCases_OnTheSimulator() => Run(new ExecutionTarget("ilgpu", 1), 9, "onnx", "node");

    [Test]
    public void ConvertedCases() => Run(new ExecutionTarget("host", 2), 1, "onnx", "pytorch-converted");

    private static ConformanceReport[] Run(ExecutionTarget target, int stride, params string[] folder)
    {
        IReadOnlyList<string> cases = ConformanceCase.Find(RealData.Require(folder));
        ConformanceReport[] reports = [.. cases.Where((_, i) => i % stride == 0).Select(path => ConformanceCase.Run(path, target))];
        string[] failed =
        [
            .. reports.Where(report => report.Result == ConformanceResult.Failed && !RecordedInexactly.Contains(report.Name)).Select(report => $"{report.Name}: {report.Reason}"),
        ];
        Assert.That(failed, Is.Empty);
        return reports;
    }
}
