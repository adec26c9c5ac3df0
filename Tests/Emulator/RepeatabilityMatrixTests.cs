using NUnit.Framework;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Checks;
using RduEmu.Emulator.Experiments;
using RduEmu.Emulator.Training.Sharded;

namespace RduEmu.Tests.Emulator;

/// <summary>One digest of the weights and one of the predictions, however many RDUs, threads, devices and sections.</summary>
[TestFixture]
public sealed class RepeatabilityMatrixTests
{
    private static readonly int[] AllSockets = [1, 2, 4, 8];
    private static readonly int[] AllThreads = [1, 2];
    private static readonly CompileMode[] AllModes = [CompileMode.O0, CompileMode.O3];
    private static readonly ParallelKind[] AllKinds = [ParallelKind.Data, ParallelKind.Tensor, ParallelKind.Pipeline, ParallelKind.Spatial];
    private static readonly string[] Models = ["dlrm", "bert", "unet"];

    /// <summary>Each number of RDUs, each number of threads and each mode; of the larger two models not in every combination.</summary>
    [TestCaseSource(nameof(Models))]
    public void SmallestModels_TwentySteps_OnTheHost(string model)
    {
        MatrixRow row = Row(model, "smallest") with { Devices = ["host"] };
        CheckVariant[] all = [.. RepeatabilityMatrix.Ways(row, [ParallelKind.Data], AllSockets, AllThreads, AllModes)];
        CheckVariant[] ways = model == "dlrm" ? all :
        [
            .. all.Where(way => (way.Sockets, way.Threads, way.Mode) is (1, 2, CompileMode.O0) or (2, 1, CompileMode.O0) or (4, 1, CompileMode.O3) or (8, 2, CompileMode.O3)),
        ];
        Assert.That(Results(row, ways, steps: 20), Has.Length.EqualTo(model == "dlrm" ? 16 : 4).And.All.EqualTo(Reference(row, steps: 20)));
    }

    /// <summary>RDUs that share the graph instead of the batch: each kind that the model has, on two RDUs, in one of the modes.</summary>
    [TestCaseSource(nameof(Models))]
    public void SmallestModels_TwentySteps_SharingTheGraph(string model)
    {
        MatrixRow row = Row(model, "smallest") with { Devices = ["host"] };
        CheckVariant[] ways =
        [
            .. RepeatabilityMatrix.Ways(row, AllKinds[1..], [2], AllThreads, AllModes).Where(way => (way.Threads, way.Mode) == (way.Parallel == ParallelKind.Tensor ? (2, CompileMode.O3) : (1, CompileMode.O0))),
        ];
        Assert.That(Results(row, ways, steps: 20), Has.Length.EqualTo(2).And.All.EqualTo(Reference(row, steps: 20)));
    }

    /// <summary>The simulator takes a hundred times as long: two steps on two RDUs.</summary>
    [TestCaseSource(nameof(Models)), Category("Slow"), Explicit("half a minute; the checks of each model compare host and simulator: dotnet test -c Release --filter TestCategory=Slow")]
    public void SmallestModels_OnTheSimulator(string model)
    {
        MatrixRow row = Row(model, "smallest") with { Devices = ["ilgpu"] };
        Assert.That(Results(row, RepeatabilityMatrix.Ways(row, [ParallelKind.Data], [2], [1], [CompileMode.O3]), steps: 2), Has.Length.EqualTo(1).And.All.EqualTo(Reference(row, steps: 2)));
    }

    [TestCaseSource(nameof(Models)), Category("Slow"), Explicit("minutes: the whole matrix, also as rduemu experiment matrix")]
    public void WholeMatrix(string model)
    {
        foreach (MatrixRow row in RepeatabilityMatrix.Rows.Where(row => row.Model == model))
        {
            Assert.That(Results(row, RepeatabilityMatrix.Ways(row, AllKinds, AllSockets, AllThreads, AllModes), steps: 20), Is.All.EqualTo(Reference(row, steps: 20)), row.Size);
        }
    }

    private static MatrixRow Row(string model, string size) => RepeatabilityMatrix.Rows.Single(row => row.Model == model && row.Size == size);

    private static (string Weights, string Outputs) Reference(MatrixRow row, int steps) =>
        Results(row, [RepeatabilityMatrix.Reference], steps)[0];

    private static (string Weights, string Outputs)[] Results(MatrixRow row, IEnumerable<CheckVariant> ways, int steps)
    {
        ModelCheck check = RepeatabilityMatrix.Check(row, steps);
        return [.. ways.Select(way => check.Run(way, CancellationToken.None)).Select(result => (result.WeightsDigest, result.OutputsDigest))];
    }
}
