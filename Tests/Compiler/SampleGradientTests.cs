using NUnit.Framework;
using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;

namespace RduEmu.Tests.Compiler;

/// <summary>
/// Every operator over samples that has a gradient, with awkward extents: the gradient's nodes against central differences, both in
/// float64; value and gradient on the host against the interpreter, bit by bit, and against float64.
/// </summary>
[TestFixture]
public sealed class SampleGradientTests
{
    private static readonly int[] Sizes = [1, 2, 3, 7, 17];

    /// <summary>Inputs that an operator's gradient takes as given: weights of a bag, a mask.</summary>
    private static readonly Dictionary<Type, int> Given = new() { [typeof(EmbeddingBag)] = 2, [typeof(Softmax)] = 1 };

    /// <summary>Statistics of the batch have no gradient by themselves: that of the normalisation goes through them.</summary>
    private static readonly OperatorCase[] Batch =
        [.. new[] { typeof(BatchMean), typeof(BatchVariance), typeof(ReciprocalDeviation), typeof(BatchNormalize) }.SelectMany(type => new OperatorCase[]
        {
            new(type, (g, n) => Normalized(g, g.S(5, n), n, rows: 5)),
            new(type, (g, n) => Normalized(g, g.S(n + 1, 2, 3), columns: 3, rows: 2 * (n + 1))),
        })];

    private static IEnumerable<Type> WithGradient() => typeof(Operator).Assembly.GetTypes()
        .Where(type => type.IsSubclassOf(typeof(Operator)) && !type.IsAbstract && type.GetMethod(nameof(Operator.Differentiate))!.DeclaringType != typeof(Operator));

    private static IEnumerable<Type> OfSamples() => WithGradient().Where(type => SampleOperatorCases.All().Any(test => test.Operator == type)).OrderBy(type => type.Name, StringComparer.Ordinal);

    /// <summary>A new operator with a gradient is in one of the lists of cases.</summary>
    [Test]
    public void EveryOperatorWithAGradient_HasACase()
    {
        HashSet<Type> tested = [.. OfSamples(), .. TensorGradientTests.Operators];
        Assert.That(WithGradient().Where(type => !tested.Contains(type)).Select(type => type.Name), Is.Empty);
    }

    private static IEnumerable<OperatorCase> CasesOf(Type type) =>
        Batch.Where(test => test.Operator == type) is var batch && batch.Any() ? batch : SampleOperatorCases.All().Where(test => test.Operator == type);

    private static ValueId Normalized(SizedGraph g, ValueId x, int columns, int rows)
    {
        ValueId count = g.Number(rows);
        ValueId mean = g.Apply(new BatchMean(), x, count);
        ValueId deviation = g.Apply(new ReciprocalDeviation(), g.Apply(new BatchVariance(), x, mean, count), g.Number(0.1f));
        return g.Apply(new BatchNormalize(OfBatch: true), x, mean, deviation, g.F(columns), g.F(columns), count);
    }

    [TestCaseSource(nameof(OfSamples))]
    public void Gradient(Type type)
    {
        int compared = 0;
        foreach (OperatorCase test in CasesOf(type))
        {
            foreach (int n in Sizes)
            {
                var sized = new SizedGraph(hasSpecial: false);
                if (sized.Add(test.Make, n))
                {
                    compared += Compare(sized, $"{type.Name} of {n}");
                }
            }
        }

        Assert.That(compared, Is.GreaterThan(0));
    }

    /// <returns>Elements that were compared.</returns>
    private static int Compare(SizedGraph sized, string what)
    {
        GraphBuilder builder = sized.Builder;
        Graph forward = sized.Build();
        ValueId output = forward.Outputs[0];
        Node last = forward.Nodes[^1];
        ValueId? isGiven = Given.TryGetValue(last.Operator.GetType(), out int position) && position < last.Inputs.Count ? last.Inputs[position] : null;
        ValueId seed = sized.Of(builder[output]);
        ValueId[] inputs = [.. sized.Given.Keys.Where(id => id != seed && id != isGiven && !sized.Numbers.Contains(id) && builder[id].Element == ElementType.Float32)];
        ValueId?[] gradients = GradientScope.Differentiate(builder, output, seed, inputs);
        Graph graph = builder.Build([output, .. gradients.OfType<ValueId>().Where(id => id != seed).Distinct()]);
        Dictionary<string, double[]> given = sized.Given.ToDictionary(pair => graph[pair.Key].Name, pair => pair.Value.ToDoubles());
        double[][] values = DoubleEvaluator.Evaluate(graph, given);
        double Loss(Dictionary<string, double[]> at) => DoubleEvaluator.Evaluate(graph, at)[output.Index].Zip(at[graph[seed].Name], (y, weight) => y * weight).Sum();

        // Central differences: an error of h² times the third derivative, and 1e-16 / h of rounding.
        const double step = 1e-5;
        int compared = 0;
        for (int i = 0; i < inputs.Length; i++)
        {
            if (gradients[i] is not { } gradient)
            {
                continue;
            }

            string name = graph[inputs[i]].Name;
            for (int element = 0; element < given[name].Length; element += 1 + (given[name].Length / 6))
            {
                double Moved(double by)
                {
                    double[] moved = [.. given[name]];
                    moved[element] += by;
                    return Loss(new Dictionary<string, double[]>(given) { [name] = moved });
                }

                double expected = (Moved(step) - Moved(-step)) / (2 * step);
                Assert.That(values[gradient.Index][element], Is.EqualTo(expected).Within(1e-6 * (1 + Math.Abs(expected))), $"{what}: {name}[{element}]");
                compared++;
            }
        }

        CompareBits(graph, sized, values, what);
        return compared;
    }

    private static void CompareBits(Graph graph, SizedGraph sized, double[][] exact, string what)
    {
        using var interpreter = new InterpreterExecutor(GraphCompiler.Compile(graph, new CompileOptions(CompileMode.O0, Materialize: true)));
        using var host = new HostExecutor(GraphCompiler.Compile(graph, new CompileOptions(CompileMode.O3, 2)), 2);
        foreach (Executor executor in new Executor[] { interpreter, host })
        {
            foreach ((ValueId id, HostTensor tensor) in sized.Given)
            {
                executor.Write(id, tensor);
            }

            executor.Load();
            executor.Run();
        }

        foreach (ValueId output in graph.Outputs)
        {
            HostTensor expected = interpreter.Read(output);
            Assert.That(host.Read(output).Bytes.ToArray(), Is.EqualTo(expected.Bytes.ToArray()), $"{what}: {graph[output].Name} on the host");
            double[] y = exact[output.Index];
            double scale = 1 + y.Select(Math.Abs).DefaultIfEmpty().Max();
            Assert.That(expected.ToDoubles().Zip(y, (x, wanted) => Math.Abs(x - wanted)).DefaultIfEmpty().Max(), Is.LessThan(1e-4 * scale), $"{what}: {graph[output].Name}");
        }
    }
}
