using ProtoBuf;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx;

/// <summary>What was written.</summary>
/// <param name="Opset">The operator set that the model names.</param>
/// <param name="Nodes">Nodes of the model.</param>
/// <param name="Initializers">Tensors of the model.</param>
public sealed record OnnxExport(int Opset, int Nodes, int Initializers);

/// <summary>
/// An inference graph with its weights as an ONNX model. The batch is a free dimension named <see cref="BatchDimension"/>; whole values
/// have their shapes. The same graph and weights give the same bytes.
/// </summary>
/// <remarks>
/// Linear, or Linear and the AddBias that alone reads it --> Gemm; EmbeddingBag --> Gather, and ReduceSum over the bag;
/// SampleMatMul --> Reshape, MatMul, Reshape; ColumnMap --> Gather of columns; the elementwise operators --> those of the same
/// name. Indices of bags of one are exported as a vector [batch],
/// as frameworks do: a matrix would cost a Squeeze for every table.
/// </remarks>
public sealed partial class OnnxExporter
{
    public const string BatchDimension = "batch";

    /// <summary>
    /// Operator set 17 is read by every runtime of the last years; a later one is named only where an operator of the graph needs it.
    /// </summary>
    private const int OpsetVersion = 17;

    /// <summary>The format that came with operator set 17, and the one for all later sets.</summary>
    private const int IrVersion = 8;
    private const int LaterIrVersion = 10;

    private readonly Graph _graph;
    private readonly OnnxWeights _weights;
    private readonly int _opset;
    private readonly GraphProto _proto = new() { Name = "main" };
    private readonly string[] _names;
    private readonly int[] _uses;
    private readonly HashSet<ValueId> _initialized = [];
    private readonly HashSet<string> _matrices = [];

    private OnnxExporter(Graph graph, OnnxWeights weights)
    {
        _graph = graph;
        _weights = weights;
        _opset = graph.Nodes.Select(OpsetOf).Append(OpsetVersion).Max();
        _uses = new int[graph.Values.Count];
        foreach (ValueId input in graph.Nodes.SelectMany(node => node.Inputs).Concat(graph.Outputs))
        {
            _uses[input.Index]++;
        }

        var taken = new HashSet<string>();
        _names = new string[graph.Values.Count];
        foreach (Value value in graph.Values)
        {
            _names[value.Id.Index] = taken.Add(value.Name) ? value.Name : $"{value.Name}.{value.Id}";
        }
    }

    /// <param name="graph">An inference graph: without updates.</param>
    /// <param name="parameters">The elements of a parameter, row-major.</param>
    /// <param name="stream">Where the model goes; nothing is written if it cannot be exported.</param>
    /// <exception cref="RduException">RDU0402: an operator, or the graph as it is, has no ONNX form here.</exception>
    public static void Write(Graph graph, Func<ValueId, float[]> parameters, Stream stream) =>
        Write(graph, new OnnxWeights(id => [Bytes(parameters(id))]), stream);

    /// <param name="graph">An inference graph: without updates.</param>
    /// <param name="weights">Where elements come from, and where they go if not into the model.</param>
    /// <param name="stream">Where the model goes; nothing is written if it cannot be exported.</param>
    /// <exception cref="RduException">RDU0402: an operator, or the graph as it is, has no ONNX form here.</exception>
    public static OnnxExport Write(Graph graph, OnnxWeights weights, Stream stream)
    {
        var exporter = new OnnxExporter(graph, weights);
        exporter.Export();
        var model = new ModelProto
        {
            IrVersion = exporter._opset > OpsetVersion ? LaterIrVersion : IrVersion,
            ProducerName = "rduemu",
            Graph = exporter._proto,
        };
        model.OpsetImports.Add(new OperatorSetId { Version = exporter._opset });
        Serializer.Serialize(stream, model);
        return new OnnxExport(exporter._opset, exporter._proto.Nodes.Count, exporter._proto.Initializers.Count);
    }

    /// <summary>Bytes of the weights that the graph's nodes read: more than 2 GiB do not go into one protobuf message.</summary>
    public static long CountWeightBytes(Graph graph)
    {
        var read = new HashSet<ValueId>(graph.Nodes.SelectMany(node => node.Inputs));
        return graph.Values.Where(value => value.Role == ValueRole.Parameter && read.Contains(value.Id)).Sum(value => value.Type.CountElements * value.Type.Element.SizeBytes());
    }

    private static ReadOnlyMemory<byte> Bytes(float[] elements) => System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(elements).ToArray();

    private void Export()
    {
        if (_graph.Updates.Count > 0)
        {
            throw NotExported("the graph", "a graph without updates", $"{_graph.Updates.Count} updates", "export the inference graph of the model");
        }

        foreach (Value value in _graph.Values)
        {
            if (value.Role == ValueRole.Input)
            {
                _proto.Inputs.Add(Describe(value, IsVectorOfIndices(value)));
            }
        }

        var fused = new Dictionary<ValueId, Node>();
        foreach (Node node in _graph.Nodes)
        {
            if (node.Operator is Linear && _uses[node.Output.Index] == 1
                && _graph.Nodes.Any(reader => reader.Operator is AddBias && reader.Inputs[0] == node.Output))
            {
                fused.Add(node.Output, node);
                continue;
            }

            Export(node, fused);
        }

        foreach (ValueId output in _graph.Outputs)
        {
            ExportImageOutput(output);
            ValueInfoProto described = Describe(_graph[output], isVector: false);
            if (_graph[output].Role != ValueRole.Computed)
            {
                // What goes in and out as it is needs a node between.
                described.Name = $"{_names[output.Index]}.output";
                Emit("Identity", described.Name, [NameOf(output)], described.Name);
            }

            _proto.Outputs.Add(described);
        }
    }

    private void Export(Node node, Dictionary<ValueId, Node> fused)
    {
        if (TryExportImage(node))
        {
            return;
        }

        switch (node.Operator)
        {
            case Linear when _graph[node.Output].Type.Rank > 2:
                ExportTokenLinear(node, node, null);
                break;
            case AddBias when fused.TryGetValue(node.Inputs[0], out Node? linear) && _graph[node.Output].Type.Rank > 2:
                ExportTokenLinear(node, linear, node.Inputs[1]);
                break;
            case Linear:
                Emit("Gemm", node, [NameOf(node.Inputs[0]), NameOf(node.Inputs[1])], Attribute("transB", 1));
                break;
            case AddBias when fused.TryGetValue(node.Inputs[0], out Node? linear):
                Emit("Gemm", node, [NameOf(linear.Inputs[0]), NameOf(linear.Inputs[1]), NameOf(node.Inputs[1])], Attribute("transB", 1));
                break;
            case AddBias:
                Emit("Add", node, [NameOf(node.Inputs[0]), NameOf(node.Inputs[1])]);
                break;
            case Concat:
                Emit("Concat", node, [.. node.Inputs.Select(NameOf)], Attribute("axis", 1));
                break;
            case EmbeddingBag:
                ExportBag(node);
                break;
            case SampleMatMul product:
                ExportProduct(node, product);
                break;
            case ColumnMap map when map.Map.All(column => column >= 0):
                string columns = Integers($"{node.Name}.columns", [.. map.Map.Select(column => (long)column)]);
                Emit("Gather", node, [NameOf(node.Inputs[0]), columns], Attribute("axis", 1));
                break;
            case var _ when TryExportTransformer(node) || TryExportElementwise(node) || TryExportTensor(node):
                break;
            default:
                throw NotExported(
                    $"node {node.Name}", "an operator that ONNX can express", $"{node.Operator.Name} of {string.Join("; ", node.Inputs.Select(input => _graph[input].Type))}", "keep it out of what is exported, or express it by others");
        }
    }

    /// <summary>
    /// A table gets one more row, of zeros: ONNX counts index -1 from the end, so that what is absent adds nothing and no mask
    /// is needed.
    /// </summary>
    private void ExportBag(Node node)
    {
        ValueId indices = node.Inputs[0];
        Value table = _graph[node.Inputs[1]];
        if (table.Role != ValueRole.Parameter)
        {
            throw NotExported($"node {node.Name}", "a table that is a parameter", $"{table.Role} {table.Name}", "gather from a parameter");
        }

        if (_initialized.Add(table.Id))
        {
            _proto.Initializers.Add(_weights.Tensor(
                _names[table.Id.Index], [table.Type.Shape[0] + 1, table.Type.Shape[1]], TensorKind.Float32,
                [.. _weights.Pieces(table.Id), Bytes(new float[table.Type.Shape[1]])], checked(((long)table.Type.Shape[0] + 1) * table.Type.Shape[1] * sizeof(float))));
        }

        string[] inputs = [_names[table.Id.Index], NameOf(indices)];
        if (IsVectorOfIndices(_graph[indices]))
        {
            Emit("Gather", node, inputs, Attribute("axis", 0));
            return;
        }

        string all = $"{node.Name}.rows";
        Emit("Gather", all, inputs, all, Attribute("axis", 0));
        Emit("ReduceSum", node, [all, Integers($"{node.Name}.axes", [1])], Attribute("keepdims", 0));
    }

    private void ExportProduct(Node node, SampleMatMul product)
    {
        string a = Matrix(node.Inputs[0], product.M, product.K, product.TransposeA);
        string b = Matrix(node.Inputs[1], product.K, product.N, product.TransposeB);
        string matrices = $"{node.Name}.matrices";
        Emit("MatMul", matrices, [a, b], matrices);
        Emit("Reshape", node, [matrices, Integers($"{node.Name}.shape", [0, checked(product.M * product.N)])]);
    }

    /// <summary>The rows of a value as [batch, rows, columns] matrices; a matrix that is stored transposed is turned.</summary>
    private string Matrix(ValueId value, int rows, int columns, bool transposed)
    {
        (int storedRows, int storedColumns) = transposed ? (columns, rows) : (rows, columns);
        string stored = $"{NameOf(value)}.{storedRows}x{storedColumns}";
        if (_matrices.Add(stored))
        {
            // A dimension of 0 is taken over from the input: the batch.
            Emit("Reshape", stored, [NameOf(value), Integers($"{stored}.shape", [0, storedRows, storedColumns])], stored);
        }

        if (!transposed)
        {
            return stored;
        }

        string turned = $"{stored}.transposed";
        if (_matrices.Add(turned))
        {
            Emit("Transpose", turned, [stored], turned, Attribute("perm", 0, 2, 1));
        }

        return turned;
    }

    private void Emit(string type, Node node, string[] inputs, params AttributeProto[] attributes) =>
        Emit(type, node.Name, inputs, _names[node.Output.Index], attributes);

    private void Emit(string type, string name, string[] inputs, string output, params AttributeProto[] attributes)
    {
        var proto = new NodeProto { Name = name, OpType = type };
        proto.Inputs.AddRange(inputs);
        proto.Outputs.Add(output);
        proto.Attributes.AddRange(attributes);
        _proto.Nodes.Add(proto);
    }

    /// <summary>The name of a value that a node reads; parameters and constants become initializers where they are first read.</summary>
    private string NameOf(ValueId id)
    {
        Value value = _graph[id];
        if (value.Role is ValueRole.Parameter or ValueRole.Constant && _initialized.Add(id))
        {
            _proto.Initializers.Add(_weights.Tensor(
                _names[id.Index], [.. value.Type.Shape.Select(extent => (long)extent)], Import.OnnxTensors.KindOf(value.Type.Element),
                value.Role == ValueRole.Parameter ? _weights.Pieces(id) : [Tensor(value).Bytes.ToArray()], value.Type.CountElements * value.Type.Element.SizeBytes()));
        }

        return _names[id.Index];
    }

    /// <summary>A parameter or constant as it is.</summary>
    private HostTensor Tensor(Value value)
    {
        TensorType type = value.Type with { HasSamples = false };
        if (value.Constant is { } constant)
        {
            // A constant is filled with the words of a float32, whatever its type.
            int[] words = [.. Enumerable.Repeat(BitConverter.SingleToInt32Bits(constant), checked((int)type.CountElements))];
            return HostTensor.FromWords(type, words);
        }

        using var all = new MemoryStream();
        foreach (ReadOnlyMemory<byte> piece in _weights.Pieces(value.Id))
        {
            all.Write(piece.Span);
        }

        return new HostTensor(type, all.ToArray());
    }

    private float[] Elements(Value value) => Tensor(value).Span<float>().ToArray();

    private void Initialize(string name, long[] dims, float[] elements) => Initialize(name, dims, TensorKind.Float32, Bytes(elements));

    private string Initialize(string name, HostTensor tensor)
    {
        Initialize(name, [.. tensor.Shape.Select(extent => (long)extent)], Import.OnnxTensors.KindOf(tensor.Element), tensor.Bytes.ToArray());
        return name;
    }

    private string Integers(string name, long[] elements) => Initialize(name, HostTensor.Integers(elements));

    private void Initialize(string name, long[] dims, TensorKind kind, ReadOnlyMemory<byte> bytes) =>
        _proto.Initializers.Add(_weights.Tensor(name, dims, kind, [bytes], bytes.Length));

    /// <summary>True if all that reads the value are bags of one.</summary>
    private bool IsVectorOfIndices(Value value) =>
        value is { Role: ValueRole.Input, Type: { Element: ElementType.Int32, Rank: 2 } type } && type.Shape[1] == 1
        && _graph.Nodes.All(node => !node.Inputs.Contains(value.Id) || node.Operator is EmbeddingBag)
        && !_graph.Outputs.Contains(value.Id);

    private ValueInfoProto Describe(Value value, bool isVector)
    {
        var shape = new TensorShapeProto();
        var tensor = new TensorTypeProto { Kind = Import.OnnxTensors.KindOf(value.Type.Element), Shape = shape };
        int rank = isVector ? 1 : value.Type.Rank;
        for (int axis = 0; axis < rank; axis++)
        {
            shape.Dimensions.Add(axis == 0 && value.Type.HasSamples
                ? new DimensionProto { Parameter = BatchDimension }
                : new DimensionProto { Value = value.Type.Shape[axis] });
        }

        return new ValueInfoProto { Name = _names[value.Id.Index], Type = new TypeProto { Tensor = tensor } };
    }

    private static AttributeProto Attribute(string name, long value) => new() { Name = name, Int = value, Kind = AttributeKind.Int };

    private static AttributeProto Attribute(string name, params long[] values)
    {
        var attribute = new AttributeProto { Name = name, Kind = AttributeKind.Ints };
        attribute.Ints.AddRange(values);
        return attribute;
    }

    private static RduException NotExported(string where, string expected, string got, string remedy) =>
        new(ErrorCatalogue.NotExportable, where, expected, got, remedy);
}
