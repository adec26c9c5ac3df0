using System.Text;
using System.Text.Json;
using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Executables;

/// <summary>
/// A graph as JSON, one value or node a line, and back: equal graphs give equal bytes, and what is read equals what was written.
/// </summary>
public static class GraphText
{
    public static byte[] Write(Graph graph)
    {
        var text = new StringBuilder("{\"values\":[");
        bool first = true;
        foreach (Value value in graph.Values)
        {
            Begin(text, ref first);
            string constant = value.Constant is { } number ? $",\"bits\":\"0x{BitConverter.SingleToInt32Bits(number):X8}\"" : string.Empty;
            string pairs = value.Type.IsPaired ? ",\"pairs\":true" : string.Empty;
            text.Append($"{{\"name\":{Quote(value.Name)},\"role\":\"{value.Role}\",\"element\":\"{value.Type.Element}\",\"shape\":[{string.Join(',', value.Type.Shape)}],\"samples\":{(value.Type.HasSamples ? "true" : "false")}{pairs}{constant}}}");
        }

        text.Append("],\n\"nodes\":[");
        first = true;
        foreach (Node node in graph.Nodes)
        {
            Begin(text, ref first);
            text.Append($"{{\"name\":{Quote(node.Name)},\"operator\":\"{node.Operator.Name}\",\"attributes\":{OperatorCatalogue.Attributes(node.Operator).ToJsonString()},\"inputs\":[{string.Join(',', node.Inputs.Select(input => input.Index))}],\"output\":{node.Output.Index}}}");
        }

        text.Append($"],\n\"outputs\":[{string.Join(',', graph.Outputs.Select(output => output.Index))}],\n\"updates\":[");
        text.AppendJoin(',', graph.Updates.Select(update => $"[{update.Parameter.Index},{update.Value.Index}]")).Append("]}\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <exception cref="FormatException">Not a graph.</exception>
    /// <exception cref="JsonException">Not JSON.</exception>
    /// <exception cref="Kernels.Errors.RduException">RDU0401: not a legal graph.</exception>
    public static Graph Read(ReadOnlyMemory<byte> text, OperatorCatalogue operators)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        JsonElement root = document.RootElement;
        var values = new List<Value>();
        foreach (JsonElement value in root.GetProperty("values").EnumerateArray())
        {
            var type = new TensorType(
                Enum.Parse<ElementType>(value.GetProperty("element").GetString()!), Integers(value.GetProperty("shape")), value.GetProperty("samples").GetBoolean())
            {
                IsPaired = value.TryGetProperty("pairs", out JsonElement pairs) && pairs.GetBoolean(),
            };
            float? constant = value.TryGetProperty("bits", out JsonElement bits) ? BitConverter.Int32BitsToSingle(Convert.ToInt32(bits.GetString(), 16)) : null;
            values.Add(new Value(
                new ValueId(values.Count), value.GetProperty("name").GetString()!, type, Enum.Parse<ValueRole>(value.GetProperty("role").GetString()!), constant));
        }

        var nodes = new List<Node>();
        foreach (JsonElement node in root.GetProperty("nodes").EnumerateArray())
        {
            nodes.Add(new Node(
                new NodeId(nodes.Count), node.GetProperty("name").GetString()!,
                operators.Create(node.GetProperty("operator").GetString()!, node.GetProperty("attributes")),
                Ids(node.GetProperty("inputs")), new ValueId(node.GetProperty("output").GetInt32())));
        }

        Update[] updates = [.. root.GetProperty("updates").EnumerateArray().Select(pair => new Update(new ValueId(pair[0].GetInt32()), new ValueId(pair[1].GetInt32())))];
        var graph = new Graph(
            EquatableArray.Create<Value>([.. values]), EquatableArray.Create<Node>([.. nodes]), Ids(root.GetProperty("outputs")), EquatableArray.Create<Update>(updates));
        GraphSpec.Check(graph);
        return graph;
    }

    private static void Begin(StringBuilder text, ref bool first)
    {
        text.Append(first ? "\n" : ",\n");
        first = false;
    }

    private static string Quote(string text) => JsonSerializer.Serialize(text);

    private static EquatableArray<int> Integers(JsonElement list) => EquatableArray.Create<int>([.. list.EnumerateArray().Select(item => item.GetInt32())]);

    private static EquatableArray<ValueId> Ids(JsonElement list) => EquatableArray.Create<ValueId>([.. list.EnumerateArray().Select(item => new ValueId(item.GetInt32()))]);
}
