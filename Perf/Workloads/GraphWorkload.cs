using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Onnx;
using RduEmu.Emulator.Execution;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Templates;
using RduEmu.Models.Training;

namespace RduEmu.Perf.Workloads;

/// <summary>A graph with its weights and one drawn batch; the same for the same graph.</summary>
internal sealed class GraphWorkload
{
    private readonly Dictionary<ValueId, float[]> _parameters = [];

    private GraphWorkload(Graph graph)
    {
        Graph = graph;
        var random = new Random(1);
        foreach (Value value in graph.Values.Where(value => value.Role == ValueRole.Input))
        {
            int count = checked((int)value.Type.CountElements);
            Inputs.Add((value, value.Type.Element == ElementType.Float32
                ? Uniform(random, count, 1f)
                : Enumerable.Range(0, count).Select(_ => random.Next(IntegersBelow)).ToArray()));
        }
    }

    /// <summary>Integers are drawn below this: token types, of which a BERT has two, are the fewest of anything that is looked up.</summary>
    public const int IntegersBelow = 2;

    public Graph Graph { get; }

    /// <summary>Each input with its elements: an array of float or int.</summary>
    public List<(Value Value, Array Elements)> Inputs { get; } = [];

    /// <summary>Weights drawn evenly from ±1/√(last extent), so that sums neither grow nor vanish.</summary>
    public static GraphWorkload Drawn(Graph graph)
    {
        var workload = new GraphWorkload(graph);
        var random = new Random(2);
        foreach (Value value in graph.Values.Where(value => value.Role == ValueRole.Parameter))
        {
            int fan = checked((int)(value.Type.CountElements / Math.Max(1, value.Type.Shape[0])));
            workload._parameters.Add(value.Id, Uniform(random, checked((int)value.Type.CountElements), 1f / MathF.Sqrt(Math.Max(1, fan))));
        }

        return workload;
    }

    /// <summary>Weights as the model begins with.</summary>
    public static GraphWorkload Of(IModel model, ModelGraph graph)
    {
        var workload = new GraphWorkload(graph.Graph);
        for (int i = 0; i < graph.Parameters.Length; i++)
        {
            var elements = new float[graph.Graph[graph.Parameters[i]].Type.CountElements];
            model.Initialize(graph, i, seed: 1, firstElement: 0, elements);
            workload._parameters.Add(graph.Parameters[i], elements);
        }

        foreach (ValueId state in graph.OptimizerStates)
        {
            workload._parameters.Add(state, new float[graph.Graph[state].Type.CountElements]);
        }

        return workload;
    }

    /// <summary>The elements of a parameter, row-major.</summary>
    public float[] ParameterOf(ValueId id) => _parameters[id];

    /// <summary>An executor with weights and batch in place, ready to run.</summary>
    public HostExecutor OnHost(int threads)
    {
        CompiledProgram program = GraphCompiler.Compile(Graph, new CompileOptions(Workers: threads));
        var executor = new HostExecutor(program, threads);
        WriteTo(executor);
        executor.Load();
        return executor;
    }

    public void WriteTo(Executor executor)
    {
        foreach ((ValueId id, float[] elements) in _parameters)
        {
            executor.Write(id, elements);
        }

        foreach ((Value value, Array elements) in Inputs)
        {
            if (elements is float[] floats)
            {
                executor.Write(value.Id, floats);
            }
            else
            {
                executor.Write(value.Id, (int[])elements);
            }
        }
    }

    public byte[] ToOnnx()
    {
        using var stream = new MemoryStream();
        OnnxExporter.Write(Graph, ParameterOf, stream);
        return stream.ToArray();
    }

    /// <summary>Floating-point operations of one step, an FMA counting two.</summary>
    public static double Operations(CompiledProgram program)
    {
        double operations = 0;
        foreach (Pipeline pipeline in program.Step.SelectMany(section => section.Pipelines))
        {
            foreach (ConfiguredUnit unit in pipeline.Units)
            {
                operations += (double)unit.OperationsPerItem * pipeline.Items;
            }
        }

        return operations;
    }

    private static float[] Uniform(Random random, int count, float bound) =>
        [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2f - 1f) * bound)];
}
