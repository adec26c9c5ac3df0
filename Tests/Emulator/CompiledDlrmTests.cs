using NUnit.Framework;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;
using RduEmu.Models.Dlrm;
using static RduEmu.Tests.Emulator.DlrmRun;

namespace RduEmu.Tests.Emulator;

/// <summary>Whole models, from the graph to the arena: every way of running one gives the interpreter's bits.</summary>
[TestFixture]
public sealed class CompiledDlrmTests
{
    public static readonly DlrmConfiguration[] Configurations =
    [
        DlrmPresets.Tiny,
        Small("dot", Interaction.Dot, LossKind.BinaryCrossEntropyWithLogits, hotness: 1),
        Small("cat", Interaction.Cat, LossKind.BinaryCrossEntropyWithLogits, hotness: 2),
    ];

    [Test]
    public void TrainingOnTheHost_GivesTheInterpretersBits(
        [ValueSource(nameof(Configurations))] DlrmConfiguration configuration,
        [Values] CompileMode mode,
        [Values(1, 2, 3)] int threads,
        [Values(1, 33, 100)] int batch)
    {
        Outcome expected = Train(configuration, batch, CompileMode.O0, program => new InterpreterExecutor(program), materialize: true);
        Outcome actual = Train(
            configuration, batch, mode,
            program =>
            {
                var host = new HostExecutor(program, threads);
                host.PoisonScratch(0xFF);
                return host;
            },
            materialize: false, threads);

        actual.MustEqual(expected);
    }

    [Test]
    public void TileSizes_DoNotChangeBits([ValueSource(nameof(Configurations))] DlrmConfiguration configuration, [Values(1, 5, 12, 32, 64)] int tile)
    {
        Outcome expected = Train(configuration, 70, CompileMode.O3, program => new InterpreterExecutor(program), materialize: true);
        Outcome actual = Train(configuration, 70, CompileMode.O3, program => new HostExecutor(program, 2), materialize: false, 2, tile);

        actual.MustEqual(expected);
    }

    [Test]
    public void TrainingOnTheSimulator_GivesTheInterpretersBits([ValueSource(nameof(Configurations))] DlrmConfiguration configuration, [Values] CompileMode mode)
    {
        Outcome expected = Train(configuration, 40, CompileMode.O3, program => new InterpreterExecutor(program), materialize: true);
        Outcome actual = Train(configuration, 40, mode, program => new DeviceExecutor(program, "ilgpu"), materialize: true);

        actual.MustEqual(expected);
    }

    /// <summary>
    /// Each operation errs by half a unit in the last place; along the longest path of a sample some 200 sums follow each other,
    /// in three steps and back again: 2^-24 · 200 · 3 · 2 = 7e-5 of the largest term, which is near 1.
    /// </summary>
    [Test]
    public void Training_FollowsTheFloat64Evaluator([ValueSource(nameof(Configurations))] DlrmConfiguration configuration)
    {
        const double bound = 200 * 3 * 2.0 / (1 << 24);
        const int batch = 64;
        Outcome actual = Train(configuration, batch, CompileMode.O3, program => new HostExecutor(program, 2), materialize: false, 2);
        (double[] predictions, double[][] parameters) = TrainInDouble(configuration, batch);
        DlrmGraph model = DlrmGraph.BuildTrainingStep(configuration, batch);

        Assert.That(actual.Predictions.Select(x => (double)x), Is.EqualTo(predictions).AsCollection.Within(bound));
        double moved = 0;
        for (int i = 0; i < model.Parameters.Length; i++)
        {
            Assert.That(actual.Parameters[i].Select(x => (double)x), Is.EqualTo(parameters[i]).AsCollection.Within(bound), model.Graph[model.Parameters[i]].Name);
            moved = Math.Max(moved, Initial(model, i).Zip(parameters[i], (before, after) => Math.Abs(before - after)).Max());
        }

        Assert.That(moved, Is.GreaterThan(100 * bound), "training must move the parameters by more than the bound");
    }

    [Test]
    public void Inference_OfASampleAloneOrInABatch_IsTheSame([ValueSource(nameof(Configurations))] DlrmConfiguration configuration, [Values(1, 7)] int batch, [Values(1, 2)] int threads)
    {
        const int all = 28;
        float[] together = Infer(configuration, all, 0, all, program => new InterpreterExecutor(program), materialize: true);
        for (int first = 0; first < all; first += batch)
        {
            float[] alone = Infer(configuration, all, first, batch, program => new HostExecutor(program, threads), materialize: false, threads);
            Assert.That(Bits(alone), Is.EqualTo(Bits(together[first..(first + batch)])).AsCollection);
        }
    }

    [Test]
    public void ARun_AllocatesNothing([Values(1, 2)] int threads, [Values(1, 100)] int batch)
    {
        DlrmConfiguration configuration = Configurations[1];
        DlrmGraph model = DlrmGraph.BuildTrainingStep(configuration, batch);
        CompiledProgram program = GraphCompiler.Compile(model.Graph, new CompileOptions(Workers: threads));
        using var executor = new HostExecutor(program, threads);
        Write(executor, model, configuration, batch, 0);
        executor.Load();

        GraphRun.MustAllocateNothing(executor);
    }

    [Test]
    public void AWholeModelInO3_IsAFewSections()
    {
        DlrmGraph inference = DlrmGraph.BuildInference(DlrmPresets.Kaggle.WithTableRowsCap(10), 128);
        DlrmGraph training = DlrmGraph.BuildTrainingStep(DlrmPresets.Kaggle.WithTableRowsCap(10), 128);

        Assert.That(GraphCompiler.Plan(inference.Graph, new CompileOptions()), Has.Count.EqualTo(1));
        Assert.That(GraphCompiler.Plan(training.Graph, new CompileOptions()), Has.Count.EqualTo(2));
        Assert.That(GraphCompiler.Plan(training.Graph, new CompileOptions(CompileMode.O0)), Has.Count.GreaterThan(60));
    }
}
