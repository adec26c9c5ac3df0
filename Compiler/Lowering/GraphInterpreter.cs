using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;

namespace RduEmu.Compiler.Lowering;

/// <summary>
/// Runs nodes once, by the interpreter's loops: how constants are folded. These loops are the definition of every unit, so a
/// folded value has the bits that the device would have computed.
/// </summary>
public static unsafe class GraphInterpreter
{
    /// <summary>Computes some values of a graph that is still being built.</summary>
    /// <param name="builder">The graph.</param>
    /// <param name="nodes">The nodes to run, in their order.</param>
    /// <param name="outputs">Values that these nodes compute.</param>
    /// <param name="given">The tensor of every other value that the nodes read.</param>
    public static HostTensor[] Run(
        GraphBuilder builder, IReadOnlyList<Node> nodes, IReadOnlyList<ValueId> outputs, IReadOnlyDictionary<ValueId, HostTensor> given)
    {
        var part = new GraphBuilder();
        var mapped = new Dictionary<ValueId, ValueId>();
        var tensors = new Dictionary<ValueId, HostTensor>();
        foreach (Node node in nodes)
        {
            var inputs = new ValueId[node.Inputs.Count];
            for (int i = 0; i < inputs.Length; i++)
            {
                ValueId input = node.Inputs[i];
                if (!mapped.TryGetValue(input, out inputs[i]))
                {
                    if (builder.ConstantOf(input) is { } constant)
                    {
                        inputs[i] = part.Constant(builder.NameOf(input), builder[input], constant);
                    }
                    else
                    {
                        inputs[i] = part.Parameter(builder.NameOf(input), builder[input]);
                        tensors.Add(inputs[i], given[input]);
                    }

                    mapped.Add(input, inputs[i]);
                }
            }

            mapped.Add(node.Output, part.Apply(node.Operator, inputs));
        }

        return Run(part.Build([.. outputs.Select(output => mapped[output])]), tensors);
    }

    /// <param name="graph">Any graph.</param>
    /// <param name="given">A tensor for each input and parameter.</param>
    /// <returns>One tensor for each output.</returns>
    public static HostTensor[] Run(Graph graph, IReadOnlyDictionary<ValueId, HostTensor> given)
    {
        CompiledProgram program = GraphCompiler.Compile(graph, new CompileOptions(CompileMode.O0, Materialize: true));
        using var arena = new HostArena(program.ArenaBytes);
        foreach (ArenaConstant constant in program.Constants)
        {
            constant.Words.AsSpan().CopyTo(Words(arena, constant.OffsetElements, constant.Words.Length));
        }

        foreach ((ValueId id, HostTensor tensor) in given)
        {
            tensor.ToWords(0, Words(arena, program.Operands[id].OffsetElements, checked((int)tensor.Type.CountWords)));
        }

        var memory = new InterpreterMemory(arena.Start, arena.LengthBytes);
        foreach (Pipeline pipeline in program.Load.Pipelines.Concat(program.Step.SelectMany(section => section.Pipelines)))
        {
            foreach (ConfiguredUnit unit in pipeline.Units)
            {
                unit.Interpret(memory, pipeline.Items);
            }
        }

        return [.. graph.Outputs.Select(output => Read(arena, graph[output].Type, program.Operands[output]))];
    }

    private static HostTensor Read(HostArena arena, TensorType type, Operand operand)
    {
        int count = checked((int)type.CountWords);
        int rows = type.Rank < 2 ? 1 : type.Shape[0];
        int rowWords = rows == 0 ? 0 : count / rows;
        if (rows <= 1 || operand.RowStrideElements == rowWords)
        {
            return HostTensor.FromWords(type, Words(arena, operand.OffsetElements, count));
        }

        var words = new int[count];
        for (int row = 0; row < rows; row++)
        {
            Words(arena, operand.At(row, 0), rowWords).CopyTo(words.AsSpan(row * rowWords));
        }

        return HostTensor.FromWords(type, words);
    }

    private static Span<int> Words(HostArena arena, long offset, int count) => new((int*)arena.Start + offset, count);
}
