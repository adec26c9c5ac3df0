using System.CommandLine;
using System.Diagnostics;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Onnx;
using RduEmu.Emulator.Receipts;
using RduEmu.Emulator.Reports;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu run file.onnx</c>: an ONNX model on tensors from files, or on drawn ones.</summary>
internal sealed class OnnxRunCommand
{
    private const int DefaultRuns = 20;

    private readonly Argument<string> _file = new("FILE") { Description = "an ONNX model" };
    private readonly DeviceOptions _device = new();
    private readonly Option<string[]> _inputs = new("--input") { Description = "name=file.npy, name=file.pb or an .npz of several; what is left out is drawn", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string[]> _shapes = new("--shape") { Description = "name=1,128: the shape of an input that the model leaves open", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "write the outputs: .npz, or .npy or .pb, one file for each" };
    private readonly Option<int> _seed = new("--seed") { Description = "of drawn inputs", DefaultValueFactory = _ => 1 };
    private readonly Option<int> _steps = new("--steps") { Description = "runs that are timed", DefaultValueFactory = _ => DefaultRuns };
    private readonly Option<string> _mode = new("--mode") { Description = "o0, o1 or o3: how much becomes one section; bits do not depend on it", DefaultValueFactory = _ => "o3" };
    private readonly Option<long?> _memoryLimit = new("--memory-limit") { Description = "most bytes of an arena" };
    private readonly ProfileOptions _profile = new();
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };

    /// <summary>The subcommand that a file's name stands for.</summary>
    public const string Name = "onnx";

    public static Command Create()
    {
        var run = new OnnxRunCommand();
        Command command = new(Name, "an ONNX model: rduemu run FILE.onnx is the same") { run._file };
        foreach (Option option in (IEnumerable<Option>)[run._inputs, run._shapes, run._output, run._seed, run._steps, run._mode, run._memoryLimit, run._json, .. run._profile.All, .. run._device.All])
        {
            command.Add(option);
        }

        command.SetAction(run.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        string path = parsed.GetRequiredValue(_file);
        string? outputPath = parsed.GetValue(_output);
        if (outputPath is not null)
        {
            AtomicFile.RequireWritable(outputPath);
        }

        bool json = parsed.GetValue(_json);
        int steps = CommonOptions.Positive("--steps", parsed.GetValue(_steps));
        (string device, int threads) = _device.Read(parsed);
        var target = new ExecutionTarget(
            device, threads, CommonOptions.ParseMode(parsed.GetRequiredValue(_mode)), 0, null,
            parsed.GetValue(_memoryLimit) ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        HostProfile? profile = _profile.Read(parsed, device, threads);
        using var interruption = new Interruption();
        OnnxFile file = OnnxFile.Open(path);
        Dictionary<string, HostTensor> given = OnnxInputs.Read(file, parsed.GetValue(_inputs) ?? []);
        using var program = new OnnxProgram(file.ImportFor(given, OnnxInputs.Shapes(file, parsed.GetValue(_shapes) ?? [])), target);
        OnnxModel model = program.Model;
        for (int i = 0; i < model.Inputs.Count; i++)
        {
            OnnxPort input = model.Inputs[i];
            program.Write(input, given.TryGetValue(input.Name, out HostTensor? tensor) ? tensor : OnnxInputs.Draw(input.Type, parsed.GetValue(_seed), i));
        }

        program.Run();
        program.Record(profile);
        List<double> latencies = [];
        for (int step = 0; step < steps; step++)
        {
            interruption.Token.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            program.Run();
            latencies.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }

        latencies.Sort();
        (string Name, HostTensor Tensor)[] outputs = [.. model.Outputs.Select(output => (output.Name, program.Read(output)))];
        if (outputPath is not null)
        {
            TensorFile.Write(outputPath, outputs);
        }

        var output = new Output(json);
        HostProfileReport? where = profile is null || program.Program is not { } compiled
            ? null
            : _profile.Write(parsed, output, profile, compiled, path, steps);
        Report(output, json, path, device, threads, program, outputs, latencies, where);
        return (int)ExitCode.Done;
    }

    private static void Report(
        Output output, bool json, string path, string device, int threads, OnnxProgram program, (string Name, HostTensor Tensor)[] outputs, List<double> latencies,
        HostProfileReport? profile)
    {
        OnnxModel model = program.Model;
        string digest = Digest.Join([.. outputs.Select(result => DigestOf(result.Name, result.Tensor))]);
        (double median, double p99) = (latencies[latencies.Count / 2], latencies[Math.Min(latencies.Count - 1, (int)(0.99 * latencies.Count))]);
        int batch = model.Inputs.Count > 0 && model.Inputs[0].Type.Rank > 0 ? model.Inputs[0].Type.Shape[0] : 1;
        output.WriteFacts(
            [
                ("model", path),
                .. model.Inputs.Select(input => ("input", $"{input.Name} {input.Type}{(input.Known is null ? string.Empty : ", compiled in")}")),
                ("device", DeviceOptions.Describe(device, threads)),
                ("sections", $"{program.Program?.Step.Length ?? 0}"),
                ("arena", Output.Bytes(program.Program?.ArenaBytes ?? 0)),
                ("latency", $"{Output.Number(median, 1)} us median, {Output.Number(p99, 1)} us p99"),
                .. outputs.Select(result => ("output", $"{result.Name} {result.Tensor}")),
                ("outputs", digest),
            ]);
        if (json)
        {
            Output.WriteJson(new
            {
                Model = path,
                Device = device,
                Threads = threads,
                Batch = batch,
                SamplesPerSecond = 1e6 * batch / median,
                LatencyMicroseconds = new { Median = median, P99 = p99 },
                OutputsDigest = digest,
                Sections = program.Program?.Step.Length ?? 0,
                PeakArenaBytes = program.Program?.ArenaBytes ?? 0,
                Outputs = outputs.Select(result => new { result.Name, Type = result.Tensor.Type.ToString() }),
                Profile = profile,
            });
        }
    }

    /// <summary>Over the arena's words: the same for a float16 as for the float32 of its value.</summary>
    private static string DigestOf(string name, HostTensor tensor)
    {
        using var digest = new Digest();
        digest.Begin(name, tensor.Shape.AsSpan());
        if (tensor.Element.IsFloat() && tensor.Element.WordsPerElement() == 1)
        {
            digest.Append(System.Runtime.InteropServices.MemoryMarshal.Cast<int, float>(tensor.ToWords()));
        }
        else
        {
            digest.Append(tensor.ToWords());
        }

        return digest.ToString();
    }
}
