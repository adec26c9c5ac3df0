using Microsoft.ML.OnnxRuntime;
using RduEmu.Compiler.Onnx;

namespace RduEmu.Perf.Peers;

/// <summary>An input of a peer: an array of float or int, and its shape.</summary>
internal readonly record struct PeerInput(string Name, Array Elements, long[] Shape);

/// <summary>
/// A model in ONNX Runtime as its users would run it for speed: all graph optimisations, the batch fixed, inputs and output
/// bound once so that no run copies or allocates them.
/// </summary>
internal sealed class OnnxRuntimePeer : IDisposable
{
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly RunOptions _options = new();
    private readonly List<OrtValue> _values = [];
    private readonly float[] _output;

    /// <param name="outputShape">Of the first output; others are bound by the runtime.</param>
    public OnnxRuntimePeer(byte[] model, int batch, IEnumerable<PeerInput> inputs, long[] outputShape, int threads)
    {
        using var options = new SessionOptions
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
        };
        options.AddFreeDimensionOverrideByName(OnnxExporter.BatchDimension, batch);
        _session = new InferenceSession(model, options);
        _binding = _session.CreateIoBinding();
        foreach (PeerInput input in inputs.Where(input => _session.InputNames.Contains(input.Name)))
        {
            _binding.BindInput(input.Name, input.Elements is float[] floats ? Pinned(floats, input.Shape) : Pinned((int[])input.Elements, input.Shape));
        }

        _output = new float[outputShape.Aggregate(1L, (product, extent) => product * extent)];
        _binding.BindOutput(_session.OutputNames[0], Pinned(_output, outputShape));
        foreach (string name in _session.OutputNames.Skip(1))
        {
            _binding.BindOutputToDevice(name, OrtMemoryInfo.DefaultInstance);
        }
    }

    /// <summary>What the last run wrote.</summary>
    public ReadOnlySpan<float> Output => _output;

    public void Run() => _session.RunWithBinding(_options, _binding);

    public void Dispose()
    {
        _binding.Dispose();
        foreach (OrtValue value in _values)
        {
            value.Dispose();
        }

        _options.Dispose();
        _session.Dispose();
    }

    private OrtValue Pinned<T>(T[] elements, long[] shape)
        where T : unmanaged
    {
        // The value pins the array for as long as it lives.
        OrtValue value = OrtValue.CreateTensorValueFromMemory(elements, shape);
        _values.Add(value);
        return value;
    }
}
