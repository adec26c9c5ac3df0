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

    [ProtoMember(25)]
    public List<FunctionProto> Functions { get; } = [];
}

/// <summary>An operator that a model brings itself, as a graph of others.</summary>
[ProtoContract]
internal sealed class FunctionProto
{
    [ProtoMember(1)]
    public string Name { get; set; } = string.Empty;

    [ProtoMember(4)]
    public List<string> Inputs { get; } = [];

    [ProtoMember(5)]
    public List<string> Outputs { get; } = [];

    /// <summary>Attributes without a default.</summary>
    [ProtoMember(6)]
    public List<string> Attributes { get; } = [];

    [ProtoMember(7)]
    public List<NodeProto> Nodes { get; } = [];

    [ProtoMember(9)]
    public List<OperatorSetId> OpsetImports { get; } = [];

    [ProtoMember(10)]
    public string Domain { get; set; } = string.Empty;

    /// <summary>Attributes with their defaults.</summary>
    [ProtoMember(11)]
    public List<AttributeProto> Defaults { get; } = [];

    /// <summary>Tells functions of one name apart.</summary>
    [ProtoMember(13)]
    public string Overload { get; set; } = string.Empty;
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

    /// <summary>Only whether there are any matters: sparse tensors are not read.</summary>
    [ProtoMember(15)]
    public List<SparseTensorProto> SparseInitializers { get; } = [];
}

/// <summary>A sparse tensor, of which nothing is read but that it is one.</summary>
[ProtoContract]
internal sealed class SparseTensorProto;

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

    [ProtoMember(7)]
    public string Domain { get; set; } = string.Empty;

    [ProtoMember(8)]
    public string Overload { get; set; } = string.Empty;
}

/// <summary>AttributeProto.AttributeType.</summary>
internal enum AttributeKind
{
    Undefined = 0,
    Float = 1,
    Int = 2,
    String = 3,
    Tensor = 4,
    Graph = 5,
    Floats = 6,
    Ints = 7,
    Strings = 8,
    Tensors = 9,
    Graphs = 10,
    SparseTensor = 11,
    SparseTensors = 12,
    Type = 13,
    Types = 14,
}

[ProtoContract]
internal sealed class AttributeProto
{
    [ProtoMember(1)]
    public string Name { get; set; } = string.Empty;

    [ProtoMember(2)]
    public float? Float { get; set; }

    [ProtoMember(3)]
    public long? Int { get; set; }

    /// <summary>UTF-8.</summary>
    [ProtoMember(4)]
    public byte[]? Text { get; set; }

    [ProtoMember(5)]
    public TensorProto? Tensor { get; set; }

    [ProtoMember(6)]
    public GraphProto? Graph { get; set; }

    [ProtoMember(7)]
    public List<float> Floats { get; } = [];

    [ProtoMember(8)]
    public List<long> Ints { get; } = [];

    [ProtoMember(9)]
    public List<byte[]> Texts { get; } = [];

    [ProtoMember(20)]
    public AttributeKind Kind { get; set; }

    /// <summary>In a function: the attribute of the function that stands here.</summary>
    [ProtoMember(21)]
    public string Reference { get; set; } = string.Empty;
}

/// <summary>TensorProto.DataType.</summary>
internal enum TensorKind
{
    Undefined = 0,
    Float32 = 1,
    UInt8 = 2,
    Int8 = 3,
    UInt16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Bool = 9,
    Float16 = 10,
    Float64 = 11,
    UInt32 = 12,
    UInt64 = 13,
    Complex64 = 14,
    Complex128 = 15,
    BFloat16 = 16,
    Float8E4M3FN = 17,
    Float8E4M3FNUZ = 18,
    Float8E5M2 = 19,
    Float8E5M2FNUZ = 20,
    UInt4 = 21,
    Int4 = 22,
    Float4E2M1 = 23,
    Float8E8M0 = 24,
    UInt2 = 25,
    Int2 = 26,
}

/// <summary>TensorProto.DataLocation.</summary>
internal enum DataLocation
{
    Inside = 0,
    External = 1,
}

[ProtoContract]
internal sealed class TensorProto
{
    [ProtoMember(1, IsPacked = true)]
    public List<long> Dims { get; } = [];

    [ProtoMember(2)]
    public TensorKind Kind { get; set; }

    [ProtoMember(4, IsPacked = true)]
    public List<float> Floats { get; } = [];

    /// <summary>Elements of up to 32 bits; a float16 or bfloat16 by its bits.</summary>
    [ProtoMember(5, IsPacked = true)]
    public List<int> Integers { get; } = [];

    [ProtoMember(7, IsPacked = true)]
    public List<long> Longs { get; } = [];

    [ProtoMember(8)]
    public string Name { get; set; } = string.Empty;

    /// <summary>The elements, row-major, little-endian; null if they are somewhere else.</summary>
    [ProtoMember(9)]
    public byte[]? RawData { get; set; }

    [ProtoMember(10, IsPacked = true)]
    public List<double> Doubles { get; } = [];

    /// <summary>Elements of uint32 and uint64.</summary>
    [ProtoMember(11, IsPacked = true)]
    public List<ulong> UnsignedLongs { get; } = [];

    [ProtoMember(13)]
    public List<StringEntry> ExternalData { get; } = [];

    [ProtoMember(14)]
    public DataLocation Location { get; set; }
}

[ProtoContract]
internal sealed class StringEntry
{
    [ProtoMember(1)]
    public string Key { get; set; } = string.Empty;

    [ProtoMember(2)]
    public string Value { get; set; } = string.Empty;
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
    /// <summary>Null where the type is none of tensors.</summary>
    [ProtoMember(1)]
    public TensorTypeProto? Tensor { get; set; }

    [ProtoMember(4)]
    public SequenceTypeProto? Sequence { get; set; }

    [ProtoMember(9)]
    public SequenceTypeProto? Optional { get; set; }
}

/// <summary>A sequence or an optional value: only that it is one matters.</summary>
[ProtoContract]
internal sealed class SequenceTypeProto;

[ProtoContract]
internal sealed class TensorTypeProto
{
    [ProtoMember(1)]
    public TensorKind Kind { get; set; }

    /// <summary>Null where not even the rank is said.</summary>
    [ProtoMember(2)]
    public TensorShapeProto? Shape { get; set; }
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
