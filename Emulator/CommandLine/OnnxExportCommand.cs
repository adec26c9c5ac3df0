using System.CommandLine;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Emulator.Onnx;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary>
/// <c>rduemu export file.onnx</c>: an ONNX model as the graph that it is compiled to: shapes bound, what is known folded, loops unrolled,
/// operators without a template decomposed.
/// </summary>
internal sealed class OnnxExportCommand
{
    private readonly Argument<string> _file = new("FILE") { Description = "an ONNX model" };
    private readonly Option<string[]> _inputs = new("--input") { Description = "name=file.npy or name=file.pb: an input that shapes depend on, which is compiled in", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string[]> _shapes = new("--shape") { Description = "name=1,128: the shape of an input that the model leaves open", AllowMultipleArgumentsPerToken = true };
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };
    private readonly ExportTarget _target = new();

    public static Command Create()
    {
        var export = new OnnxExportCommand();
        Command command = new(OnnxRunCommand.Name, "an ONNX model as it is compiled: rduemu export FILE.onnx is the same") { export._file };
        foreach (Option option in (IEnumerable<Option>)[export._inputs, export._shapes, export._json, .. export._target.Options])
        {
            command.Add(option);
        }

        command.SetAction(export.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        _target.Require(parsed);
        string path = parsed.GetRequiredValue(_file);
        bool json = parsed.GetValue(_json);
        OnnxFile file = OnnxFile.Open(path);

        // Without recognition: what goes out is the model's own operators, not the templates that they run on here.
        OnnxModel model = file.ImportFor(
            OnnxInputs.Read(file, parsed.GetValue(_inputs) ?? []), OnnxInputs.Shapes(file, parsed.GetValue(_shapes) ?? []), recognizes: false);
        OnnxPort? known = model.Outputs.FirstOrDefault(output => output.Known is not null);
        if (known is not null)
        {
            throw new RduException(ErrorCatalogue.NotExportable, $"output '{known.Name}'", "a value that a node computes", "one that is known when the model is compiled", "leave it out");
        }

        Graph graph = OnnxNames.Of(model);
        return _target.Write(parsed, new Output(json), json, path, graph, OnnxWeights.PiecesOf(model.Parameters));
    }
}
