using ProtoBuf;

namespace RduEmu.Compiler.Onnx;

// The part of onnx.proto3 (github.com/onnx/onnx) that a graph with its weights needs, with the field numbers of that file.
// Optional numbers are nullable: ONNX tells an attribute that is 0 from one that is not there.

[ProtoContract]
internal sealed class ModelProto
{
    [ProtoMember(1)]
    public long IrVersion { get; set; }

    [ProtoMember(2)]
    public string ProducerName { get; set; } = string.Empty;

    [ProtoMember(3)]
    public string ProducerVersion { get; set; } = string.Empty;

    [ProtoMember(7, IsRequired = true)]
    public GraphProto Graph { get; set; } = new();

    [ProtoMember(8)]
    public List<OperatorSetId> OpsetImports { get; } = [];
}

[ProtoContract]
internal sealed class OperatorSetId
{
    /// <summary>Empty for ONNX's own operators.</summary>
    [ProtoMember(1)]
    public string Domain { get; set; } = string.Empty;

    [ProtoMember(2)]
    public long Version { get; set; }
}

[ProtoContract]
internal sealed class GraphProto
{
    [ProtoMember(1)]
    public List<NodeProto> Nodes { get; } = [];

    [ProtoMember(2)]
    public string Name { get; set; } = string.Empty;

    [ProtoMember(5)]
    public List<TensorProto> Initializers { get; } = [];

    [ProtoMember(11)]
    public List<ValueInfoProto> Inputs { get; } = [];

    [ProtoMember(12)]
    public List<ValueInfoProto> Outputs { get; } = [];
}

[ProtoContract]
internal sealed class NodeProto
{
    [ProtoMember(1)]
    public List<string> Inputs { get; } = [];

    [ProtoMember(2)]
    public List<string> Outputs { get; } = [];

    [ProtoMember(3)]
    public string Name { get; set; } = string.Empty;

    [ProtoMember(4)]
    public string OpType { get; set; } = string.Empty;

    [ProtoMember(5)]
    public List<AttributeProto> Attributes { get; } = [];
}

/// <summary>AttributeProto.AttributeType.</summary>
internal enum AttributeKind
{
    Undefined = 0,
    Int = 2,
    Ints = 7,
}

[ProtoContract]
internal sealed class AttributeProto
{
    [ProtoMember(1)]
    public string Name { get; set; } = string.Empty;

    [ProtoMember(3)]
    public long? Int { get; set; }

    [ProtoMember(8)]
    public List<long> Ints { get; } = [];

    [ProtoMember(20)]
    public AttributeKind Kind { get; set; }
}

/// <summary>TensorProto.DataType.</summary>
internal enum TensorKind
{
    Undefined = 0,
    Float32 = 1,
    Int32 = 6,
    Int64 = 7,
}

[ProtoContract]
internal sealed class TensorProto
{
    [ProtoMember(1, IsPacked = true)]
    public List<long> Dims { get; } = [];

    [ProtoMember(2)]
    public TensorKind Kind { get; set; }

    [ProtoMember(8)]
    public string Name { get; set; } = string.Empty;

    /// <summary>The elements, row-major, little-endian.</summary>
    [ProtoMember(9)]
    public byte[] RawData { get; set; } = [];
}

[ProtoContract]
internal sealed class ValueInfoProto
{
    [ProtoMember(1)]
    public string Name { get; set; } = string.Empty;

    [ProtoMember(2, IsRequired = true)]
    public TypeProto Type { get; set; } = new();
}

[ProtoContract]
internal sealed class TypeProto
{
    [ProtoMember(1, IsRequired = true)]
    public TensorTypeProto Tensor { get; set; } = new();
}

[ProtoContract]
internal sealed class TensorTypeProto
{
    [ProtoMember(1)]
    public TensorKind Kind { get; set; }

    [ProtoMember(2, IsRequired = true)]
    public TensorShapeProto Shape { get; set; } = new();
}

[ProtoContract]
internal sealed class TensorShapeProto
{
    [ProtoMember(1)]
    public List<DimensionProto> Dimensions { get; } = [];
}

/// <summary>An extent, or a name where it is free.</summary>
[ProtoContract]
internal sealed class DimensionProto
{
    [ProtoMember(1)]
    public long? Value { get; set; }

    [ProtoMember(2)]
    public string? Parameter { get; set; }
}
