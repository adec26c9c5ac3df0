using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Optimizers;
using RduEmu.Emulator.Execution;
using RduEmu.Models.Dlrm;
using static RduEmu.Tests.Emulator.DlrmRun;

namespace RduEmu.Tests.Emulator;

/// <summary>Optimisers that keep a state: fused or not, every way of running them gives the interpreter's bits.</summary>
[TestFixture]
public sealed class CompiledOptimizerTests
{
    private static readonly OptimizerKind[] WithState = [OptimizerKind.Adagrad, OptimizerKind.RowWiseAdagrad];

    private static readonly DlrmConfiguration[] Configurations = CompiledDlrmTests.Configurations;

    [Test]
    public void TrainingOnTheHost_GivesTheInterpretersBits(
        [ValueSource(nameof(WithState))] OptimizerKind optimizer,
        [ValueSource(nameof(Configurations))] DlrmConfiguration configuration,
        [Values] CompileMode mode,
        [Values(1, 2, 3)] int threads,
        [Values(1, 70)] int batch)
    {
        Outcome expected = Train(
            configuration, batch, CompileMode.O0, program => new InterpreterExecutor(program), materialize: true, optimizer: optimizer);
        Outcome actual = Train(
            configuration, batch, mode,
            program =>
            {
                var host = new HostExecutor(program, threads);
                host.PoisonScratch(0xFF);
                return host;
            },
            materialize: false, threads, optimizer: optimizer);

        actual.MustEqual(expected);
    }

    [Test]
    public void TrainingOnTheSimulator_GivesTheInterpretersBits(
        [ValueSource(nameof(WithState))] OptimizerKind optimizer,
        [ValueSource(nameof(Configurations))] DlrmConfiguration configuration,
        [Values] CompileMode mode)
    {
        Outcome expected = Train(
            configuration, 40, CompileMode.O3, program => new InterpreterExecutor(program), materialize: true, optimizer: optimizer);
        Outcome actual = Train(
            configuration, 40, mode, program => new DeviceExecutor(program, "ilgpu"), materialize: true, optimizer: optimizer);

        actual.MustEqual(expected);
    }

    /// <summary>
    /// The bound of <see cref="CompiledDlrmTests.Training_FollowsTheFloat64Evaluator"/>. States begin at 0.1: from zero, the first
    /// step is the sign of the gradient, and a gradient that is zero but for rounding has any sign.
    /// </summary>
    [Test]
    public void Training_FollowsTheFloat64Evaluator(
        [ValueSource(nameof(WithState))] OptimizerKind optimizer, [ValueSource(nameof(Configurations))] DlrmConfiguration configuration)
    {
        const double bound = 200 * 3 * 2.0 / (1 << 24);
        const int batch = 64;
        const float firstState = 0.1f;
        Outcome actual = Train(
            configuration, batch, CompileMode.O3, program => new HostExecutor(program, 2), materialize: false, 2, optimizer: optimizer, firstState: firstState);
        (double[] predictions, double[][] parameters) = TrainInDouble(configuration, batch, optimizer, firstState);
        DlrmGraph model = DlrmGraph.BuildTrainingStep(configuration, batch, optimizer);

        Assert.That(actual.Parameters, Has.Length.EqualTo(2 * model.Parameters.Length));
        Assert.That(actual.Predictions.Select(x => (double)x), Is.EqualTo(predictions).AsCollection.Within(bound));
        for (int i = 0; i < parameters.Length; i++)
        {
            Assert.That(actual.Parameters[i].Select(x => (double)x), Is.EqualTo(parameters[i]).AsCollection.Within(bound), $"parameter or state {i}");
        }

        double moved = 0;
        for (int i = model.Parameters.Length; i < parameters.Length; i++)
        {
            moved = Math.Max(moved, parameters[i].Max() - firstState);
        }

        Assert.That(moved, Is.GreaterThan(100 * bound), "training must move the states by more than the bound");
    }

    [Test]
    public void ARun_AllocatesNothing([ValueSource(nameof(WithState))] OptimizerKind optimizer, [Values(1, 2)] int threads, [Values(1, 100)] int batch)
    {
        DlrmConfiguration configuration = Configurations[1];
        DlrmGraph model = DlrmGraph.BuildTrainingStep(configuration, batch, optimizer);
        CompiledProgram program = GraphCompiler.Compile(model.Graph, new CompileOptions(Workers: threads));
        using var executor = new HostExecutor(program, threads);
        Write(executor, model, configuration, batch, 0);
        executor.Load();

        GraphRun.MustAllocateNothing(executor);
    }

    [Test]
    public void States_AreOneForEachParameter_AndOneValuePerRowForRowWiseTables()
    {
        DlrmConfiguration configuration = Configurations[1];
        DlrmGraph adagrad = DlrmGraph.BuildTrainingStep(configuration, 4, OptimizerKind.Adagrad);
        DlrmGraph rowWise = DlrmGraph.BuildTrainingStep(configuration, 4, OptimizerKind.RowWiseAdagrad);

        Assert.That(DlrmGraph.BuildTrainingStep(configuration, 4).OptimizerStates, Is.Empty);
        Assert.That(
            adagrad.OptimizerStates.Select(id => adagrad.Graph[id].Type), Is.EqualTo(adagrad.Parameters.Select(id => adagrad.Graph[id].Type)).AsCollection);
        Assert.That(rowWise.OptimizerStates, Has.Length.EqualTo(rowWise.Parameters.Length));
        Assert.That(rowWise.Graph[rowWise.OptimizerStates[^1]].Type, Is.EqualTo(TensorType.Whole(configuration.TableRows[^1], 1)));
        Assert.That(rowWise.Graph[rowWise.OptimizerStates[0]].Type, Is.EqualTo(rowWise.Graph[rowWise.Parameters[0]].Type));
    }

    /// <summary>One stage for each table, one pipeline for each dense parameter with its state, no more sections than SGD takes.</summary>
    [Test]
    public void AStepWithState_IsOneStageOrOneChain([ValueSource(nameof(WithState))] OptimizerKind optimizer)
    {
        DlrmGraph training = DlrmGraph.BuildTrainingStep(DlrmPresets.Kaggle.WithTableRowsCap(10), 128, optimizer);

        IReadOnlyList<SectionPlan> plan = GraphCompiler.Plan(training.Graph, new CompileOptions());

        Assert.That(plan, Has.Count.EqualTo(2));
        PipelinePlan[] tables = [.. plan[1].Pipelines.Where(pipeline => pipeline.Stages[0] is ScatterUpdateStage)];
        PipelinePlan[] dense = [.. plan[1].Pipelines.Where(pipeline => pipeline.Stages[0] is SampleContractStage or SampleSumStage && pipeline.Stages.Count > 1)];
        Assert.That(tables, Has.Length.EqualTo(26).And.All.Property(nameof(PipelinePlan.Stages)).Count.EqualTo(1));
        Assert.That(dense, Has.Length.EqualTo(training.Parameters.Length - 26).And.All.Property(nameof(PipelinePlan.Stages)).Count.EqualTo(3));
    }
}
