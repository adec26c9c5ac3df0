using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Execution;
using RduEmu.Models.Bert;
using RduEmu.Models.Training;
using RduEmu.Tests.Compiler;
using RduEmu.Tests.Emulator;

namespace RduEmu.Tests.Bert;

/// <summary>A BERT as compiled: the interpreter's bits on every path, and the values of float64.</summary>
[TestFixture]
public sealed class CompiledBertTests
{
    private const int Steps = 10;

    /// <summary>
    /// Relative to a gradient's largest element, or to a hundredth of the largest of all: 2 layers are some 60 roundings of 2^-24 deep,
    /// forward and backward, each amplified at most tenfold by norms and softmax of such small rows.
    /// </summary>
    private const double GradientTolerance = 60 * 10 * 5.96e-8;

    [Test]
    public void Gradients_HaveOneSetOfBits_AndFollowFloat64(
        [Values(BertHead.Pretraining, BertHead.Classification, BertHead.Span)] BertHead head)
    {
        BertGraph graph = BertGraph.BuildGradients(SmallBert.Configuration, head, SmallBert.Batch, SmallBert.Tokens, dropoutSeed: 7);
        Dictionary<string, float[]> given = SmallBert.Given(graph.Graph);

        Dictionary<string, float[]> actual = GraphRun.OnEveryPath(graph.Graph, given, steps: 1);

        double[][] expected = DoubleEvaluator.Evaluate(graph.Graph, SmallBert.InDouble(given));
        double largest = graph.Graph.Outputs.Max(output => expected[output.Index].Max(Math.Abs));
        for (int i = 0; i < graph.Graph.Outputs.Count; i++)
        {
            double[] values = expected[graph.Graph.Outputs[i].Index];
            double scale = Math.Max(0.01 * largest, values.Max(Math.Abs));
            Assert.That(actual[$"output {i}"].Zip(values, (a, e) => Math.Abs(a - e)).Max(), Is.LessThan(GradientTolerance * scale), $"output {i}");
        }
    }

    [TestCase("adamw")]
    [TestCase("lamb")]
    public void TrainingSteps_HaveOneSetOfBits(string optimizer)
    {
        ModelGraph graph = Model(optimizer).BuildTrainingStep(SmallBert.Batch);

        Dictionary<string, float[]> actual = GraphRun.OnEveryPath(graph.Graph, SmallBert.Given(graph.Graph), steps: 3);

        Assert.That(actual["output 0"][0], Is.GreaterThan(0f));
    }

    /// <summary>
    /// Adam's direction is m / (sqrt(v) + epsilon), at most 1 / sqrt(1 - beta2) = 32 per step, and what a gradient's error e changes of
    /// it is at most e / |g| of that: an element whose gradient is near zero can move by a whole step either way, one of size s by
    /// the relative error of s. So the bound of a parameter's root mean square error after n steps is n · rate · 4 (the usual
    /// direction here) times the gradients' relative error, with a factor of 30 for elements below the mean.
    /// </summary>
    [Test]
    public void TenSteps_FollowFloat64([Values("adamw", "lamb")] string optimizer)
    {
        ModelGraph graph = Model(optimizer).BuildTrainingStep(SmallBert.Batch);
        Dictionary<string, float[]> given = SmallBert.Given(graph.Graph);
        const double rate = 0.01;
        const double bound = Steps * rate * 4 * GradientTolerance * 30;

        Dictionary<string, float[]> actual = GraphRun.OnHostOnly(graph.Graph, given, Steps);

        Dictionary<string, double[]> state = SmallBert.InDouble(given);
        for (int step = 0; step < Steps; step++)
        {
            double[][] values = DoubleEvaluator.Evaluate(graph.Graph, state);
            foreach (Update update in graph.Graph.Updates)
            {
                state[graph.Graph[update.Parameter].Name] = values[update.Value.Index];
            }
        }

        foreach (ValueId id in graph.Parameters)
        {
            string name = graph.Graph[id].Name;
            double error = Math.Sqrt(actual[name].Zip(state[name], (a, e) => Math.Pow(a - e, 2)).Average());
            double moved = Math.Sqrt(given[name].Zip(state[name], (a, e) => Math.Pow(a - e, 2)).Average());
            Assert.That(error, Is.LessThan(bound), name);

            // A key's bias adds the same to all scores of a row, which softmax takes away: its gradient is zero but for rounding.
            bool isTrained = !name.EndsWith("self.key.bias", StringComparison.Ordinal);
            Assert.That(moved, isTrained ? Is.GreaterThan(5 * bound) : Is.LessThan(bound), $"{name} is trained");
        }
    }

    [Test]
    public void ASteadyRun_AllocatesNothing()
    {
        ModelGraph graph = Model("adamw").BuildTrainingStep(SmallBert.Batch);
        using var executor = new HostExecutor(GraphCompiler.Compile(graph.Graph, new CompileOptions(Workers: 2)), 2);
        Dictionary<string, float[]> given = SmallBert.Given(graph.Graph);
        foreach (Value value in graph.Graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter))
        {
            if (value.Type.Element == ElementType.Int32)
            {
                executor.Write(value.Id, Array.ConvertAll(given[value.Name], x => (int)x));
            }
            else
            {
                executor.Write(value.Id, given[value.Name]);
            }
        }

        executor.Load();
        GraphRun.MustAllocateNothing(executor);
    }

    /// <summary>A sample alone has the bits that it has in a batch.</summary>
    [Test]
    public void ASampleAlone_IsTheSampleOfABatch()
    {
        Graph batch = BertGraph.BuildInference(SmallBert.Configuration, BertHead.Pretraining, SmallBert.Batch, SmallBert.Tokens).Graph;
        Graph alone = BertGraph.BuildInference(SmallBert.Configuration, BertHead.Pretraining, 1, SmallBert.Tokens).Graph;
        Dictionary<string, float[]> given = SmallBert.Given(batch);
        Dictionary<string, float[]> together = GraphRun.OnHostOnly(batch, given, 1);
        for (int b = 0; b < SmallBert.Batch; b++)
        {
            var one = new Dictionary<string, float[]>(given);
            foreach (Value input in batch.Values.Where(value => value.Role == ValueRole.Input))
            {
                one[input.Name] = Sample(given[input.Name], b);
            }

            Dictionary<string, float[]> single = GraphRun.OnHostOnly(alone, one, 1);
            for (int i = 0; i < batch.Outputs.Count; i++)
            {
                Assert.That(GraphRun.Bits(single[$"output {i}"]), Is.EqualTo(GraphRun.Bits(Sample(together[$"output {i}"], b))));
            }
        }
    }

    private static float[] Sample(float[] all, int b) => all[(all.Length / SmallBert.Batch * b)..(all.Length / SmallBert.Batch * (b + 1))];

    private static BertModel Model(string optimizer) => new(SmallBert.Configuration, SmallBert.Tokens, seed: 3, optimizer);
}
