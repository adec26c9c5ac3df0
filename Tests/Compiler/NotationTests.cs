using NUnit.Framework;
using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Notation;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;
using RduEmu.Kernels.Errors;

namespace RduEmu.Tests.Compiler;

/// <summary>Index notation against built-in operators (bit by bit), finite differences, and its own errors.</summary>
[TestFixture]
public sealed class NotationTests
{
    private delegate ValueId BuiltIn(GraphBuilder builder, ValueId[] inputs);

    private static IEnumerable<TestCaseData> Equivalents()
    {
        yield return Case(
            "matrix product", "input x[17, 300]\ninput w[33, 300]\ny[b,i] = sum(k) x[b,k] * w[i,k]",
            (builder, t) => builder.Apply(new MatMul(false, TransposeB: true), t[0], t[1]));
        yield return Case(
            "matrix product, swapped", "input x[17, 31]\ninput w[31, 16]\ny[b,i] = sum(k) w[k,i] * x[b,k]",
            (builder, t) => builder.Apply(new MatMul(), t[0], t[1]));
        yield return Case(
            "attention scores", "input q[2, 3, 7, 16]\ninput k[2, 3, 9, 16]\ns[b,h,i,j] = (sum(d) q[b,h,i,d] * k[b,h,j,d]) / 4",
            (builder, t) => builder.Apply(new Divide(), builder.Apply(new MatMul(false, true), t[0], t[1]), builder.Constant("4", TensorType.Whole(), 4f)));
        yield return Case(
            "depthwise convolution", "input x[2, 5, 9, 8]\ninput w[5, 1, 3, 3]\ny[b,c,i,j] = sum(p,q) x[b,c,2*i+p,j+q] * w[c,0,p,q]",
            (builder, t) => builder.Apply(new Convolution([2, 1], [1, 1], 5), t[0], t[1]));
        yield return Case(
            "depthwise convolution, direct", "input x[2, 5, 9, 8]\ninput w[5, 3, 3]\ny[b,c,i,j] = sum(p,q) x[b,c,2*i+p,j+q] * w[c,p,q]",
            (builder, t) => builder.Apply(new Convolution([2, 1], [1, 1], 5), t[0], builder.Apply(new RduEmu.Compiler.Operators.Layout.Reshape([5, 1, 3, 3]), t[1])));
        yield return Case(
            "soft-max pool",
            "input x[3, 20, 5]\nm[b,c] = max(t) x[b,t,c]\ne[b,t,c] = exp(x[b,t,c] - m[b,c])\ny[b,c] = (sum(t) (e[b,t,c] * x[b,t,c])) / (sum(t) e[b,t,c])",
            (builder, t) =>
            {
                ValueId m = builder.Apply(new Reduce(ReduceKind.Max, [1], KeepAxes: true), t[0]);
                ValueId e = builder.Apply(new Exponential(), builder.Apply(new Subtract(), t[0], m));
                ValueId weighted = builder.Apply(new MatMul(), // the sum of e · x over t is a contraction
                    Rows(builder, e, [3, 5, 1, 20]), Rows(builder, t[0], [3, 5, 20, 1]));
                return builder.Apply(
                    new Divide(), builder.Apply(new RduEmu.Compiler.Operators.Layout.Reshape([3, 5]), weighted), builder.Apply(new Reduce(ReduceKind.Sum, [1], false), e));
            });
        yield return Case(
            "embedding bag", "input t[11, 6]\ninput idx[4, 3] int64\ny[b,d] = sum(h) t[idx[b,h], d]",
            (builder, t) => builder.Apply(new GatherSum(), t[0], t[1]));
        yield return Case(
            "scalar functions", "input x[3, 4]\ninput g[4]\ny[b,i] = x[b,i] * sigmoid(g[i] * 2) + max(x[b,i], 0.5)  # gated",
            (builder, t) =>
            {
                ValueId two = builder.Constant("2", TensorType.Whole(), 2f);
                ValueId half = builder.Constant("half", TensorType.Whole(), 0.5f);
                ValueId gate = builder.Apply(new Sigmoid(), builder.Apply(new Multiply(), t[1], two));
                return builder.Apply(new Add(), builder.Apply(new Multiply(), t[0], gate), builder.Apply(new Maximum(), t[0], half));
            });
    }

    /// <summary>The same bits as the built-in operators, by the interpreter, on the host and on the simulator.</summary>
    [TestCaseSource(nameof(Equivalents))]
    public void EqualsBuiltIn(string text, object builtIn)
    {
        Graph written = NotationProgram.Parse(text).Build();
        var builder = new GraphBuilder();
        ValueId[] inputs = [.. NotationProgram.Parse(text).Declarations.Select(declaration => builder.Input(declaration.Name, declaration.Type))];
        Graph expected = builder.Build(((BuiltIn)builtIn)(builder, inputs));

        byte[] reference = Run(expected, new CompileOptions(CompileMode.O0, Materialize: true), program => new InterpreterExecutor(program));

        Assert.That(written[written.Outputs[0]].Type, Is.EqualTo(expected[expected.Outputs[0]].Type));
        Assert.That(Run(written, new CompileOptions(CompileMode.O0, Materialize: true), program => new InterpreterExecutor(program)), Is.EqualTo(reference).AsCollection);
        Assert.That(Run(written, new CompileOptions(CompileMode.O3, 2), program => new HostExecutor(program, 2)), Is.EqualTo(reference).AsCollection);
        Assert.That(Run(written, new CompileOptions(CompileMode.O3, Materialize: true), program => new DeviceExecutor(program, "ilgpu")), Is.EqualTo(reference).AsCollection);
    }

    [TestCase("input x[3, 5]\ninput w[4, 5]\ny[b,i] = tanh(sum(k) x[b,k] * w[i,k])")]
    [TestCase("input q[2, 3, 4]\ninput k[2, 5, 4]\ns[b,i,j] = sum(d) q[b,i,d] * k[b,j,d]")]
    [TestCase("input x[1, 2, 7, 6]\ninput w[2, 3, 2]\ny[b,c,i,j] = sum(p,q) x[b,c,2*i+p,j+2*q] * w[c,p,q]")]
    [TestCase("input x[9]\ninput w[3]\ny[i] = mean(p) x[2*i+p+1] * w[p] * x[3]\nz[i] = sum(p) y[i] * x[i+3*p]")]
    [TestCase("input x[2, 6, 3]\nm[b,c] = max(t) x[b,t,c]\ne[b,t,c] = exp(x[b,t,c] - m[b,c])\ny[b,c] = (sum(t) e[b,t,c] * x[b,t,c]) / (sum(t) e[b,t,c])")]
    [TestCase("input t[5, 3]\ninput idx[4, 2] int64\ny[b,d] = sum(h) t[idx[b,h], d]")]
    [TestCase("input x[4, 4]\ny[i] = x[i,i] + x[3-i, 0]")]
    [TestCase("input x[3, 4]\ny = prod(i) (sum(j) x[i,j] * x[i,j])")]
    public void Gradient_EqualsFiniteDifferences(string text)
    {
        var program = NotationProgram.Parse(text);
        var builder = new GraphBuilder();
        Dictionary<string, ValueId> tensors = program.Declarations.ToDictionary(d => d.Name, d => builder.Input(d.Name, d.Type));
        ValueId output = program.Apply(builder, tensors)[program.Statements[^1].Target];
        ValueId seed = builder.Input("seed", builder[output]);
        ValueId[] inputs = [.. program.Declarations.Where(d => d.Type.Element == ElementType.Float32).Select(d => tensors[d.Name])];
        ValueId?[] gradients = GradientScope.Differentiate(builder, output, seed, inputs);
        Graph graph = builder.Build([output, .. gradients.OfType<ValueId>()]);
        Dictionary<string, double[]> given = graph.Values.Where(value => value.Role == ValueRole.Input).ToDictionary(value => value.Name, Elements);
        double[][] values = TensorEvaluator.Evaluate(graph, given);
        double Loss(Dictionary<string, double[]> at) => TensorEvaluator.Evaluate(graph, at)[output.Index].Select((y, i) => y * given["seed"][i]).Sum();

        const double step = 1e-5;
        int checkedElements = 0;
        for (int i = 0; i < inputs.Length; i++)
        {
            string name = graph[inputs[i]].Name;
            for (int element = 0; element < given[name].Length; element++)
            {
                double Moved(double by)
                {
                    double[] moved = [.. given[name]];
                    moved[element] += by;
                    return Loss(new Dictionary<string, double[]>(given) { [name] = moved });
                }

                double expected = (Moved(step) - Moved(-step)) / (2 * step);
                Assert.That(values[gradients[i]!.Value.Index][element], Is.EqualTo(expected).Within(1e-6 * (1 + Math.Abs(expected))), $"{name}[{element}]");
                checkedElements++;
            }
        }

        Assert.That(checkedElements, Is.GreaterThan(0));
        byte[] reference = Run(graph, new CompileOptions(CompileMode.O0, Materialize: true), executor => new InterpreterExecutor(executor), output: ^1);
        Assert.That(Run(graph, new CompileOptions(CompileMode.O3, 2), executor => new HostExecutor(executor, 2), output: ^1), Is.EqualTo(reference).AsCollection);
    }

    [TestCase("", 1, 1, "a statement")]
    [TestCase("y[i] = x[i", 1, 11, "']'")]
    [TestCase("y[i] = x[i] +", 1, 14, "a tensor, a number")]
    [TestCase("y[i] = x[i] x[i]", 1, 13, "the end of the statement")]
    [TestCase("y[i,i] = x[i]", 1, 5, "indices that differ")]
    [TestCase("y[i] = 1\nz[i] = unknown[i]", 1, 1, "an index i on the right")]
    [TestCase("y[i] = x[i]\nz[i] = unknown[i]", 2, 8, "a tensor (")]
    [TestCase("y[i] = frobnicate(x[i])", 1, 8, "a function of abs")]
    [TestCase("y[i] = pow(x[i])", 1, 8, "2 arguments of pow")]
    [TestCase("y[i] = x[i, i]", 1, 8, "1 positions of x")]
    [TestCase("y[i] = x[j]", 1, 10, "an index of the left side")]
    [TestCase("y[i] = sum(i) x[i]", 1, 8, "an index other than i")]
    [TestCase("y[i] = x[i] + w[i, 0]", 1, 17, "i to run over 4 as elsewhere")]
    [TestCase("y[i] = x[i+1] + x[i]", 1, 10, "positions from 0 to 3")]
    [TestCase("y[i,j] = x[i+j]", 1, 12, "an index whose extent follows")]
    [TestCase("y[i,j] = x[i+j] + x[i] + x[j]", 1, 12, "positions from 0 to 3")]
    [TestCase("input big[99999, 99999]\ny = big[0, 0]", 1, 1, "elements of big")]
    [TestCase("y[i] = x[1.5]", 1, 10, "a whole number")]
    [TestCase("y = sum(k) x[k] * 1e99999", 1, 19, "")]
    public void Error_NamesTheColumn(string text, int line, int column, string expected)
    {
        var builder = new GraphBuilder();
        var tensors = new Dictionary<string, ValueId>
        {
            ["x"] = builder.Input("x", TensorType.Whole(4)),
            ["w"] = builder.Input("w", TensorType.Whole(5, 2)),
        };
        if (expected.Length == 0)
        {
            // A number beyond float32 is infinite, as everywhere.
            Assert.That(() => NotationProgram.Parse(text).Apply(builder, tensors), Throws.Nothing);
            return;
        }

        RduException error = Assert.Throws<RduException>(() => NotationProgram.Parse(text, "file.tin").Apply(builder, tensors))!;

        Assert.That(error.Id, Is.SameAs(ErrorCatalogue.NotationMalformed));
        Assert.That(error.Message, Does.Contain($"file.tin, line {line}, column {column};").And.Contain(expected));
    }

    /// <summary>A file on the command line: the same digest on both devices, an error with its column.</summary>
    [Test, NonParallelizable]
    public void CommandLine_RunsAFile()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "input x[9, 20]\ninput w[17, 20]\ny[b,i] = relu(sum(k) x[b,k] * w[i,k])\n");
            CommandLine.Cli host = CommandLine.Cli.Run("notation", file, "--steps", "2", "--json");
            CommandLine.Cli simulated = CommandLine.Cli.Run("notation", file, "--steps", "1", "--device", "ilgpu", "--json");
            Assert.That(host.Exit, Is.Zero, host.Error);
            Assert.That(host.Json.GetProperty("outputsDigest").GetString(), Is.EqualTo(simulated.Json.GetProperty("outputsDigest").GetString()));

            File.WriteAllText(file, "input x[9]\ny[i] = x[j]\n");
            CommandLine.Cli wrong = CommandLine.Cli.Run("notation", file);
            Assert.That(wrong.Exit, Is.EqualTo(2));
            Assert.That(wrong.Error, Does.Contain("RDU0431").And.Contain("line 2, column 10"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Test]
    public void DeepBrackets_AreRefused() => Assert.That(
        () => NotationProgram.Parse($"y = {new string('(', 100_000)}"),
        Throws.TypeOf<RduException>().With.Message.Contains("brackets in brackets"));

    private static TestCaseData Case(string name, string text, BuiltIn builtIn) => new TestCaseData(text, builtIn).SetArgDisplayNames(name);

    /// <summary>[b, t, c] as [b, c, ...] with rows along t.</summary>
    private static ValueId Rows(GraphBuilder builder, ValueId value, int[] shape) => builder.Apply(
        new RduEmu.Compiler.Operators.Layout.Reshape(EquatableArray.Create<int>(shape)), builder.Apply(new RduEmu.Compiler.Operators.Layout.Transpose([0, 2, 1]), value));

    private static double[] Elements(Value value)
    {
        var random = new Random(value.Name.Length + (int)value.Type.CountElements);
        return value.Type.Element == ElementType.Int64
            ? [.. Enumerable.Range(0, (int)value.Type.CountElements).Select(_ => (double)random.Next(-5, 5))]
            : [.. Enumerable.Range(0, (int)value.Type.CountElements).Select(_ => (double)(float)(random.NextDouble() * 2 - 1))];
    }

    private static byte[] Run(Graph graph, CompileOptions options, Func<CompiledProgram, Executor> create, Index output = default)
    {
        using Executor executor = create(GraphCompiler.Compile(graph, options));
        foreach (Value value in graph.Values.Where(value => value.Role == ValueRole.Input))
        {
            double[] elements = Elements(value);
            executor.Write(value.Id, value.Type.Element == ElementType.Int64
                ? HostTensor.Create<long>([.. elements.Select(x => (long)x)], [.. value.Type.Shape])
                : HostTensor.Create<float>([.. elements.Select(x => (float)x)], [.. value.Type.Shape]));
        }

        executor.Load();
        executor.Run();
        return executor.Read(graph.Outputs[output.GetOffset(graph.Outputs.Count)]).Bytes.ToArray();
    }
}
