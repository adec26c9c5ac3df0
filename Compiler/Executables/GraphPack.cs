using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Executables;

/// <summary>
/// A graph as a pack, and back: operators that are equal once, then values and nodes, which name them by number. Equal graphs give
/// equal bytes, and what is read equals what was written.
/// </summary>
internal static class GraphPack
{
    private const int Elements = (int)ElementType.UInt2 + 1;
    private const int Roles = (int)ValueRole.Computed + 1;

    public static byte[] Write(Graph graph)
    {
        var pack = new PackWriter();
        var numbers = new Dictionary<Operator, int>();
        foreach (Node node in graph.Nodes)
        {
            numbers.TryAdd(node.Operator, numbers.Count);
        }

        pack.Write(numbers.Count);
        foreach (Operator op in numbers.OrderBy(entry => entry.Value).Select(entry => entry.Key))
        {
            OperatorPack.Write(pack, op);
        }

        pack.Write(graph.Values.Count);
        foreach (Value value in graph.Values)
        {
            pack.Write(value.Name);
            pack.Write((int)value.Role);
            pack.Write((int)value.Type.Element);
            pack.Write(value.Type.Shape.AsSpan());
            pack.Write((value.Type.HasSamples ? 1 : 0) + (value.Type.IsPaired ? 2 : 0) + (value.Constant.HasValue ? 4 : 0));
            if (value.Constant is { } constant)
            {
                pack.Write(constant);
            }
        }

        pack.Write(graph.Nodes.Count);
        foreach (Node node in graph.Nodes)
        {
            pack.Write(node.Name);
            pack.Write(numbers[node.Operator]);
            Write(pack, node.Inputs);
            pack.Write(node.Output.Index);
            pack.Write(node.IsRecomputed);
        }

        Write(pack, graph.Outputs);
        pack.Write(graph.Updates.Count);
        foreach (Update update in graph.Updates)
        {
            pack.Write(update.Parameter.Index);
            pack.Write(update.Value.Index);
        }

        return pack.ToBytes();
    }

    /// <exception cref="InvalidDataException">Not a graph.</exception>
    /// <exception cref="FormatException">With an operator that is not there, or has other attributes.</exception>
    /// <exception cref="Kernels.Errors.RduException">RDU0401: not a legal graph.</exception>
    public static Graph Read(ReadOnlySpan<byte> bytes, OperatorCatalogue operators)
    {
        var pack = new PackReader(bytes);
        var known = new Operator[pack.ReadCount()];
        for (int i = 0; i < known.Length; i++)
        {
            known[i] = OperatorPack.Read(ref pack, operators);
        }

        var values = new Value[pack.ReadCount()];
        for (int i = 0; i < values.Length; i++)
        {
            string name = pack.ReadText();
            var role = (ValueRole)pack.ReadBelow(Roles);
            var element = (ElementType)pack.ReadBelow(Elements);
            EquatableArray<int> shape = pack.ReadInts();
            int flags = pack.ReadBelow(8);
            var type = new TensorType(element, shape, (flags & 1) != 0) { IsPaired = (flags & 2) != 0 };
            values[i] = new Value(new ValueId(i), name, type, role, (flags & 4) != 0 ? pack.ReadFloat() : null);
        }

        var nodes = new Node[pack.ReadCount()];
        for (int i = 0; i < nodes.Length; i++)
        {
            string name = pack.ReadText();
            Operator op = known[pack.ReadBelow(known.Length)];
            EquatableArray<ValueId> inputs = ReadIds(ref pack, values.Length);
            var output = new ValueId(pack.ReadBelow(values.Length));
            nodes[i] = new Node(new NodeId(i), name, op, inputs, output) { IsRecomputed = pack.ReadBool() };
        }

        EquatableArray<ValueId> outputs = ReadIds(ref pack, values.Length);
        var updates = new Update[pack.ReadCount()];
        for (int i = 0; i < updates.Length; i++)
        {
            var parameter = new ValueId(pack.ReadBelow(values.Length));
            updates[i] = new Update(parameter, new ValueId(pack.ReadBelow(values.Length)));
        }

        pack.RequireEnd();
        var graph = new Graph(new EquatableArray<Value>(values), new EquatableArray<Node>(nodes), outputs, new EquatableArray<Update>(updates));
        GraphSpec.Check(graph);
        return graph;
    }

    private static void Write(PackWriter pack, EquatableArray<ValueId> ids)
    {
        pack.Write(ids.Count);
        foreach (ValueId id in ids.AsSpan())
        {
            pack.Write(id.Index);
        }
    }

    private static EquatableArray<ValueId> ReadIds(ref PackReader pack, int values)
    {
        var ids = new ValueId[pack.ReadCount()];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = new ValueId(pack.ReadBelow(values));
        }

        return new EquatableArray<ValueId>(ids);
    }
}
