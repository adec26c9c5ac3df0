using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;
using RduEmu.Tests.Compiler;
using RduEmu.Tests.Emulator;

namespace RduEmu.Tests.Unet;

/// <summary>UNets as compiled: the interpreter's bits on every path, and the values of float64.</summary>
[TestFixture]
public sealed class CompiledUnetTests
{
    private const int Steps = 10;

    /// <summary>
    /// At 16x16 the lowest level is one pixel, and a normalisation over three of them can be 300 times as steep as its input: a rounding
    /// there turns a ReLU to its other side in some step. With 2x2 pixels there are twelve.
    /// </summary>
    private const int WellConditionedExtent = 32;

    /// <summary>
    /// Relative to the largest element of a gradient, or a hundredth of the largest of all: a path through the network has some 23
    /// convolutions forward and as many backward, each of at most 32 · 9 terms of which the roundings add up like their root, 17, and each
    /// normalisation may double what came before once. 46 · 17 roundings of 2^-24, with a factor of 4 for the normalisations.
    /// </summary>
    private const double GradientTolerance = 46 * 17 * 4 * 5.96e-8;

    [Test]
    public void Gradients_HaveOneSetOfBits_AndFollowFloat64(
        [ValueSource(typeof(SmallUnet), nameof(SmallUnet.Configurations))] UnetConfiguration configuration)
    {
        ModelGraph model = UnetGraph.BuildGradients(configuration, SmallUnet.Batch, SmallUnet.Extent, SmallUnet.Extent);
        Dictionary<string, float[]> given = SmallUnet.Given(model.Graph);

        // All modes of one network; the others differ in templates, not in how stages are cut.
        CompileMode[] modes = configuration.Name == "sn10" ? [] : [CompileMode.O3];
        Dictionary<string, float[]> actual = GraphRun.OnEveryPath(model.Graph, given, steps: 1, modes);

        double[][] expected = DoubleEvaluator.Evaluate(model.Graph, SmallUnet.InDouble(given));
        double largest = model.Graph.Outputs.Skip(2).Max(output => expected[output.Index].Max(Math.Abs));
        for (int i = 0; i < model.Graph.Outputs.Count; i++)
        {
            double[] values = expected[model.Graph.Outputs[i].Index];
            double scale = Math.Max(0.01 * largest, values.Max(Math.Abs));
            Assert.That(actual[$"output {i}"].Zip(values, (a, e) => Math.Abs(a - e)).Max(), Is.LessThan(GradientTolerance * scale), $"output {i}");
        }
    }

    [Test]
    public void TrainingSteps_HaveOneSetOfBits([Values] UnetOptimizer optimizer)
    {
        UnetConfiguration configuration = UnetPresets.Keras with { Features = 1, Optimizer = optimizer, Normalizes = true, Momentum = 0.9f };
        ModelGraph model = UnetGraph.BuildTrainingStep(configuration, 2, SmallUnet.Extent, SmallUnet.Extent, seed: 4);

        Dictionary<string, float[]> actual = GraphRun.OnEveryPath(model.Graph, SmallUnet.Given(model.Graph), steps: 2, CompileMode.O3);

        Assert.That(actual["output 1"][0], Is.GreaterThan(0f));
    }

    /// <summary>
    /// With gradient descent a parameter moves by the rate times a gradient, so after n steps it is off by at most n · rate · the gradients'
    /// error, as long as the errors themselves stay small; a factor of 4 for what earlier errors change of later gradients.
    /// </summary>
    [Test]
    public void TenSteps_FollowFloat64([ValueSource(typeof(SmallUnet), nameof(SmallUnet.Configurations))] UnetConfiguration configuration)
    {
        ModelGraph model = UnetGraph.BuildTrainingStep(
            configuration with { Optimizer = UnetOptimizer.Sgd }, SmallUnet.Batch, WellConditionedExtent, WellConditionedExtent, seed: 0);
        Dictionary<string, float[]> given = SmallUnet.Given(model.Graph);
        given["rate"] = [0.001f];
        Dictionary<string, float[]> actual = GraphRun.OnHostOnly(model.Graph, given, Steps);

        Dictionary<string, double[]> state = SmallUnet.InDouble(given);
        double largest = 0;
        for (int step = 0; step < Steps; step++)
        {
            double[][] values = DoubleEvaluator.Evaluate(model.Graph, state);
            foreach (Update update in model.Graph.Updates)
            {
                string name = model.Graph[update.Parameter].Name;
                double[] next = values[update.Value.Index];
                if (!name.Contains(".running_", StringComparison.Ordinal))
                {
                    largest = Math.Max(largest, next.Zip(state[name], (a, b) => Math.Abs(a - b)).Max());
                }

                state[name] = next;
            }
        }

        // The largest step of any element is the rate times the largest gradient.
        double bound = Steps * largest * GradientTolerance * 4;
        foreach (ValueId id in model.Parameters)
        {
            string name = model.Graph[id].Name;
            double error = actual[name].Zip(state[name], (a, e) => Math.Abs(a - e)).Max();
            double rounding = state[name].Max(Math.Abs) * Steps * 1.2e-7;
            Assert.That(error, Is.LessThan(bound + rounding), name);
        }

        double moved = model.Parameters.Max(id => given[model.Graph[id].Name].Zip(state[model.Graph[id].Name], (a, e) => Math.Abs(a - e)).Max());
        Assert.That(moved, Is.GreaterThan(20 * bound), "the steps must be larger than what they may err");
    }

    [Test]
    public void AnImageAlone_IsTheImageOfABatch()
    {
        UnetConfiguration configuration = UnetPresets.Sn10 with { Features = 3, Channels = 1 };
        ModelGraph batch = UnetGraph.BuildInference(configuration, 3, 32, 16);
        ModelGraph alone = UnetGraph.BuildInference(configuration, 1, 32, 16);
        Dictionary<string, float[]> given = SmallUnet.Given(batch.Graph);
        float[] together = GraphRun.OnHostOnly(batch.Graph, given, 1)["output 0"];
        for (int b = 0; b < 3; b++)
        {
            var one = new Dictionary<string, float[]>(given) { [UnetGraph.ImageField] = Part(given[UnetGraph.ImageField], b) };

            float[] single = GraphRun.OnHostOnly(alone.Graph, one, 1)["output 0"];

            Assert.That(GraphRun.Bits(single), Is.EqualTo(GraphRun.Bits(Part(together, b))));
        }
    }

    /// <summary>
    /// Counted on the thread that runs the units: a step takes long enough for the test host to allocate something of its own.
    /// </summary>
    [Test]
    public unsafe void AUnit_AllocatesNothing()
    {
        Graph graph = UnetGraph.BuildTrainingStep(UnetPresets.Keras with { Features = 2, Normalizes = true }, 2, 16, 32, seed: 1).Graph;
        CompiledProgram program = GraphCompiler.Compile(graph, new CompileOptions());
        using var arena = new HostArena(program.ArenaBytes);
        using var scratch = new HostArena(program.ScratchBytes);
        int units = 0;
        foreach (Pipeline pipeline in program.Step.SelectMany(section => section.Pipelines))
        {
            foreach (ConfiguredUnit unit in pipeline.Units)
            {
                long least = long.MaxValue;
                for (int run = 0; run < 3; run++)
                {
                    long before = GC.GetAllocatedBytesForCurrentThread();
                    unit.Run(new HostTile(arena.Start, scratch.Start, 0, Math.Min(pipeline.TileItems, pipeline.Items)));
                    least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
                }

                Assert.That(least, Is.Zero, unit.Name);
                units++;
            }
        }

        Assert.That(units, Is.GreaterThan(200));
    }

    private static float[] Part(float[] all, int b) => all[(all.Length / 3 * b)..(all.Length / 3 * (b + 1))];
}
