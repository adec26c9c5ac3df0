using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Onnx.Import;

/// <summary>What a name of an ONNX graph stands for: a value of the graph that is built, or a tensor that is known already.</summary>
public sealed class OnnxValue
{
    private OnnxValue(ValueId? id, HostTensor? known)
    {
        Id = id;
        Known = known;
    }

    /// <summary>The graph's value; null where the tensor is known.</summary>
    public ValueId? Id { get; }

    /// <summary>The tensor, where it is known when the model is compiled.</summary>
    public HostTensor? Known { get; }

    public static implicit operator OnnxValue(ValueId id) => FromValueId(id);

    public static implicit operator OnnxValue(HostTensor known) => FromHostTensor(known);

    public static OnnxValue FromValueId(ValueId id) => new(id, null);

    public static OnnxValue FromHostTensor(HostTensor known) => new(null, known);
}
