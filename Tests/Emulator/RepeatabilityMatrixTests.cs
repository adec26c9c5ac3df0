using NUnit.Framework;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Checks;
using RduEmu.Emulator.Experiments;

namespace RduEmu.Tests.Emulator;

/// <summary>One digest of the weights and one of the predictions, however many RDUs, threads, devices and sections.</summary>
[TestFixture]
public sealed class RepeatabilityMatrixTests
{
    private static readonly int[] AllSockets = [1, 2, 4, 8];
    private static readonly int[] AllThreads = [1, 2];
    private static readonly CompileMode[] AllModes = [CompileMode.O0, CompileMode.O3];
    private static readonly string[] Models = ["dlrm", "bert", "unet"];

    /// <summary>Each number of RDUs, each number of threads and each mode; of the larger two models not in every combination.</summary>
    [TestCaseSource(nameof(Models))]
    public void SmallestModels_TwentySteps_OnTheHost(string model)
    {
        MatrixRow row = Row(model, "smallest") with { Devices = ["host"] };
        CheckVariant[] all = [.. RepeatabilityMatrix.Ways(row, AllSockets, AllThreads, AllModes)];
        CheckVariant[] ways = model == "dlrm" ? all :
        [
            .. all.Where(way => (way.Sockets, way.Threads, way.Mode) is (1, 2, CompileMode.O0) or (2, 1, CompileMode.O0) or (4, 1, CompileMode.O3) or (8, 2, CompileMode.O3)),
        ];
        Assert.That(Results(row, ways, steps: 20), Has.Length.EqualTo(model == "dlrm" ? 16 : 4).And.All.EqualTo(Reference(row, steps: 20)));
    }

    /// <summary>The simulator takes a hundred times as long: two steps on two RDUs.</summary>
    [TestCaseSource(nameof(Models))]
    public void SmallestModels_OnTheSimulator(string model)
    {
        MatrixRow row = Row(model, "smallest") with { Devices = ["ilgpu"] };
        Assert.That(Results(row, RepeatabilityMatrix.Ways(row, [2], [1], [CompileMode.O3]), steps: 2), Has.Length.EqualTo(1).And.All.EqualTo(Reference(row, steps: 2)));
    }

    [TestCaseSource(nameof(Models)), Category("Slow"), Explicit("minutes: the whole matrix, also as rduemu experiment matrix")]
    public void WholeMatrix(string model)
    {
        foreach (MatrixRow row in RepeatabilityMatrix.Rows.Where(row => row.Model == model))
        {
            Assert.That(Results(row, RepeatabilityMatrix.Ways(row, AllSockets, AllThreads, AllModes), steps: 20), Is.All.EqualTo(Reference(row, steps: 20)), row.Size);
        }
    }

    private static MatrixRow Row(string model, string size) => RepeatabilityMatrix.Rows.Single(row => row.Model == model && row.Size == size);

    private static (string Weights, string Outputs) Reference(MatrixRow row, int steps) =>
        Results(row, [new CheckVariant("host", 1, RepeatabilityMatrix.BatchSamples, CompileMode.O3, Run: 0)], steps)[0];

    private static (string Weights, string Outputs)[] Results(MatrixRow row, IEnumerable<CheckVariant> ways, int steps)
    {
        ModelCheck check = RepeatabilityMatrix.Check(row, steps);
        return [.. ways.Select(way => check.Run(way, CancellationToken.None)).Select(result => (result.WeightsDigest, result.OutputsDigest))];
    }
}
