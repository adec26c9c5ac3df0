using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;
using RduEmu.Models.Dlrm;
using RduEmu.Tests.Compiler;

namespace RduEmu.Tests.Emulator;

/// <summary>Whole models, from the graph to the arena: every way of running one gives the interpreter's bits.</summary>
[TestFixture]
public sealed class CompiledDlrmTests
{
    private const int Steps = 3;

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
        DlrmGraph model = DlrmGraph.BuildTrainingStep(configuration, batch);
        var given = new Dictionary<string, double[]>();
        for (int i = 0; i < model.Parameters.Length; i++)
        {
            given[model.Graph[model.Parameters[i]].Name] = [.. Initial(model, i).Select(x => (double)x)];
        }

        double[] last = [];
        for (int step = 0; step < Steps; step++)
        {
            given["dense"] = [.. Floats(model.Graph[model.Dense].Type, step).Select(x => (double)x)];
            given["target"] = [.. Targets(batch, step).Select(x => (double)x)];
            given["rate"] = [Rate];
            for (int i = 0; i < model.Indices.Length; i++)
            {
                given[$"indices.{i}"] = [.. Indices(configuration, batch, i, step).Select(x => (double)x)];
            }

            double[][] values = DoubleEvaluator.Evaluate(model.Graph, given);
            foreach (Update update in model.Graph.Updates)
            {
                given[model.Graph[update.Parameter].Name] = values[update.Value.Index];
            }

            last = values[model.Graph.Outputs[0].Index];
        }

        Assert.That(actual.Predictions.Select(x => (double)x), Is.EqualTo(last).AsCollection.Within(bound));
        double moved = 0;
        for (int i = 0; i < model.Parameters.Length; i++)
        {
            double[] expected = given[model.Graph[model.Parameters[i]].Name];
            Assert.That(actual.Parameters[i].Select(x => (double)x), Is.EqualTo(expected).AsCollection.Within(bound), model.Graph[model.Parameters[i]].Name);
            moved = Math.Max(moved, Initial(model, i).Zip(expected, (before, after) => Math.Abs(before - after)).Max());
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
        executor.Run();
        executor.Run();

        // Bytes of the whole process, in which the runtime's own threads have some now and then: the smallest object in every
        // run would be 24 bytes a run.
        const int runs = 100;
        const int smallestObjectBytes = 24;
        long least = long.MaxValue;
        for (int attempt = 0; attempt < 5; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < runs; i++)
            {
                executor.Run();
            }

            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        Assert.That(least, Is.LessThan(smallestObjectBytes * runs), "bytes in a hundred runs");
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

    private const float Rate = 0.1f;

    private static DlrmConfiguration Small(string name, Interaction interaction, LossKind loss, int hotness) =>
        new(name, [5, 37, 16], [29, 1], [50, 3, 17], hotness, interaction, loss, BatchSamples: 64, Rate);

    private sealed record Outcome(float[] Predictions, float[] Losses, float[][] Parameters)
    {
        public void MustEqual(Outcome expected)
        {
            Assert.That(Bits(Predictions), Is.EqualTo(Bits(expected.Predictions)).AsCollection, "predictions");
            Assert.That(Bits(Losses), Is.EqualTo(Bits(expected.Losses)).AsCollection, "losses");
            for (int i = 0; i < Parameters.Length; i++)
            {
                Assert.That(Bits(Parameters[i]), Is.EqualTo(Bits(expected.Parameters[i])).AsCollection, $"parameter {i}");
            }
        }
    }

    private static Outcome Train(
        DlrmConfiguration configuration, int batch, CompileMode mode, Func<CompiledProgram, Executor> create, bool materialize, int workers = 1, int tile = 0)
    {
        DlrmGraph model = DlrmGraph.BuildTrainingStep(configuration, batch);
        CompiledProgram program = GraphCompiler.Compile(model.Graph, new CompileOptions(mode, workers, materialize, tile));
        using Executor executor = create(program);
        for (int i = 0; i < model.Parameters.Length; i++)
        {
            executor.Write(model.Parameters[i], Initial(model, i));
        }

        executor.Load();
        var losses = new float[Steps];
        for (int step = 0; step < Steps; step++)
        {
            Write(executor, model, configuration, batch, step);
            executor.Run();
            executor.Read(model.Graph.Outputs[1], losses.AsSpan(step, 1));
        }

        var predictions = new float[batch];
        executor.Read(model.Graph.Outputs[0], predictions);
        float[][] parameters = [.. model.Parameters.Select(id => new float[model.Graph[id].Type.CountElements])];
        for (int i = 0; i < parameters.Length; i++)
        {
            executor.Read(model.Parameters[i], parameters[i]);
        }

        return new Outcome(predictions, losses, parameters);
    }

    private static float[] Infer(
        DlrmConfiguration configuration, int all, int first, int batch, Func<CompiledProgram, Executor> create, bool materialize, int workers = 1)
    {
        DlrmGraph model = DlrmGraph.BuildInference(configuration, batch);
        using Executor executor = create(GraphCompiler.Compile(model.Graph, new CompileOptions(Workers: workers, Materialize: materialize)));
        for (int i = 0; i < model.Parameters.Length; i++)
        {
            executor.Write(model.Parameters[i], Initial(model, i));
        }

        executor.Load();
        int features = configuration.BottomLayers[0];
        executor.Write(model.Dense, Floats(TensorType.Samples(all, features), 0).AsSpan(first * features, batch * features));
        for (int i = 0; i < model.Indices.Length; i++)
        {
            executor.Write(model.Indices[i], Indices(configuration, all, i, 0).AsSpan(first * configuration.Hotness, batch * configuration.Hotness));
        }

        executor.Run();
        var predictions = new float[batch];
        executor.Read(model.Graph.Outputs[0], predictions);
        return predictions;
    }

    private static void Write(Executor executor, DlrmGraph model, DlrmConfiguration configuration, int batch, int step)
    {
        executor.Write(model.Dense, Floats(model.Graph[model.Dense].Type, step));
        executor.Write(model.Target!.Value, Targets(batch, step));
        executor.Write(model.Rate!.Value, [Rate]);
        for (int i = 0; i < model.Indices.Length; i++)
        {
            executor.Write(model.Indices[i], Indices(configuration, batch, i, step));
        }
    }

    private static float[] Initial(DlrmGraph model, int parameter)
    {
        TensorType type = model.Graph[model.Parameters[parameter]].Type;
        var elements = new float[type.CountElements];
        bool isTable = parameter >= model.Parameters.Length - model.Indices.Length;
        DlrmInitializer.Fill(type, isTable, seed: 3, parameter, 0, elements);
        return elements;
    }

    private static float[] Floats(TensorType type, int step)
    {
        var random = new Random(100 + step);
        return [.. Enumerable.Range(0, checked((int)type.CountElements)).Select(_ => random.NextSingle() * 2f - 1f)];
    }

    private static float[] Targets(int batch, int step)
    {
        var random = new Random(200 + step);
        return [.. Enumerable.Range(0, batch).Select(_ => (float)random.Next(2))];
    }

    /// <summary>With empty places where a bag has several, and rows that come again and again.</summary>
    private static int[] Indices(DlrmConfiguration configuration, int batch, int table, int step)
    {
        var random = new Random(300 + 10 * step + table);
        int lowest = configuration.Hotness > 1 ? -1 : 0;
        return [.. Enumerable.Range(0, batch * configuration.Hotness).Select(_ => random.Next(lowest, configuration.TableRows[table]))];
    }

    private static uint[] Bits(float[] elements) => [.. elements.Select(BitConverter.SingleToUInt32Bits)];
}
