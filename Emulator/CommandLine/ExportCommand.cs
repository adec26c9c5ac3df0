using System.CommandLine;
using System.Runtime.InteropServices;
using RduEmu.Compiler.Graphs;
using RduEmu.Emulator.CommandLine.Families;
using RduEmu.Emulator.Training;
using RduEmu.Emulator.Training.Checkpoints;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu export</c>: a model's inference graph with its weights as ONNX.</summary>
internal sealed class ExportCommand : IModelCommand
{
    public const string Name = "export";

    private readonly Option<string?> _weights = new("--weights") { Description = "take the parameters of this safetensors file, a checkpoint too; left out: first values by --seed" };
    private readonly ExportTarget _target = new();

    public IReadOnlyList<Option> Options => [_weights, .. _target.Options];

    public static Command Create()
    {
        Command command = ModelCatalogue.CreateCommand(Name, "a model's inference graph with its weights as ONNX", () => new ExportCommand());
        command.Add(OnnxExportCommand.Create());
        command.Add(NotationExportCommand.Create());
        return command;
    }

    public int Run(ParseResult parsed, ModelRequest request)
    {
        _target.Require(parsed);
        using var interruption = new Interruption();
        using IModelData data = request.OpenData();
        IModel model = request.Model;
        int samples = data.Suited(new CourseChoices(request.Common.BatchSamples, 1, null)).BatchSamples;
        using var session = new ModelSession(model, request.Target("host", 1), new SessionPurpose(InferenceSamples: samples));
        session.Initialize(request.Seed, data.FirstValues);
        if (parsed.GetValue(_weights) is { } path)
        {
            WeightFile.Load(session, path);
        }

        Graph graph = model.BuildInference(samples).Graph;
        Dictionary<string, ValueId> parameters = session.Parameters.ToDictionary(id => session.Program.Graph[id].Name);
        IEnumerable<ReadOnlyMemory<byte>> Pieces(ValueId id)
        {
            foreach (ReadOnlyMemory<float> piece in session.ReadPieces(parameters[graph[id].Name]))
            {
                interruption.Token.ThrowIfCancellationRequested();
                yield return MemoryMarshal.AsBytes(piece.Span).ToArray();
            }
        }

        return _target.Write(parsed, new Output(request.Json), request.Json, $"{model.Name} {model.Preset}", graph, Pieces);
    }
}
