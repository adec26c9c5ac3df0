using ProtoBuf;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Compiler.Onnx.Import;

namespace RduEmu.Tests.Onnx;

/// <summary>Small ONNX models, made message by message.</summary>
internal sealed class OnnxModels
{
    public OnnxModels(long opset = 18)
    {
        Model = new ModelProto { IrVersion = 10, Graph = Graph };
        Model.OpsetImports.Add(new OperatorSetId { Version = opset });
    }

    public ModelProto Model { get; }

    public GraphProto Graph { get; } = new() { Name = "test" };

    /// <summary>x of [2, 3] through one operator to y.</summary>
    public static OnnxModels OfOne(string opType, long opset = 18) => new OnnxModels(opset).Input("x", TensorKind.Float32, 2, 3).Node(opType, ["x"], "y").Output("y");

    /// <param name="dims">Extents as numbers, or names.</param>
    public OnnxModels Input(string name, TensorKind kind, params object[] dims)
    {
        Graph.Inputs.Add(Describe(name, kind, dims));
        return this;
    }

    public OnnxModels Output(string name)
    {
        Graph.Outputs.Add(new ValueInfoProto { Name = name });
        return this;
    }

    public OnnxModels Node(string opType, string[] inputs, string output, params AttributeProto[] attributes) => Node(opType, inputs, [output], attributes);

    public OnnxModels Node(string opType, string[] inputs, string[] outputs, params AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = opType, Name = $"the {opType}" };
        node.Inputs.AddRange(inputs);
        node.Outputs.AddRange(outputs);
        node.Attributes.AddRange(attributes);
        Graph.Nodes.Add(node);
        return this;
    }

    public OnnxModels Initializer(string name, HostTensor tensor)
    {
        var proto = new TensorProto { Name = name, Kind = OnnxTensors.KindOf(tensor.Element), RawData = tensor.Bytes.ToArray() };
        proto.Dims.AddRange(tensor.Shape.Select(extent => (long)extent));
        return Initializer(proto);
    }

    public OnnxModels Initializer(TensorProto proto)
    {
        Graph.Initializers.Add(proto);
        return this;
    }

    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        Serializer.Serialize(stream, Model);
        return stream.ToArray();
    }

    public OnnxModel Import(OnnxImportOptions? options = null) => OnnxFile.Read(new MemoryStream(ToBytes()), "test.onnx").Import(options ?? OnnxImportOptions.None);

    public static ValueInfoProto Describe(string name, TensorKind kind, params object[] dims)
    {
        var shape = new TensorShapeProto();
        foreach (object dim in dims)
        {
            shape.Dimensions.Add(dim is string parameter ? new DimensionProto { Parameter = parameter } : new DimensionProto { Value = Convert.ToInt64(dim, null) });
        }

        return new ValueInfoProto { Name = name, Type = new TypeProto { Tensor = new TensorTypeProto { Kind = kind, Shape = shape } } };
    }
}
