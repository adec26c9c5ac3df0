using System.Text.Json;
using System.Text.Json.Serialization;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Weights;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Training.Checkpoints;

/// <summary>
/// A training on its way, in one file: parameters and optimiser states as a safetensors file, with the state of the training,
/// what the run is, and a digest over all of it as its metadata. So it is also a file of weights. It is replaced as a whole: a
/// process that is killed leaves the last checkpoint or the new one.
/// </summary>
public sealed class Checkpoint
{
    public const string FileName = "checkpoint.safetensors";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private readonly string _path;
    private readonly string _run;

    /// <param name="folder">Made if it is missing.</param>
    /// <param name="run">All that the bits depend on; a checkpoint of another run is refused.</param>
    /// <exception cref="RduException">RDU0501: nothing can be written there.</exception>
    public Checkpoint(string folder, object run)
    {
        _path = Path.Combine(folder, FileName);
        _run = JsonSerializer.Serialize(run, Json);
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.OutputNotWritten, folder, "a folder to write to", error.Message, "name another folder");
        }

        AtomicFile.RemoveRemains(_path);
        AtomicFile.RequireWritable(_path);
    }

    public bool Exists => File.Exists(_path);

    /// <summary>Writes where the training is.</summary>
    /// <exception cref="RduException">RDU0501: it cannot be written; an older checkpoint stays.</exception>
    public void Save(ModelSession session, TrainingState state)
    {
        string training = JsonSerializer.Serialize(state, Json);
        ValueId[] kept = [.. session.Parameters, .. session.OptimizerStates];
        (string Name, IReadOnlyList<int> Shape)[] tensors = [.. kept.Select(id => session.Graph[id]).Select(value => (value.Name, (IReadOnlyList<int>)value.Type.Shape))];
        var metadata = new Dictionary<string, string> { ["run"] = _run, ["training"] = training, ["digest"] = DigestOf(session, training) };
        AtomicFile.Write(_path, stream =>
        {
            var writer = new SafetensorsWriter(stream, tensors, metadata);
            session.ReadParameters(kept, (_, _) => { }, piece => writer.Append(piece.Span));
            writer.Complete();
        });
    }

    /// <summary>Takes parameters and optimiser states from the file into the session.</summary>
    /// <returns>Where the training is.</returns>
    /// <exception cref="RduException">RDU0131: the file is truncated or altered. RDU0132, RDU0133: it is of another model or run.</exception>
    public TrainingState Load(ModelSession session)
    {
        using var file = new SafetensorsReader(_path);
        if (!file.Metadata.TryGetValue("run", out string? run) || !file.Metadata.TryGetValue("training", out string? training) || !file.Metadata.TryGetValue("digest", out string? digest))
        {
            throw new RduException(ErrorCatalogue.WeightsDamaged, _path, "a checkpoint", "a safetensors file without a training", "load it by --weights, or name another folder");
        }

        if (run != _run)
        {
            throw new RduException(ErrorCatalogue.CheckpointUnfit, _path, _run, run, "resume with the options that the run began with, or name another folder");
        }

        ValueId[] kept = [.. session.Parameters, .. session.OptimizerStates];
        WeightFile.Require(session, kept, file, _path);
        WeightFile.Read(session, kept, file);
        string found = DigestOf(session, training);
        TrainingState? state = found == digest ? JsonSerializer.Deserialize<TrainingState>(training, Json) : null;
        if (state is null)
        {
            throw new RduException(ErrorCatalogue.WeightsDamaged, _path, digest, found, "remove the file and begin again, or take a copy of it");
        }

        session.Load();
        return state;
    }

    /// <summary>Over what the run is, where it is, and every element in the session.</summary>
    private string DigestOf(ModelSession session, string training)
    {
        using var digest = new Digest();
        digest.Begin(_run);
        digest.Begin(training);
        session.ReadParameters(
            [.. session.Parameters, .. session.OptimizerStates],
            (parameter, _) => digest.Begin(parameter.Name, parameter.Type.Shape.AsSpan()),
            piece => digest.Append(piece.Span));
        return digest.ToString();
    }
}
