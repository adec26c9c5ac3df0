using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Onnx;

/// <summary>An input or output of an imported model.</summary>
/// <param name="Name">Its name in the model.</param>
/// <param name="Type">Its type.</param>
/// <param name="Value">The value of the graph that it is; null if its tensor is known already.</param>
/// <param name="Known">The tensor, if it was given for an input or worked out for an output when the model was compiled.</param>
public sealed record OnnxPort(string Name, TensorType Type, ValueId? Value, HostTensor? Known);

/// <summary>A model as a graph with the tensors of its parameters.</summary>
/// <param name="Graph">Its inputs and outputs are whole.</param>
/// <param name="Inputs">In the model's order.</param>
/// <param name="Outputs">In the model's order.</param>
/// <param name="Parameters">What is to be written before the program is loaded.</param>
public sealed record OnnxModel(
    Graph Graph, IReadOnlyList<OnnxPort> Inputs, IReadOnlyList<OnnxPort> Outputs, IReadOnlyDictionary<ValueId, HostTensor> Parameters);

/// <summary>What is known of a model's inputs when it is compiled.</summary>
/// <param name="Shapes">Shapes by input name; they stand before what the model says, which must agree.</param>
/// <param name="Known">Inputs that are compiled in, because shapes depend on them.</param>
public sealed record OnnxImportOptions(IReadOnlyDictionary<string, int[]> Shapes, IReadOnlyDictionary<string, HostTensor> Known)
{
    /// <summary>True if nodes become the operators of built-in models where they can (<see cref="Recognition.GraphRecognition"/>).</summary>
    public bool Recognizes { get; init; } = true;

    public static OnnxImportOptions None { get; } = new(new Dictionary<string, int[]>(), new Dictionary<string, HostTensor>());
}
