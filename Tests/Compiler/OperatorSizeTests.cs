using System.Text.Json;
using NUnit.Framework;
using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;
using RduEmu.Tests.Training;

namespace RduEmu.Tests.Compiler;

/// <summary>
/// Every operator of the catalogue with extents that fill no lane, panel or chunk, and with special values: the host and the simulator
/// have the bits of the interpreter.
/// </summary>
[TestFixture]
public sealed class OperatorSizeTests
{
    private static readonly int[] Sizes = [0, 1, 2, 7, 15, 16, 17, 31, 33, 127];

    /// <summary>What no single device computes.</summary>
    private static readonly Dictionary<Type, Type> Elsewhere = new() { [typeof(Exchange)] = typeof(ShardingTests) };

    private static readonly OperatorCatalogue Named = new();
    private static readonly OperatorCase[] All = [.. TensorOperatorCases.All(), .. SampleOperatorCases.All()];

    internal static IEnumerable<Type> Catalogue() =>
        typeof(Operator).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Operator)) && !type.IsAbstract && !Elsewhere.ContainsKey(type)).OrderBy(type => type.Name, StringComparer.Ordinal);

    private static IEnumerable<TestCaseData> Operators() => Catalogue().Select(type => new TestCaseData(type).SetArgDisplayNames(type.Name));

    /// <summary>The cases of an operator; one that has none is made with its defaults if it is elementwise, and else has been forgotten.</summary>
    internal static OperatorCase[] CasesOf(Type type)
    {
        OperatorCase[] cases = [.. All.Where(test => test.Operator == type)];
        if (cases.Length == 0 && typeof(BroadcastOperator).IsAssignableFrom(type) && type.GetConstructors()[0].GetParameters().Length == 0)
        {
            cases = [.. TensorOperatorCases.Of((BroadcastOperator)Activator.CreateInstance(type)!)];
        }

        Assert.That(cases, Is.Not.Empty, $"{type.Name} has no case");
        return cases;
    }

    [TestCaseSource(nameof(Operators))]
    public void HasTheSameBitsEverywhere(Type type) => Compare(type, CompileMode.O3, [(2, 0)]);

    [Test, Category("Slow"), Explicit("all modes, threads and tiles of every operator: some minutes")]
    public void HasTheSameBitsEverywhere_InEveryMode([ValueSource(nameof(Catalogue))] Type type)
    {
        foreach (CompileMode mode in Enum.GetValues<CompileMode>())
        {
            Compare(type, mode, [(1, 0), (1, 1), (2, 0), (3, 0), (3, 5)]);
        }
    }

    private static void Compare(Type type, CompileMode mode, (int Threads, int Tile)[] hosts)
    {
        var sized = new SizedGraph();
        foreach (OperatorCase test in CasesOf(type))
        {
            int added = Sizes.Count(n => sized.Add(test.Make, n));
            Assert.That(added, Is.GreaterThanOrEqualTo(Sizes.Length - 1), "sizes that the operator takes");
        }

        Graph graph = sized.Build();
        Assert.That(graph.Nodes.Select(node => node.Operator.GetType()), Does.Contain(type));
        foreach (Operator op in graph.Nodes.Select(node => node.Operator))
        {
            using JsonDocument attributes = JsonDocument.Parse(OperatorCatalogue.Attributes(op).ToJsonString());
            Assert.That(Named.Create(op.Name, attributes.RootElement), Is.EqualTo(op), "as it is read back from a file");
        }

        HostTensor[] expected = Run(graph, sized, new CompileOptions(CompileMode.O0, Materialize: true), program => new InterpreterExecutor(program));
        foreach ((int threads, int tile) in hosts)
        {
            Same(graph, Run(graph, sized, new CompileOptions(mode, threads, TileSamples: tile), program => OnHost(program, threads)), expected, $"{threads} threads, tile {tile}, {mode}");
        }

        Same(graph, Run(graph, sized, new CompileOptions(mode, Materialize: true), program => new DeviceExecutor(program, "ilgpu")), expected, $"ilgpu, {mode}");
    }

    private static HostExecutor OnHost(CompiledProgram program, int threads)
    {
        var host = new HostExecutor(program, threads);
        host.PoisonScratch(0xFF);
        return host;
    }

    private static HostTensor[] Run(Graph graph, SizedGraph sized, CompileOptions options, Func<CompiledProgram, Executor> create)
    {
        using Executor executor = create(GraphCompiler.Compile(graph, options));
        foreach ((ValueId id, HostTensor tensor) in sized.Given)
        {
            executor.Write(id, tensor);
        }

        executor.Load();
        executor.Run();
        return [.. graph.Outputs.Select(executor.Read)];
    }

    /// <summary>Any NaN equals any other.</summary>
    private static void Same(Graph graph, HostTensor[] actual, HostTensor[] expected, string how)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (actual[i].Bytes.SequenceEqual(expected[i].Bytes))
            {
                continue;
            }

            Assert.That(expected[i].Element.IsFloat(), $"output {i}, {expected[i].Type}: {how}");
            double[] x = actual[i].ToDoubles();
            double[] y = expected[i].ToDoubles();
            int at = Enumerable.Range(0, y.Length).FirstOrDefault(k => BitConverter.DoubleToInt64Bits(x[k]) != BitConverter.DoubleToInt64Bits(y[k]) && !(double.IsNaN(x[k]) && double.IsNaN(y[k])), -1);
            Node node = graph.Nodes.Single(node => node.Output == graph.Outputs[i]);
            Assert.That(at, Is.EqualTo(-1), () => $"{node.Operator} of {string.Join(", ", node.Inputs.Select(id => graph[id].Type))}: element {at} is {x[at]:R}, not {y[at]:R}: {how}");
        }
    }
}
