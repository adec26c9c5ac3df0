using NUnit.Framework;
using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;
using RduEmu.Emulator.Execution;

namespace RduEmu.Tests.Compiler;

/// <summary>
/// Every operator over tensors that has a gradient: the gradient's nodes against central differences in float64, and value and gradient
/// on host and simulator against the interpreter, bit by bit.
/// </summary>
[TestFixture]
public sealed class TensorGradientTests
{
    /// <param name="Low">Elements of the inputs are drawn from [Low, High), where the function is smooth.</param>
    public sealed record Case(Operator Operator, int[][] Shapes, double Low = -2, double High = 2, double[]? Indices = null)
    {
        /// <summary>The input that Indices are, and their type; positions of a gather or scatter if nothing is said.</summary>
        public (int Input, ElementType Element)? Chooser { get; init; } = Operator is GatherOperator or ScatterOperator or GatherSum ? (1, ElementType.Int64) : null;

        /// <summary>Elements of each input that are 0.</summary>
        public int[] ZerosAt { get; init; } = [];

        public override string ToString() => $"{Operator.Name}{(ZerosAt.Length > 0 ? $" 0 at {string.Join(",", ZerosAt)}" : string.Empty)} {RduEmu.Compiler.Executables.OperatorCatalogue.Attributes(Operator).ToJsonString()} of {string.Join(" ", Shapes.Select(shape => $"[{string.Join(",", shape)}]"))}";
    }

    /// <summary>Those that have a case.</summary>
    internal static IEnumerable<Type> Operators => Cases().Select(test => test.Operator.GetType()).Distinct();

    private static IEnumerable<Case> Cases()
    {
        int[] image = [2, 3, 5];
        foreach (Operator op in new Operator[]
        {
            new Negate(), new Absolute(), new Sign(), new Exponential(), new ErrorFunction(), new HyperbolicTangent(), new Sine(), new Cosine(),
            new ArcTangent(), new HyperbolicSine(), new HyperbolicCosine(), new ArcHyperbolicSine(), new Square(), new Relu(), new Sigmoid(),
            new HardSwish(), new Softplus(), new Softsign(), new Mish(),
        })
        {
            yield return new Case(op, [image]);
        }

        foreach (Operator op in new Operator[] { new Reciprocal(), new SquareRoot(), new Logarithm() })
        {
            yield return new Case(op, [image], 0.5);
        }

        foreach (Operator op in new Operator[] { new ArcSine(), new ArcCosine(), new ArcHyperbolicTangent(), new Tangent() })
        {
            yield return new Case(op, [image], -0.9, 0.9);
        }

        yield return new Case(new ArcHyperbolicCosine(), [image], 1.2);
        foreach (Operator op in new Operator[] { new Add(), new Subtract(), new Multiply(), new Maximum(), new Minimum(), new LeakyRelu() })
        {
            yield return new Case(op, [image, image]);
            yield return new Case(op, [image, [3, 1]]);
            yield return new Case(op, [[1, 5], [2, 3, 1]]);
            yield return new Case(op, [image, []]);
        }

        yield return new Case(new Divide(), [[2, 1, 17], [3, 1]], 0.5);
        yield return new Case(new Power(), [[2, 16], [16]], 0.5);
        foreach (Operator op in new Operator[] { new Elu(), new Celu(), new Swish(), new ThresholdedRelu() })
        {
            yield return new Case(op, [[2, 17], []], -2, 2, [0.7]);
        }

        yield return new Case(new Selu(), [[2, 17], [], []], -2, 2, [1.5, 1.1]);
        yield return new Case(new HardSigmoid(), [[2, 17], [], []], -2, 2, [0.3, 0.5]);
        yield return new Case(new Shrink(), [[2, 17], [], []], -2, 2, [0.3, 0.5]);
        yield return new Case(new Clip(), [[2, 17], [], []], -2, 2, [-0.7, 0.9]);
        yield return new Case(new Clip(), [[3, 7], [7], [3, 1]]);
        foreach (ReduceKind kind in Enum.GetValues<ReduceKind>())
        {
            yield return new Case(new Reduce(kind, [1], KeepAxes: false), [[2, 17, 3]], 0.5);
            yield return new Case(new Reduce(kind, [0, 2], KeepAxes: true), [[3, 2, 5]], 0.5);
            yield return new Case(new Reduce(kind, [0, 1], KeepAxes: false), [[3, 5]], 0.5);
        }

        yield return new Case(new Repeat([2, 3, 5], [1]), [[2, 1]]);
        yield return new Case(new Scan(1, IsProduct: false, Exclusive: false, Reverse: false), [[2, 5, 3]]);
        yield return new Case(new Scan(0, IsProduct: false, Exclusive: true, Reverse: true), [[5, 3]]);
        yield return new Case(new Scan(1, IsProduct: true, Exclusive: false, Reverse: false), [[2, 5, 3]], 0.5);
        yield return new Case(new Scan(0, IsProduct: true, Exclusive: true, Reverse: true), [[5, 3]], 0.5);
        yield return new Case(new Scan(0, IsProduct: true, Exclusive: false, Reverse: false), [[1]], 0.5);
        foreach (int[] at in new int[][] { [3], [0, 2], [3, 4, 14] })
        {
            // With zeros among the factors.
            foreach (bool exclusive in new[] { false, true })
            {
                yield return new Case(new Scan(1, IsProduct: true, exclusive, Reverse: exclusive), [[2, 7, 2]], 0.5) { ZerosAt = at };
                yield return new Case(new Scan(0, IsProduct: true, exclusive, Reverse: !exclusive), [[17]], 0.5) { ZerosAt = at };
            }

            yield return new Case(new Reduce(ReduceKind.Product, [0, 2], KeepAxes: true), [[3, 2, 5]], 0.5) { ZerosAt = at };
            yield return new Case(new Reduce(ReduceKind.Product, [0], KeepAxes: false), [[17]], 0.5) { ZerosAt = at };
        }

        foreach (int[] at in new int[][] { [0], [3, 5] })
        {
            yield return new Case(new ScatterElements(1, ScatterKind.Multiply), [[2, 5], [2, 3], [2, 3]], 0.5, 2, [0, 4, 4, -2, 3, -2]) { ZerosAt = at };
            yield return new Case(new ScatterND(ScatterKind.Multiply), [[4, 3], [3, 1], [3, 3]], 0.5, 2, [3, 3, 3]) { ZerosAt = at };
        }

        foreach (Operator op in new Operator[] { new Floor(), new Ceiling(), new Round() })
        {
            yield return new Case(op, [image]);
        }

        foreach (bool isC in new[] { false, true })
        {
            yield return new Case(new Modulo(isC), [image, [3, 1]], 0.5, 3);
            yield return new Case(new Modulo(isC), [[17], []], -3, -0.5);
        }

        foreach (ScatterKind kind in Enum.GetValues<ScatterKind>())
        {
            // Positions that meet: 4 twice in a row, and from the end.
            yield return new Case(new ScatterElements(1, kind), [[2, 5], [2, 3], [2, 3]], 0.5, 2, [0, 4, 4, -2, 3, -2]);
            yield return new Case(new ScatterElements(0, kind), [[7, 2], [1, 2], [1, 2]], 0.5, 2, [6, 0]);
            yield return new Case(new ScatterND(kind), [[4, 3], [3, 1], [3, 3]], 0.5, 2, [3, 1, 3]);
            yield return new Case(new ScatterND(kind), [[4, 3], [2, 2], [2]], 0.5, 2, [3, 1, 0, 2]);
        }

        foreach (ReduceKind kind in new[] { ReduceKind.Max, ReduceKind.Min, ReduceKind.L1, ReduceKind.L2, ReduceKind.SumSquare })
        {
            yield return new Case(new WindowReduce(kind, [2, 3], [2, 1], [1, 2]), [[2, 3, 6, 7]]);
            yield return new Case(new WindowReduce(kind, [3], [1], [1]), [[1, 2, 9]]);
            yield return new Case(new WindowReduce(kind, [2, 1, 2], [1, 2, 1], [1, 1, 2]), [[1, 2, 3, 4, 5]]);
        }

        yield return new Case(new MatMul(), [[3, 4], [4, 5]]);
        yield return new Case(new MatMul(true, false), [[4, 3], [4, 17]]);
        yield return new Case(new MatMul(false, true), [[2, 3, 4], [5, 4]]);
        yield return new Case(new MatMul(true, true), [[2, 1, 4, 3], [3, 5, 4]]);
        yield return new Case(new MatMul(), [[4], [2, 4, 3]]);
        yield return new Case(new MatMul(), [[2, 3, 4], [4]]);
        yield return new Case(new MatMul(), [[5], [5]]);
        yield return new Case(new Convolution([2], [1], 1), [[2, 3, 8], [4, 3, 3]]);
        yield return new Case(new Convolution([1, 2], [2, 1], 2), [[1, 4, 6, 5], [6, 2, 2, 2]]);
        yield return new Case(new Convolution([1, 1, 1], [1, 1, 1], 1), [[1, 2, 3, 3, 3], [2, 2, 2, 1, 2]]);
        yield return new Case(new Convolution([1, 1], [1, 2], 2, Flipped: true), [[2, 4, 5, 6], [4, 3, 2, 2]]);
        yield return new Case(new Spread([1, 2, 3]), [[2, 3, 2]]);
        yield return new Case(new WindowReduce(ReduceKind.Sum, [2, 3], [2, 1], [1, 2]), [[2, 3, 6, 7]]);
        yield return new Case(new Gather(1), [[2, 5, 3], [4]], -2, 2, [3, -1, 3, 0]);
        yield return new Case(new GatherElements(1), [[2, 5], [2, 3]], -2, 2, [0, 4, 4, -2, 3, -2]);
        yield return new Case(new GatherND(1), [[2, 5, 3], [2, 2, 1]], -2, 2, [0, 4, 4, 4]);
        yield return new Case(new GatherSum(), [[5, 3], [2, 3]], -2, 2, [3, 1, 3, 0, 4, 0]);
        yield return new Case(new Where(), [[3, 1], [2, 3, 5], [5]], -2, 2, [1, 0, 1]) { Chooser = (0, ElementType.Bool) };
        yield return new Case(new Cast(ElementType.Float32), [[2, 17]]);
        yield return new Case(new LogSumExp([1], KeepAxes: false), [[3, 17], [3, 1]]);
        yield return new Case(new LogSumExp([0], KeepAxes: true), [[7, 2], [1, 2]]);
        yield return new Case(new IndexedProduct(new ProductAxes([], [ProductAxis.Of(2, 0, -1, 0)], [ProductAxis.Of(7, -1, 1, 1)], [ProductAxis.Of(5, 1, 0, -1)]), [2, 7]), [[2, 5], [5, 7]]);
        yield return new Case(new IndexedProduct(new ProductAxes([ProductAxis.Of(3, 1, 1, 0)], [], [], [ProductAxis.Of(5, 0, 0, -1)]), [3]), [[5, 3], [5, 3]]);
        yield return new Case(new IndexView([3, 7, 3], [1, 0, 0, 0, 1, 1], [0, 0]), [[3, 9]]);
        yield return new Case(new IndexView([17, 3], [0, 1, 1, 0], [0, 0]), [[3, 17]]);
        yield return new Case(new Join(1), [[2, 3], [2, 1], [2, 5]]);
        yield return new Case(new Pad([1, -1], [0, 2], 0), [[2, 5]]);
        yield return new Case(new Expand([3, 2, 5]), [[2, 1]]);
        yield return new Case(new AxisMap(1, [2, -1, 0, 2]), [[2, 3, 2]]);
        yield return new Case(new Reshape([5, 2, 3]), [[3, 10]]);
        yield return new Case(new Slice([1, 4], [1, 4], [1, -1]), [[2, 5]]);
        yield return new Case(new Transpose([2, 0, 1]), [[2, 3, 5]]);
    }

    [TestCaseSource(nameof(Cases))]
    public void Gradient(Case test)
    {
        (Graph graph, ValueId output, ValueId?[] gradients, ValueId[] inputs, Dictionary<string, double[]> given) = Build(test);
        double[][] values = TensorEvaluator.Evaluate(graph, given);
        double[] seed = given["seed"];
        double Loss(Dictionary<string, double[]> at) => TensorEvaluator.Evaluate(graph, at)[output.Index].Select((y, i) => y * seed[i]).Sum();

        // Central differences: an error of h² times the third derivative, and 1e-16 / h of rounding.
        const double step = 1e-5;
        int checkedElements = 0;
        for (int i = 0; i < inputs.Length; i++)
        {
            if (gradients[i] is not { } gradient)
            {
                continue;
            }

            string name = graph[inputs[i]].Name;
            for (int element = 0; element < given[name].Length; element += 1 + element / 7)
            {
                double Moved(double by)
                {
                    double[] moved = [.. given[name]];
                    moved[element] += by;
                    return Loss(new Dictionary<string, double[]>(given) { [name] = moved });
                }

                double expected = (Moved(step) - Moved(-step)) / (2 * step);
                Assert.That(values[gradient.Index][element], Is.EqualTo(expected).Within(1e-6 * (1 + Math.Abs(expected))), $"{name}[{element}]");
                checkedElements++;
            }
        }

        Assert.That(checkedElements, Is.GreaterThan(0));
    }

    [TestCaseSource(nameof(Cases))]
    public void OnEveryPath(Case test)
    {
        (Graph graph, _, _, _, Dictionary<string, double[]> given) = Build(test);
        byte[][] expected = Run(graph, given, new CompileOptions(CompileMode.O0, Materialize: true), program => new InterpreterExecutor(program));
        foreach (int threads in new[] { 1, 3 })
        {
            Same(Run(graph, given, new CompileOptions(CompileMode.O3, threads), program => new HostExecutor(program, threads)), expected, $"{threads} threads");
        }

        Same(Run(graph, given, new CompileOptions(CompileMode.O3, Materialize: true), program => new DeviceExecutor(program, "ilgpu")), expected, "ilgpu");

        double[][] exact = TensorEvaluator.Evaluate(graph, Rounded(given));
        for (int i = 0; i < graph.Outputs.Count; i++)
        {
            double[] y = exact[graph.Outputs[i].Index];
            double scale = 1 + y.Select(Math.Abs).DefaultIfEmpty().Max();
            ReadOnlySpan<float> actual = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(expected[i]);
            Assert.That(actual.Length, Is.EqualTo(y.Length));
            for (int element = 0; element < y.Length; element++)
            {
                Assert.That(actual[element], Is.EqualTo(y[element]).Within(1e-4 * scale), $"output {i}, element {element}");
            }
        }
    }

    private static (Graph Graph, ValueId Output, ValueId?[] Gradients, ValueId[] Inputs, Dictionary<string, double[]> Given) Build(Case test)
    {
        var builder = new GraphBuilder();
        var random = new Random(7);
        var given = new Dictionary<string, double[]>();
        bool isIndexed = test.Chooser is not null;
        int scalars = test.Indices is null || isIndexed ? 0 : test.Indices.Length;
        var inputs = new ValueId[test.Shapes.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            bool isIndex = test.Chooser?.Input == i;
            TensorType type = TensorType.Whole(isIndex ? test.Chooser!.Value.Element : ElementType.Float32, test.Shapes[i]);
            inputs[i] = builder.Input($"x{i}", type);
            int scalar = i - (inputs.Length - scalars);
            given.Add($"x{i}", isIndex ? test.Indices! : scalar >= 0
                ? [test.Indices![scalar]]
                : [.. Enumerable.Range(0, (int)type.CountElements).Select(_ => test.Low + (test.High - test.Low) * random.NextDouble())]);
        }

        foreach ((string name, double[] elements) in given)
        {
            foreach (int at in test.ZerosAt.Where(_ => name != $"x{test.Chooser?.Input}"))
            {
                elements[at] = 0;
            }
        }

        ValueId output = builder.Apply(test.Operator, inputs);
        ValueId seed = builder.Input("seed", builder[output]);
        given.Add("seed", [.. Enumerable.Range(0, (int)builder[output].CountElements).Select(_ => random.NextDouble() - 0.5)]);
        ValueId[] asked = [.. inputs.Take(inputs.Length - scalars).Where((_, i) => i != test.Chooser?.Input)];
        ValueId?[] gradients = GradientScope.Differentiate(builder, output, seed, asked);
        Graph graph = builder.Build([output, .. gradients.OfType<ValueId>()]);
        return (graph, output, gradients, asked, given);
    }

    private static Dictionary<string, double[]> Rounded(Dictionary<string, double[]> given) =>
        given.ToDictionary(pair => pair.Key, pair => pair.Value.Select(value => (double)(float)value).ToArray());

    private static byte[][] Run(Graph graph, Dictionary<string, double[]> given, CompileOptions options, Func<CompiledProgram, Executor> create)
    {
        using Executor executor = create(GraphCompiler.Compile(graph, options));
        foreach (Value value in graph.Values.Where(value => value.Role == ValueRole.Input))
        {
            double[] elements = given[value.Name];
            executor.Write(value.Id, value.Type.Element == ElementType.Int64
                ? HostTensor.Create<long>([.. elements.Select(x => (long)x)], [.. value.Type.Shape])
                : value.Type.Element == ElementType.Bool ? HostTensor.Create<bool>([.. elements.Select(x => x != 0)], [.. value.Type.Shape])
                : HostTensor.Create<float>([.. elements.Select(x => (float)x)], [.. value.Type.Shape]));
        }

        executor.Load();
        executor.Run();
        executor.Run();
        return [.. graph.Outputs.Select(output => executor.Read(output).Bytes.ToArray())];
    }

    private static void Same(byte[][] actual, byte[][] expected, string how)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(actual[i], Is.EqualTo(expected[i]).AsCollection, $"output {i}: {how}");
        }
    }
}
