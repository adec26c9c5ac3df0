using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Optimizers;
using RduEmu.Emulator.Execution;
using RduEmu.Models.Dlrm;
using RduEmu.Tests.Compiler;

namespace RduEmu.Tests.Emulator;

/// <summary>Small models with made-up data, and what a run of one leaves behind.</summary>
internal static class DlrmRun
{
    public const int Steps = 3;

    public const float Rate = 0.1f;

    public static DlrmConfiguration Small(string name, Interaction interaction, LossKind loss, int hotness) =>
        new(name, [5, 37, 16], [29, 1], [50, 3, 17], hotness, interaction, loss, BatchSamples: 64, Rate);

    public sealed record Outcome(float[] Predictions, float[] Losses, float[][] Parameters)
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

    /// <summary>Trains from the first values on; states begin at <paramref name="firstState"/>.</summary>
    /// <returns>What the last step predicted, all losses, and the parameters with the optimiser's states behind them.</returns>
    public static Outcome Train(
        DlrmConfiguration configuration, int batch, CompileMode mode, Func<CompiledProgram, Executor> create, bool materialize, int workers = 1, int tile = 0,
        OptimizerKind optimizer = OptimizerKind.Sgd, float firstState = 0f)
    {
        DlrmGraph model = DlrmGraph.BuildTrainingStep(configuration, batch, optimizer);
        CompiledProgram program = GraphCompiler.Compile(model.Graph, new CompileOptions(mode, workers, materialize, tile));
        using Executor executor = create(program);
        for (int i = 0; i < model.Parameters.Length; i++)
        {
            executor.Write(model.Parameters[i], Initial(model, i));
        }

        foreach (ValueId state in model.OptimizerStates)
        {
            executor.Write(state, Enumerable.Repeat(firstState, checked((int)model.Graph[state].Type.CountElements)).ToArray());
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
        ValueId[] kept = [.. model.Parameters, .. model.OptimizerStates];
        float[][] parameters = [.. kept.Select(id => new float[model.Graph[id].Type.CountElements])];
        for (int i = 0; i < parameters.Length; i++)
        {
            executor.Read(kept[i], parameters[i]);
        }

        return new Outcome(predictions, losses, parameters);
    }

    /// <summary>The same training in float64: predictions of the last step, and parameters and states as in <see cref="Train"/>.</summary>
    public static (double[] Predictions, double[][] Parameters) TrainInDouble(
        DlrmConfiguration configuration, int batch, OptimizerKind optimizer = OptimizerKind.Sgd, float firstState = 0f)
    {
        DlrmGraph model = DlrmGraph.BuildTrainingStep(configuration, batch, optimizer);
        var given = new Dictionary<string, double[]>();
        for (int i = 0; i < model.Parameters.Length; i++)
        {
            given[model.Graph[model.Parameters[i]].Name] = [.. Initial(model, i).Select(x => (double)x)];
        }

        foreach (ValueId state in model.OptimizerStates)
        {
            given[model.Graph[state].Name] = [.. Enumerable.Repeat((double)firstState, checked((int)model.Graph[state].Type.CountElements))];
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

        ValueId[] kept = [.. model.Parameters, .. model.OptimizerStates];
        return (last, [.. kept.Select(id => given[model.Graph[id].Name])]);
    }

    public static float[] Infer(
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

    public static void Write(Executor executor, DlrmGraph model, DlrmConfiguration configuration, int batch, int step)
    {
        executor.Write(model.Dense, Floats(model.Graph[model.Dense].Type, step));
        executor.Write(model.Target!.Value, Targets(batch, step));
        executor.Write(model.Rate!.Value, [Rate]);
        for (int i = 0; i < model.Indices.Length; i++)
        {
            executor.Write(model.Indices[i], Indices(configuration, batch, i, step));
        }
    }

    public static float[] Initial(DlrmGraph model, int parameter)
    {
        TensorType type = model.Graph[model.Parameters[parameter]].Type;
        var elements = new float[type.CountElements];
        bool isTable = parameter >= model.Parameters.Length - model.Indices.Length;
        DlrmInitializer.Fill(type, isTable, seed: 3, parameter, 0, elements);
        return elements;
    }

    public static float[] Floats(TensorType type, int step)
    {
        var random = new Random(100 + step);
        return [.. Enumerable.Range(0, checked((int)type.CountElements)).Select(_ => random.NextSingle() * 2f - 1f)];
    }

    public static float[] Targets(int batch, int step)
    {
        var random = new Random(200 + step);
        return [.. Enumerable.Range(0, batch).Select(_ => (float)random.Next(2))];
    }

    /// <summary>With empty places where a bag has several, and rows that come again and again.</summary>
    public static int[] Indices(DlrmConfiguration configuration, int batch, int table, int step)
    {
        var random = new Random(300 + 10 * step + table);
        int lowest = configuration.Hotness > 1 ? -1 : 0;
        return [.. Enumerable.Range(0, batch * configuration.Hotness).Select(_ => random.Next(lowest, configuration.TableRows[table]))];
    }

    public static uint[] Bits(float[] elements) => [.. elements.Select(BitConverter.SingleToUInt32Bits)];
}
