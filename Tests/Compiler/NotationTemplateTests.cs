using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Notation;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;

namespace RduEmu.Tests.Compiler;

/// <summary>
/// Index notation reaches the templates of the built-in models, and has their bits: against the operators that models are made of, with
/// samples, over sizes that fill no lane, panel or chunk.
/// </summary>
[TestFixture]
public sealed class NotationTemplateTests
{
    private delegate Graph Model();

    private static IEnumerable<TestCaseData> Models()
    {
        foreach ((int rows, int depth, int columns) in new[] { (1, 1, 1), (2, 300, 33), (17, 15, 16), (31, 31, 127), (150, 33, 7) })
        {
            yield return Case(
                $"matmul {rows} x {depth} x {columns}", $"input x[{rows}, {depth}]\nparameter w[{columns}, {depth}]\ny[b,i] = sum(k) x[b,k] * w[i,k]", typeof(ContractStage),
                () => Build(b => b.Apply(new Linear(), b.Input("x", TensorType.Samples(rows, depth)), b.Parameter("w", TensorType.Whole(columns, depth)))));
            yield return Case(
                $"matmul {rows} x {depth} x {columns}, the weight turned", $"input x[{rows}, {depth}]\nparameter w[{depth}, {columns}]\ny[b,i] = sum(k) x[b,k] * w[k,i]", typeof(ContractStage),
                () => Build(b => b.Apply(new LinearInputGradient(), b.Input("x", TensorType.Samples(rows, depth)), b.Parameter("w", TensorType.Whole(depth, columns)))));
            yield return Case(
                $"layer {rows} x {depth} x {columns}",
                $"input x[{rows}, {depth}]\nparameter w[{columns}, {depth}]\nparameter c[{columns}]\ny[b,i] = relu((sum(k) x[b,k] * w[i,k]) + c[i])", typeof(ContractStage),
                () => Build(b => b.Apply(new Relu(), b.Apply(
                    new AddBias(), b.Apply(new Linear(), b.Input("x", TensorType.Samples(rows, depth)), b.Parameter("w", TensorType.Whole(columns, depth))), b.Parameter("c", TensorType.Whole(columns))))));
        }

        foreach ((int batch, int tokens, int heads, int width) in new[] { (1, 1, 1, 1), (2, 7, 3, 16), (3, 17, 2, 33) })
        {
            yield return Case(
                $"attention scores {batch} x {tokens} x {heads} x {width}",
                $"input q[{batch}, {tokens}, {heads}, {width}]\ninput k[{batch}, {tokens}, {heads}, {width}]\ns[b,a,i,j] = sum(d) q[b,i,a,d] * k[b,j,a,d]", typeof(ProductStage),
                () => Build(b => b.Apply(
                    new HeadMatMul(heads, HeadProduct.Scores), b.Input("q", TensorType.Samples(batch, tokens, heads * width)), b.Input("k", TensorType.Samples(batch, tokens, heads * width)))));
        }

        foreach ((int size, int channels) in new[] { (5, 1), (7, 15), (9, 16), (6, 33) })
        {
            yield return Case(
                $"depthwise convolution {size} x {size} x {channels}",
                $"input x[2, {size}, {size}, {channels}]\nparameter w[{channels}, 3, 3]\ny[b,i,j,c] = sum(p,q) x[b,i+p,j+q,c] * w[c,p,q]", typeof(ProductStage),
                () => Build(b => b.Apply(
                    new ImageConvolution(ConvolutionWindow.Valid, channels), b.Input("x", TensorType.Samples(2, size, size, channels)), b.Parameter("w", TensorType.Whole(channels, 3, 3, 1)))));
        }

        foreach ((int batch, int tokens, int width) in new[] { (1, 1, 1), (2, 15, 7), (3, 33, 17), (5, 300, 16) })
        {
            yield return Case(
                $"soft-max pool {batch} x {tokens} x {width}",
                $"input s[{batch}, {tokens}]\ninput v[{batch}, {tokens}, {width}]\nm[b] = max(t) s[b,t]\ne[b,t] = exp(s[b,t] - m[b])\n"
                    + "p[b,t] = e[b,t] / (sum(u) e[b,u])\ny[b,d] = sum(t) p[b,t] * v[b,t,d]",
                typeof(SoftmaxStage),
                () => Build(b => b.Apply(
                    new SampleMatMul(1, width, tokens, TransposeA: false, TransposeB: false),
                    b.Apply(new Softmax(), b.Input("s", TensorType.Samples(batch, tokens))), b.Input("v", TensorType.Samples(batch, tokens * width)))));
        }

        foreach ((int rows, int width, int batch, int hotness) in new[] { (1, 1, 1, 1), (11, 6, 4, 3), (40, 33, 17, 31), (127, 16, 150, 2) })
        {
            yield return Case(
                $"embedding bag {batch} x {hotness} of {rows} x {width}",
                $"parameter t[{rows}, {width}]\ninput idx[{batch}, {hotness}] int32\ny[b,d] = sum(h) t[idx[b,h], d]", typeof(GatherSumStage),
                () => Build(b => b.Apply(
                    new EmbeddingBag(), b.Input("idx", TensorType.Samples(batch, hotness) with { Element = ElementType.Int32 }), b.Parameter("t", TensorType.Whole(rows, width)))));
        }
    }

    /// <summary>The bits of the models' operators, by the interpreter, on the host and on the simulator; and the template that was meant.</summary>
    [TestCaseSource(nameof(Models))]
    public void HasTheBitsOfModels(string text, Type stage, object model)
    {
        Graph written = NotationProgram.Parse(text).Build();
        Graph expected = ((Model)model)();
        byte[] reference = Interpreted(expected);

        Assert.That(
            GraphCompiler.Plan(written, new CompileOptions()).SelectMany(section => section.Pipelines).SelectMany(pipeline => pipeline.Stages), Has.Some.TypeOf(stage));
        RequireEverywhere(written, reference);
    }

    /// <summary>Products whose batches lie side by side, few rows or columns, depths beyond a chunk: the host's loops against the definition.</summary>
    [TestCase("input x[40, 33]\ninput w[40, 33]\ny[c] = sum(t) x[t,c] * w[t,c]")]
    [TestCase("input p[3, 33, 300]\ninput x[3, 33, 300]\ny[b,c] = sum(t) p[b,c,t] * x[b,c,t]")]
    [TestCase("input x[2, 50, 17]\ninput w[17, 5]\ny[b,i,c] = sum(p) x[b,i+p,c] * w[c,p]")]
    [TestCase("input w[31, 5]\ninput x[2, 50, 31]\ny[b,i,c] = sum(p) w[c,p] * x[b,2*i+p,c]")]
    [TestCase("input x[16, 300, 48]\ninput w[48, 300]\ny[b,c] = sum(t) w[c,t] * x[b,t,c]")]
    [TestCase("input x[2, 3, 127]\ninput w[3, 2, 127]\ny[c,i,j] = sum(t) x[i,t,c] * w[t,j,c]")]
    [TestCase("input x[0, 33]\ninput w[0, 33]\ny[c] = sum(t) x[t,c] * w[t,c]")]
    [TestCase("input q[5, 130, 20]\ninput k[5, 131, 20]\ns[b,i,j] = sum(d) q[b,i,d] * k[b,j,d]")]
    [TestCase("input x[4, 7, 15]\nparameter w[3, 2, 15]\nparameter c[3, 2]\ny[b,t,h,d] = tanh((sum(k) x[b,t,k] * w[h,d,k]) / 4 + c[h,d])")]
    [TestCase("input x[4, 7, 15]\nparameter w[15, 3, 2]\nparameter c[3, 2]\ninput r[4, 7, 3, 2]\ny[b,t,h,d] = r[b,t,h,d] + tanh((sum(k) x[b,t,k] * w[k,h,d]) / 4 + c[h,d])")]
    [TestCase("parameter t[9, 2, 5]\ninput idx[3, 4] int64\ny[d,e,b] = sum(h) t[idx[b,h], e, d]")]
    [TestCase("parameter t[9, 5]\ninput idx[4, 3] int32\ny[b,d] = sum(h) t[idx[h,b], d]")]
    [TestCase("input x[6, 40]\nm[b] = max(t) x[b,t]\ne[b,t] = exp(x[b,t] - m[b])\np[b,t] = e[b,t] / (sum(u) e[b,u])")]
    [TestCase("input x[6, 40]\nm[t] = max(b) x[b,t]\ne[b,t] = exp(x[b,t] - m[t])\np[b,t] = e[b,t] / (sum(u) e[u,t])")]
    [TestCase("input x[6, 6]\nm[b] = max(t) x[b,t]\ne[b,t] = exp(x[b,t] - m[t])\np[b,t] = e[b,t] / (sum(u) e[b,u])")]
    public void EqualsTheDefinition(string text)
    {
        Graph graph = NotationProgram.Parse(text).Build();
        RequireEverywhere(graph, Interpreted(graph));
    }

    /// <summary>A bag's rows are added in ascending position: positions from the end count, those outside add nothing.</summary>
    [TestCase("int32")]
    [TestCase("int64")]
    public void Bag_WrapsPositions(string type)
    {
        Graph graph = NotationProgram.Parse($"parameter t[3, 2]\ninput idx[2, 4] {type}\ny[b,d] = sum(h) t[idx[b,h], d]").Build();
        long[] positions = [-1, 0, 3, -4, 2, 2, int.MinValue, int.MaxValue];
        float[] expected = [5 + 1, 6 + 2, 5 + 5, 6 + 6];
        foreach (Func<Graph, Executor> create in Everywhere())
        {
            using Executor executor = create(graph);
            executor.Write(graph.Values.Single(value => value.Name == "t").Id, HostTensor.Create<float>([1, 2, 3, 4, 5, 6], 3, 2));
            executor.Write(
                graph.Values.Single(value => value.Name == "idx").Id,
                type == "int64" ? HostTensor.Create<long>(positions, 2, 4) : HostTensor.Create<int>([.. positions.Select(position => (int)position)], 2, 4));
            executor.Load();
            executor.Run();
            Assert.That(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(executor.Read(graph.Outputs[0]).Bytes).ToArray(), Is.EqualTo(expected));
        }
    }

    /// <summary>A softmax is taken for one only where nothing else reads what it computes on the way.</summary>
    [Test]
    public void Softmax_LeavesWhatOthersRead()
    {
        const string text = "input x[6, 40]\nm[b] = max(t) x[b,t]\ne[b,t] = exp(x[b,t] - m[b])\np[b,t] = e[b,t] / (sum(u) e[b,u])\ny[b,t] = p[b,t] + e[b,t]";
        Graph graph = NotationProgram.Parse(text).Build();
        Assert.That(
            GraphCompiler.Plan(graph, new CompileOptions()).SelectMany(section => section.Pipelines).SelectMany(pipeline => pipeline.Stages), Has.None.TypeOf<SoftmaxStage>());
        RequireEverywhere(graph, Interpreted(graph));
    }

    private static IEnumerable<Func<Graph, Executor>> Everywhere() =>
    [
        graph => new InterpreterExecutor(GraphCompiler.Compile(graph, new CompileOptions(CompileMode.O0, Materialize: true))),
        graph => new HostExecutor(GraphCompiler.Compile(graph, new CompileOptions(CompileMode.O3, 1)), 1),
        graph => new HostExecutor(GraphCompiler.Compile(graph, new CompileOptions(CompileMode.O3, 2)), 2),
        graph => new DeviceExecutor(GraphCompiler.Compile(graph, new CompileOptions(CompileMode.O3, Materialize: true)), "ilgpu"),
    ];

    private static void RequireEverywhere(Graph graph, byte[] reference)
    {
        int devices = 0;
        foreach (Func<Graph, Executor> create in Everywhere())
        {
            using Executor executor = create(graph);
            Assert.That(Run(graph, executor), Is.EqualTo(reference).AsCollection, $"{executor.GetType().Name} {devices}");
            devices++;
        }

        Assert.That(devices, Is.EqualTo(4));
    }

    private static byte[] Interpreted(Graph graph)
    {
        using var executor = new InterpreterExecutor(GraphCompiler.Compile(graph, new CompileOptions(CompileMode.O0, Materialize: true)));
        return Run(graph, executor);
    }

    private static byte[] Run(Graph graph, Executor executor)
    {
        int rows = graph.Values.FirstOrDefault(value => value.Name == "t")?.Type.Shape[0] ?? 1;
        foreach (Value value in graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter))
        {
            executor.Write(value.Id, Generate(value, rows));
        }

        executor.Load();
        executor.Run();
        return executor.Read(graph.Outputs[0]).Bytes.ToArray();
    }

    /// <param name="rows">Positions lie below it.</param>
    private static HostTensor Generate(Value value, int rows)
    {
        int count = (int)value.Type.CountElements;
        var random = new Random(value.Name[0] + count);
        int[] shape = [.. value.Type.Shape];
        return value.Type.Element switch
        {
            ElementType.Int64 => HostTensor.Create<long>([.. Enumerable.Range(0, count).Select(_ => random.NextInt64(-rows, rows))], shape),
            ElementType.Int32 => HostTensor.Create<int>([.. Enumerable.Range(0, count).Select(_ => random.Next(rows))], shape),
            _ => HostTensor.Create<float>([.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1)], shape),
        };
    }

    private static Graph Build(Func<GraphBuilder, ValueId> output)
    {
        var builder = new GraphBuilder();
        return builder.Build(output(builder));
    }

    private static TestCaseData Case(string name, string text, Type stage, Model model) => new TestCaseData(text, stage, model).SetArgDisplayNames(name);
}
