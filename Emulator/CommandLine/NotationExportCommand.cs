using System.CommandLine;
using System.Runtime.InteropServices;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Notation;
using RduEmu.Compiler.Weights;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu export notation FILE</c>: operators in tensor index notation as an ONNX model.</summary>
internal sealed class NotationExportCommand
{
    private readonly Argument<string> _file = new("FILE") { Description = "declarations and statements in index notation" };
    private readonly Option<string?> _weights = new("--weights") { Description = "take the parameters of this safetensors file; left out: generated ones" };
    private readonly Option<int> _seed = new("--seed") { Description = "of generated parameters", DefaultValueFactory = _ => 1 };
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };
    private readonly ExportTarget _target = new();

    public static Command Create()
    {
        var export = new NotationExportCommand();
        Command command = new("notation", "operators in tensor index notation") { export._file };
        foreach (Option option in (IEnumerable<Option>)[export._weights, export._seed, export._json, .. export._target.Options])
        {
            command.Add(option);
        }

        command.SetAction(export.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        _target.Require(parsed);
        string file = parsed.GetRequiredValue(_file);
        bool json = parsed.GetValue(_json);
        Graph graph = NotationProgram.Parse(InputFile.ReadText(file), file).Build();
        using SafetensorsReader? weights = parsed.GetValue(_weights) is { } path ? new SafetensorsReader(path) : null;

        // As rduemu notation numbers them: inputs and parameters in their order.
        Value[] given = [.. graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter)];
        IEnumerable<ReadOnlyMemory<byte>> Pieces(ValueId id)
        {
            Value parameter = graph[id];
            if (weights is null)
            {
                return [NotationCommand.Generate(parameter.Type, parsed.GetRequiredValue(_seed), Array.IndexOf(given, parameter)).Memory];
            }

            if (parameter.Type.Element != ElementType.Float32 || weights.Tensors.GetValueOrDefault(parameter.Name) is not { } tensor || !tensor.Shape.SequenceEqual(parameter.Type.Shape))
            {
                throw new RduException(
                    ErrorCatalogue.WeightsUnfit, parsed.GetValue(_weights)!, $"a tensor {parameter.Name}, {parameter.Type}", "none of this name and shape", "take the file of these declarations");
            }

            var elements = new float[parameter.Type.CountElements];
            weights.Read(tensor, 0, elements);
            return [MemoryMarshal.AsBytes<float>(elements).ToArray()];
        }

        return _target.Write(parsed, new Output(json), json, file, graph, Pieces);
    }
}
