using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Execution;

namespace RduEmu.Tests.Emulator;

/// <summary>Runs one graph in every way there is and demands the interpreter's bits of all of them.</summary>
internal static class GraphRun
{
    /// <param name="graph">Any legal graph.</param>
    /// <param name="given">Inputs and parameters by name, row-major; integers as floats.</param>
    /// <param name="steps">Steps, all with the same inputs.</param>
    /// <param name="modes">Modes to compile in; none for all of them.</param>
    /// <returns>Outputs (by position) and parameters (by name) after the last step.</returns>
    public static Dictionary<string, float[]> OnEveryPath(
        Graph graph, IReadOnlyDictionary<string, float[]> given, int steps = 2, params ReadOnlySpan<CompileMode> modes)
    {
        Dictionary<string, float[]> expected = Run(graph, given, steps, new CompileOptions(CompileMode.O0, Materialize: true), program => new InterpreterExecutor(program));
        foreach (CompileMode mode in modes.IsEmpty ? Enum.GetValues<CompileMode>() : modes)
        {
            var whole = new CompileOptions(mode, Materialize: true);
            Same(Run(graph, given, steps, whole, program => new InterpreterExecutor(program)), expected, $"interpreter, {mode}");
            Same(Run(graph, given, steps, whole, program => new DeviceExecutor(program, "ilgpu")), expected, $"ilgpu, {mode}");
            foreach (int threads in new[] { 1, 2, 3 })
            {
                foreach (int tile in new[] { 0, 5 })
                {
                    var tiled = new CompileOptions(mode, threads, TileSamples: tile);
                    Same(Run(graph, given, steps, tiled, program => OnHost(program, threads)), expected, $"{threads} threads, {mode}, tile {tile}");
                }
            }
        }

        return expected;
    }

    /// <summary>The same results from the host alone, two threads: for values, where another test compares the bits.</summary>
    public static Dictionary<string, float[]> OnHostOnly(Graph graph, IReadOnlyDictionary<string, float[]> given, int steps) =>
        Run(graph, given, steps, new CompileOptions(CompileMode.O3, Workers: 2), program => OnHost(program, 2));

    /// <summary>A loaded program whose inputs are written.</summary>
    public static void MustAllocateNothing(HostExecutor executor)
    {
        const int runs = 100;
        const int smallestObjectBytes = 24;
        executor.Run();
        executor.Run();

        // Bytes of the whole process: the runtime and the test host add some now and then, an allocation in every run shows always.
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

        Assert.That(least, Is.LessThan(runs * smallestObjectBytes), "bytes in a hundred runs");
    }

    public static uint[] Bits(float[] elements) => [.. elements.Select(BitConverter.SingleToUInt32Bits)];

    private static HostExecutor OnHost(CompiledProgram program, int threads)
    {
        var host = new HostExecutor(program, threads);
        host.PoisonScratch(0xFF);
        return host;
    }

    private static Dictionary<string, float[]> Run(
        Graph graph, IReadOnlyDictionary<string, float[]> given, int steps, CompileOptions options, Func<CompiledProgram, Executor> create)
    {
        using Executor executor = create(GraphCompiler.Compile(graph, options));
        foreach (Value value in graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter))
        {
            if (value.Type.Element == ElementType.Int32)
            {
                executor.Write(value.Id, [.. given[value.Name].Select(x => (int)x)]);
            }
            else
            {
                executor.Write(value.Id, given[value.Name]);
            }
        }

        executor.Load();
        for (int step = 0; step < steps; step++)
        {
            executor.Run();
        }

        var results = new Dictionary<string, float[]>();
        for (int i = 0; i < graph.Outputs.Count; i++)
        {
            results.Add($"output {i}", Read(executor, graph, graph.Outputs[i]));
        }

        foreach (Value value in graph.Values.Where(value => value.Role == ValueRole.Parameter))
        {
            results.Add(value.Name, Read(executor, graph, value.Id));
        }

        return results;
    }

    private static float[] Read(Executor executor, Graph graph, ValueId id)
    {
        var elements = new float[graph[id].Type.CountElements];
        executor.Read(id, elements);
        return elements;
    }

    private static void Same(Dictionary<string, float[]> actual, Dictionary<string, float[]> expected, string how)
    {
        foreach ((string name, float[] elements) in expected)
        {
            Assert.That(Bits(actual[name]), Is.EqualTo(Bits(elements)).AsCollection, $"{name}: {how}");
        }
    }
}
