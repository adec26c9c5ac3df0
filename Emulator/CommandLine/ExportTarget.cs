using System.CommandLine;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary>Where an exported model goes: one file, or two where the weights stand beside it.</summary>
internal sealed class ExportTarget
{
    private readonly Option<string> _output = new("--output", "-o") { Description = "the ONNX file to write", Required = true };
    private readonly Option<bool> _external = new("--external-data") { Description = "weights in a file of their own beside the model; always so above 2 GB" };

    public IReadOnlyList<Option> Options => [_output, _external];

    /// <summary>Fails before any work where the file cannot be written.</summary>
    public void Require(ParseResult parsed) => AtomicFile.RequireWritable(parsed.GetRequiredValue(_output));

    /// <param name="model">For people.</param>
    /// <param name="pieces">The bytes of a parameter.</param>
    /// <returns>The exit code.</returns>
    public int Write(ParseResult parsed, Output output, bool json, string model, Graph graph, Func<ValueId, IEnumerable<ReadOnlyMemory<byte>>> pieces)
    {
        string path = parsed.GetRequiredValue(_output);
        long weightBytes = OnnxExporter.CountWeightBytes(graph);
        bool isExternal = parsed.GetValue(_external) || weightBytes > OnnxWeights.MaximumInsideBytes;
        string dataPath = $"{path}.data";
        OnnxExport? export = null;
        if (isExternal)
        {
            AtomicFile.Write(path, stream => AtomicFile.Write(
                dataPath, data => export = OnnxExporter.Write(graph, new OnnxWeights(pieces, data, Path.GetFileName(dataPath)), stream)));
        }
        else
        {
            AtomicFile.Write(path, stream => export = OnnxExporter.Write(graph, new OnnxWeights(pieces), stream));
        }

        if (json)
        {
            Output.WriteJson(new
            {
                Model = model,
                File = path,
                ExternalData = isExternal ? dataPath : null,
                export!.Opset,
                export.Nodes,
                WeightBytes = weightBytes,
                FileBytes = new FileInfo(path).Length,
            });
        }
        else
        {
            output.WriteFacts(
                ("model", model), ("operator set", $"{export!.Opset}"), ("nodes", $"{export.Nodes}"), ("weights", Output.Bytes(weightBytes)),
                ("written", isExternal ? $"{path}, {dataPath}" : path));
        }

        return (int)ExitCode.Done;
    }
}
