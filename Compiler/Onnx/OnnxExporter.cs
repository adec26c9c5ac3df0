using ProtoBuf;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx;

/// <summary>
/// An inference graph with its weights as an ONNX model. The batch is a free dimension named <see cref="BatchDimension"/>.
/// The same graph and weights give the same bytes.
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

    /// <summary>Operator set 17 is read by every runtime of the last years; ReduceSum takes its axes as an input since 13.</summary>
    private const int OpsetVersion = 17;

    /// <summary>The format that came with operator set 17.</summary>
    private const int IrVersion = 8;

    /// <summary>A protobuf message is shorter than 2 GiB; what is not weights is far below a MiB.</summary>
    private const long MaximumWeightBytes = int.MaxValue - (1L << 20);

    private readonly Graph _graph;
    private readonly Func<ValueId, float[]> _parameters;
    private readonly GraphProto _proto = new() { Name = "main" };
    private readonly string[] _names;
    private readonly int[] _uses;
    private readonly HashSet<ValueId> _initialized = [];
    private readonly HashSet<string> _matrices = [];
    private long _weightBytes;

    private OnnxExporter(Graph graph, Func<ValueId, float[]> parameters)
    {
        _graph = graph;
        _parameters = parameters;
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
    public static void Write(Graph graph, Func<ValueId, float[]> parameters, Stream stream)
    {
        var exporter = new OnnxExporter(graph, parameters);
        exporter.Export();
        var model = new ModelProto { IrVersion = IrVersion, ProducerName = "rduemu", Graph = exporter._proto };
        model.OpsetImports.Add(new OperatorSetId { Version = OpsetVersion });
        Serializer.Serialize(stream, model);
    }

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
            if (_graph[output].Role != ValueRole.Computed)
            {
                throw NotExported("the outputs", "values that a node computes", $"{_graph[output].Role} {_graph[output].Name}", "leave it out");
            }

            ExportImageOutput(output);
            _proto.Outputs.Add(Describe(_graph[output], isVector: false));
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
            case AddBias or Add:
                Emit("Add", node, [NameOf(node.Inputs[0]), NameOf(node.Inputs[1])]);
                break;
            case Relu or Sigmoid:
                Emit(node.Operator.Name, node, [NameOf(node.Inputs[0])]);
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
            case var _ when TryExportTransformer(node):
                break;
            default:
                throw NotExported(
                    $"node {node.Name}", "an operator of inference, a ColumnMap without gaps",
                    node.Operator.ToString(), "express it by these");
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
            float[] rows = Elements(table);
            Initialize(_names[table.Id.Index], [table.Type.Shape[0] + 1, table.Type.Shape[1]], [.. rows, .. new float[table.Type.Shape[1]]]);
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
            Initialize(_names[id.Index], [.. value.Type.Shape.Select(extent => (long)extent)], Elements(value));
        }

        return _names[id.Index];
    }

    private float[] Elements(Value value)
    {
        long count = value.Type.CountElements;
        _weightBytes += count * sizeof(float);
        if (_weightBytes > MaximumWeightBytes)
        {
            throw NotExported("the graph", $"weights of at most {MaximumWeightBytes} bytes", $"more, at {value.Name}", "cap the tables");
        }

        float[] elements = value.Constant is { } constant ? [.. Enumerable.Repeat(constant, checked((int)count))] : _parameters(value.Id);
        return elements.Length == count
            ? elements
            : throw new ArgumentException($"{value.Name} has {count} elements, not {elements.Length}");
    }

    private void Initialize(string name, long[] dims, float[] elements) =>
        Initialize(name, dims, TensorKind.Float32, System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(elements).ToArray());

    private string Integers(string name, long[] elements)
    {
        Initialize(name, [elements.Length], TensorKind.Int64, System.Runtime.InteropServices.MemoryMarshal.AsBytes<long>(elements).ToArray());
        return name;
    }

    private void Initialize(string name, long[] dims, TensorKind kind, byte[] bytes)
    {
        var tensor = new TensorProto { Name = name, Kind = kind, RawData = bytes };
        tensor.Dims.AddRange(dims);
        _proto.Initializers.Add(tensor);
    }

    /// <summary>True if all that reads the value are bags of one.</summary>
    private bool IsVectorOfIndices(Value value) =>
        value is { Role: ValueRole.Input, Type: { Element: ElementType.Int32, Rank: 2 } type } && type.Shape[1] == 1
        && _graph.Nodes.All(node => !node.Inputs.Contains(value.Id) || node.Operator is EmbeddingBag)
        && !_graph.Outputs.Contains(value.Id);

    private ValueInfoProto Describe(Value value, bool isVector)
    {
        var shape = new TensorShapeProto();
        var tensor = new TensorTypeProto { Kind = value.Type.Element == ElementType.Int32 ? TensorKind.Int32 : TensorKind.Float32, Shape = shape };
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
