using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Optimizers;
using RduEmu.Emulator.Execution;
using RduEmu.Tests.Compiler;
using static RduEmu.Tests.Emulator.GraphRun;

namespace RduEmu.Tests.Emulator;

/// <summary>Updates of small graphs: fused into one stage, or plain nodes where the graph does not allow it, the bits are the same.</summary>
[TestFixture]
public sealed class CompiledUpdateTests
{
    private const int Batch = 37;
    private const int Rows = 26;
    private const int Width = 19;

    /// <summary>A gradient that is also an output must be made dense; the table and its state do not notice.</summary>
    [Test]
    public void ATableStep_SparseOrDense_GivesTheSameBits([Values] OptimizerKind optimizer, [Values] bool weighted)
    {
        Graph sparse = TableStep(optimizer, weighted, returnsGradient: false);
        Graph dense = TableStep(optimizer, weighted, returnsGradient: true);
        Dictionary<string, float[]> given = Given(sparse);

        Dictionary<string, float[]> expected = OnEveryPath(sparse, given);
        Dictionary<string, float[]> actual = OnEveryPath(dense, given);

        Assert.That(Stages(sparse).Count(stage => stage is ScatterUpdateStage), Is.EqualTo(1));
        Assert.That(Stages(dense).Count(stage => stage is ScatterUpdateStage), Is.Zero);
        foreach (string name in expected.Keys)
        {
            Assert.That(Bits(actual[name]), Is.EqualTo(Bits(expected[name])).AsCollection, name);
        }

        Assert.That(expected["table"].Chunk(Width).Zip(given["table"].Chunk(Width)).Count(row => row.First.SequenceEqual(row.Second)), Is.GreaterThan(0), "some rows rest");
        FollowsFloat64(dense, given, actual);
    }

    /// <summary>What an earlier step left in a dense gradient is gone, also in rows that no index names any more.</summary>
    [Test]
    public void ADenseTableGradient_StartsFromZeroInEveryStep([Values("interpreter", "host", "ilgpu")] string way)
    {
        Graph graph = TableStep(OptimizerKind.Sgd, weighted: false, returnsGradient: true);
        CompiledProgram program = GraphCompiler.Compile(graph, new CompileOptions(Workers: 2, Materialize: way != "host"));
        using Executor executor = way switch
        {
            "interpreter" => new InterpreterExecutor(program),
            "host" => new HostExecutor(program, 2),
            _ => new DeviceExecutor(program, "ilgpu"),
        };
        ValueId Named(string name) => graph.Values.Single(value => value.Name == name).Id;
        var gradient = new float[Rows * Width];
        executor.Write(Named("dy"), Enumerable.Repeat(1f, Batch * Width).ToArray());
        executor.Write(Named("indices"), new int[Batch * 2]);
        executor.Load();
        executor.Run();
        executor.Read(graph.Outputs[1], gradient);
        Assert.That(gradient[..Width], Is.All.EqualTo(2f * Batch));

        executor.Write(Named("indices"), Enumerable.Repeat(-1, Batch * 2).ToArray());
        executor.Run();
        executor.Read(graph.Outputs[1], gradient);

        Assert.That(gradient, Is.All.Zero);
    }

    /// <summary>A dense weight with a state for each element or row; the chain and the plain nodes are compared by the modes.</summary>
    [Test]
    public void ADenseStep_OnEveryPath([Values] OptimizerKind optimizer, [Values] bool rowWise)
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(Batch, Width));
        ValueId dy = builder.Input("dy", TensorType.Samples(Batch, Rows));
        ValueId weight = builder.Parameter("weight", TensorType.Whole(Rows, Width));
        ValueId rate = builder.Input("rate", TensorType.Whole(1));
        ValueId y = builder.Apply(new Linear(), x, weight);
        ValueId gradient = builder.Apply(new LinearWeightGradient(), dy, x);
        _ = Optimizer.AddStep(builder, optimizer, "weight", weight, gradient, rate, isTable: rowWise);
        Graph graph = builder.Build(y);
        Dictionary<string, float[]> given = Given(graph);

        FollowsFloat64(graph, given, OnEveryPath(graph, given));
    }

    /// <summary>The state's new value is an output, the gradient takes a detour: nothing matches, all of it is legal.</summary>
    [Test]
    public void PlainNodes_OnEveryPath([Values] bool rowWise)
    {
        var builder = new GraphBuilder();
        ValueId weight = builder.Parameter("weight", TensorType.Whole(Rows, Width));
        ValueId other = builder.Input("other", TensorType.Whole(Rows, Width));
        ValueId state = builder.Parameter("state", rowWise ? TensorType.Whole(Rows, 1) : TensorType.Whole(Rows, Width));
        ValueId rate = builder.Input("rate", TensorType.Whole(1));
        ValueId gradient = builder.Apply(new Add(), weight, other);
        ValueId next = builder.Apply(rowWise ? new RowWiseAdagradState() : new AdagradState(), state, gradient);
        ValueId stepped = builder.Apply(new AdagradStep(rowWise), weight, gradient, next, rate);
        builder.Update(weight, stepped);
        Graph graph = builder.Build(stepped, next);
        Dictionary<string, float[]> given = Given(graph);

        Dictionary<string, float[]> actual = OnEveryPath(graph, given, steps: 1);

        Assert.That(Bits(actual["state"]), Is.EqualTo(Bits(given["state"])).AsCollection, "it has no update");
        FollowsFloat64(graph, given, actual, steps: 1);
    }

    /// <summary>
    /// a is read after its new value is there; b and c take the same value; d takes what is no optimiser's step. Each must hold at
    /// the end of the step, and every reader see what was before.
    /// </summary>
    [Test]
    public void UpdatesThatCannotBeInPlace_AreCopiedAtTheEnd()
    {
        var builder = new GraphBuilder();
        TensorType type = TensorType.Whole(Rows, Width);
        ValueId x = builder.Input("x", TensorType.Samples(Batch, Width));
        ValueId g = builder.Input("g", type);
        ValueId a = builder.Parameter("a", type);
        ValueId b = builder.Parameter("b", type);
        ValueId c = builder.Parameter("c", type);
        ValueId d = builder.Parameter("d", type);
        ValueId rate = builder.Input("rate", TensorType.Whole(1));
        builder.Update(a, builder.Apply(new SgdStep(), a, g, rate));
        ValueId y = builder.Apply(new Linear(), x, a);
        ValueId sum = builder.Apply(new Add(), b, c);
        builder.Update(b, sum);
        builder.Update(c, sum);
        builder.Update(d, g);
        Graph graph = builder.Build(y, builder.Apply(new Add(), sum, g));
        Dictionary<string, float[]> given = Given(graph);

        FollowsFloat64(graph, given, OnEveryPath(graph, given));
    }

    /// <summary>An epilogue moves its template to the end of the list: not past the update of what the template reads.</summary>
    [Test]
    public void AStageThatReadsAnUpdatedParameter_IsNotMovedBehindTheUpdate()
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(Batch, Width));
        ValueId g = builder.Input("g", TensorType.Whole(Rows, Width));
        ValueId weight = builder.Parameter("weight", TensorType.Whole(Rows, Width));
        ValueId rate = builder.Input("rate", TensorType.Whole(1));
        ValueId product = builder.Apply(new Linear(), x, weight);
        builder.Update(weight, builder.Apply(new SgdStep(), weight, g, rate));
        Graph graph = builder.Build(builder.Apply(new Relu(), product));
        Dictionary<string, float[]> given = Given(graph);

        FollowsFloat64(graph, given, OnEveryPath(graph, given));
    }

    /// <summary>With weights, these are computed: by tiles, in scratch where nothing else reads them.</summary>
    private static Graph TableStep(OptimizerKind optimizer, bool weighted, bool returnsGradient)
    {
        var builder = new GraphBuilder();
        ValueId indices = builder.Input("indices", TensorType.Samples(Batch, 2) with { Element = ElementType.Int32 });
        ValueId dy = builder.Input("dy", TensorType.Samples(Batch, Width));
        ValueId table = builder.Parameter("table", TensorType.Whole(Rows, Width));
        ValueId rate = builder.Input("rate", TensorType.Whole(1));
        ValueId[] weights = weighted
            ? [builder.Apply(new Sigmoid(), builder.Input("scores", TensorType.Samples(Batch, 2)))]
            : [];
        ValueId bag = builder.Apply(new EmbeddingBag(), [indices, table, .. weights]);
        ValueId gradient = builder.Apply(new EmbeddingBagGradient(Rows), [indices, dy, .. weights]);
        _ = Optimizer.AddStep(builder, optimizer, "table", table, gradient, rate, isTable: true);
        return returnsGradient ? builder.Build(bag, gradient) : builder.Build(bag);
    }

    private static IEnumerable<Stage> Stages(Graph graph) =>
        GraphCompiler.Plan(graph, new CompileOptions()).SelectMany(section => section.Pipelines).SelectMany(pipeline => pipeline.Stages);

    /// <summary>States between 0.1 and 1.1, so that a step is no sign of a rounding error; everything else in ±1.</summary>
    private static Dictionary<string, float[]> Given(Graph graph)
    {
        var random = new Random(11);
        var given = new Dictionary<string, float[]>();
        foreach (Value value in graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter))
        {
            bool isState = value.Name == "state" || value.Name.EndsWith(".sum", StringComparison.Ordinal);
            given[value.Name] = [.. Enumerable.Range(0, checked((int)value.Type.CountElements)).Select(
                _ => value.Type.Element == ElementType.Int32 ? random.Next(-1, Rows - 3)
                    : value.Name == "rate" ? 0.1f
                    : isState ? random.NextSingle() + 0.1f
                    : random.NextSingle() * 2f - 1f)];
        }

        return given;
    }

    /// <summary>Sums of at most 40 products below 1, twice, and a quotient by 0.3 at least: 2^-24 · 40 · 40 · 4 at most.</summary>
    private static void FollowsFloat64(Graph graph, Dictionary<string, float[]> given, Dictionary<string, float[]> actual, int steps = 2)
    {
        const double bound = 40 * 40 * 4.0 / (1 << 24);
        Dictionary<string, double[]> state = given.ToDictionary(pair => pair.Key, pair => pair.Value.Select(x => (double)x).ToArray());
        double[][] values = [];
        for (int step = 0; step < steps; step++)
        {
            values = DoubleEvaluator.Evaluate(graph, state);
            foreach (Update update in graph.Updates)
            {
                state[graph[update.Parameter].Name] = values[update.Value.Index];
            }
        }

        for (int i = 0; i < graph.Outputs.Count; i++)
        {
            Assert.That(
                actual[$"output {i}"].Select(x => (double)x), Is.EqualTo(values[graph.Outputs[i].Index]).AsCollection.Within(bound), $"output {i}");
        }

        foreach (Update update in graph.Updates)
        {
            string name = graph[update.Parameter].Name;
            Assert.That(actual[name].Select(x => (double)x), Is.EqualTo(state[name]).AsCollection.Within(bound), name);
            Assert.That(actual[name], Is.Not.EqualTo(given[name]), $"{name} must move");
        }
    }
}
