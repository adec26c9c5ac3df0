using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Onnx;
using RduEmu.Emulator.Execution;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Onnx;

/// <summary>An imported model on a device: give inputs, run, take outputs.</summary>
public sealed class OnnxProgram : IDisposable
{
    private readonly Executor? _executor;

    /// <param name="model">What to run.</param>
    /// <param name="target">Where.</param>
    /// <exception cref="RduException">RDU03xx: no such device, or the arena exceeds the limit.</exception>
    public OnnxProgram(OnnxModel model, ExecutionTarget target)
    {
        // The parameters are in the arena from now on: whoever keeps this program does not hold them twice.
        Model = model with { Parameters = new Dictionary<ValueId, HostTensor>() };
        if (model.Graph.Outputs.Count == 0)
        {
            // Every output was worked out when the model was imported.
            return;
        }

        Program = target.Compile(model.Graph, packsOnWrite: true);
        _executor = target.Create(Program);
        foreach ((ValueId id, HostTensor tensor) in model.Parameters)
        {
            _executor.Write(id, tensor);
        }

        _executor.Load();
    }

    public OnnxModel Model { get; }

    /// <summary>Null where nothing is left to run.</summary>
    public CompiledProgram? Program { get; }

    /// <summary>Writes an input of the model; one that is compiled in must be the tensor that was.</summary>
    public void Write(OnnxPort input, HostTensor tensor)
    {
        if (tensor.Type != input.Type)
        {
            throw new RduException(ErrorCatalogue.ShapeNotBound, $"input '{input.Name}'", input.Type.ToString(), tensor.Type.ToString(), "give a tensor of this type and shape");
        }

        if (input.Value is { } id)
        {
            _executor?.Write(id, tensor);
        }
    }

    /// <summary>One run over the inputs as they are.</summary>
    public void Run() => _executor?.Run();

    /// <summary>Records the time of every unit, where it runs on the host; null for no longer.</summary>
    public void Record(HostProfile? profile)
    {
        if (_executor is HostExecutor host)
        {
            host.Profile = profile;
        }
    }

    public HostTensor Read(OnnxPort output) => output.Known ?? _executor!.Read(output.Value!.Value);

    public void Dispose() => _executor?.Dispose();
}
