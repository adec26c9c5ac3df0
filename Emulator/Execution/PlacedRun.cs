using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Emulator.Execution;

/// <summary>
/// A placed program executed as it is placed: section after section, each a program of its own that sees nothing but what it loads from
/// the memory outside and leaves nothing but what it stores there, in pieces of its iterations. Slow and plain: it shows that sections,
/// loads and stores of a placement are complete and in order. The bits are those of the whole graph.
/// </summary>
public sealed class PlacedRun : IDisposable
{
    private readonly Graph _graph;
    private readonly List<Step> _steps = [];
    private readonly Dictionary<ValueId, HostTensor> _memory = [];

    /// <param name="graph">What was placed.</param>
    /// <param name="program">How.</param>
    /// <param name="threads">Workers on the host.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU0401: an operator has no template.</exception>
    /// <exception cref="InvalidOperationException">A section needs a value that it neither computes nor loads.</exception>
    public PlacedRun(Graph graph, PlacedProgram program, int threads = 1)
    {
        _graph = graph;
        foreach (PlacedSection placed in program.Sections)
        {
            _steps.Add(Step.Of(graph, program, placed.Section, threads));
        }
    }

    /// <summary>An input or parameter.</summary>
    public void Write(ValueId value, HostTensor tensor) => _memory[value] = tensor;

    /// <summary>A parameter, or a value that a section stored.</summary>
    public HostTensor Read(ValueId value) => _memory[value];

    /// <summary>One step: all sections, then the updates.</summary>
    public void Run()
    {
        foreach (Step step in _steps)
        {
            step.Run(_memory);
        }

        foreach (Update update in _graph.Updates)
        {
            _memory[update.Parameter] = _memory[update.Value];
        }
    }

    public void Dispose() => _steps.ForEach(step => step.Dispose());

    /// <summary>One section with its own graph.</summary>
    /// <param name="Executor">Null where all its operators are computed by their last part.</param>
    /// <param name="Loads">Values of the whole graph, with their ids here.</param>
    /// <param name="Stores">The same of what is stored; of an updated parameter its place.</param>
    private sealed record Step(Executor? Executor, IReadOnlyList<(ValueId Whole, ValueId Own)> Loads, IReadOnlyList<(ValueId Whole, ValueId Own)> Stores)
    {
        public static Step Of(Graph graph, PlacedProgram program, MachineSection section, int threads)
        {
            if (section.Stages.All(stage => stage.Part < stage.Parts - 1))
            {
                return new Step(null, [], []);
            }

            var builder = new GraphBuilder();
            var known = new Dictionary<ValueId, ValueId>();
            var loads = new List<(ValueId, ValueId)>();
            foreach (int tensor in Distinct(section, DramDirection.Load))
            {
                var id = new ValueId(tensor);
                Value value = graph[id];
                ValueId own = value.Constant is { } constant ? builder.Constant(value.Name, value.Type, constant)
                    : value.Type.HasSamples ? builder.Input(value.Name, value.Type)
                    : builder.Parameter(value.Name, value.Type);
                known.Add(id, own);
                if (value.Constant is null)
                {
                    loads.Add((id, own));
                }
            }

            foreach (NodeId node in section.Operators.SelectMany(index => program.Graph.Operators[index].Nodes))
            {
                Node whole = graph.Nodes[node.Index];
                ValueId[] inputs = [.. whole.Inputs.Select(input => known.TryGetValue(input, out ValueId own)
                    ? own
                    : throw new InvalidOperationException($"{section.Name}: {graph[input].Name} is neither loaded nor computed"))];
                known.Add(whole.Output, builder.Apply(whole.Operator, inputs));
            }

            var stores = new List<(ValueId, ValueId)>();
            var outputs = new List<ValueId>();
            foreach (int tensor in Distinct(section, DramDirection.Store))
            {
                // What updates a parameter that is here is written in its place, as a sparse step must be.
                var id = new ValueId(tensor);
                Update[] update = [.. graph.Updates.Where(update => update.Value == id && known.ContainsKey(update.Parameter) && graph[update.Parameter].Role == ValueRole.Parameter)];
                if (update.Length > 0)
                {
                    builder.Update(known[update[0].Parameter], known[id]);
                    stores.Add((id, known[update[0].Parameter]));
                }
                else
                {
                    outputs.Add(known[id]);
                    stores.Add((id, known[id]));
                }
            }

            int tile = Math.Max(1, (program.Graph.Samples + section.Iterations - 1) / section.Iterations);
            var target = new ExecutionTarget("host", threads, CompileMode.O3, tile);
            return new Step(target.Create(target.Compile(builder.Build([.. outputs]))), loads, stores);
        }

        public void Run(Dictionary<ValueId, HostTensor> memory)
        {
            if (Executor is null)
            {
                return;
            }

            foreach ((ValueId whole, ValueId own) in Loads)
            {
                Executor.Write(own, memory[whole]);
            }

            Executor.Load();
            Executor.Run();
            foreach ((ValueId whole, ValueId own) in Stores)
            {
                memory[whole] = Executor.Read(own);
            }
        }

        public void Dispose() => Executor?.Dispose();

        private static IEnumerable<int> Distinct(MachineSection section, DramDirection direction) =>
            section.DramTransfers.Where(transfer => transfer.Direction == direction).Select(transfer => transfer.Tensor).Distinct();
    }
}
