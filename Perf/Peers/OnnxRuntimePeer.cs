using Microsoft.ML.OnnxRuntime;
using RduEmu.Compiler.Onnx;
using RduEmu.Perf.Workloads;

namespace RduEmu.Perf.Peers;

/// <summary>
/// The workload in ONNX Runtime as its users would run it for speed: all graph optimisations, the batch fixed, inputs and
/// output bound once so that no run copies or allocates them.
/// </summary>
internal sealed class OnnxRuntimePeer : IDisposable
{
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly RunOptions _options = new();
    private readonly List<OrtValue> _values = [];
    private readonly float[] _predictions;

    public OnnxRuntimePeer(DlrmWorkload workload, int threads)
    {
        using var options = new SessionOptions
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
        };
        options.AddFreeDimensionOverrideByName(OnnxExporter.BatchDimension, workload.Batch);
        _session = new InferenceSession(workload.ToOnnx(), options);
        _binding = _session.CreateIoBinding();
        _predictions = new float[workload.Batch];
        Bind(isInput: true, "dense", workload.Dense.ToArray(), [workload.Batch, workload.Configuration.BottomLayers[0]]);
        int hotness = workload.Configuration.Hotness;
        for (int i = 0; i < workload.Indices.Count; i++)
        {
            Bind(isInput: true, $"indices.{i}", workload.Indices[i], hotness == 1 ? [workload.Batch] : [workload.Batch, hotness]);
        }

        Bind(isInput: false, _session.OutputNames[0], _predictions, [workload.Batch, 1]);
    }

    /// <summary>What the last run wrote.</summary>
    public ReadOnlySpan<float> Predictions => _predictions;

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

    private void Bind<T>(bool isInput, string name, T[] elements, long[] shape)
        where T : unmanaged
    {
        // The value pins the array for as long as it lives.
        OrtValue value = OrtValue.CreateTensorValueFromMemory(elements, shape);
        _values.Add(value);
        if (isInput)
        {
            _binding.BindInput(name, value);
        }
        else
        {
            _binding.BindOutput(name, value);
        }
    }
}
