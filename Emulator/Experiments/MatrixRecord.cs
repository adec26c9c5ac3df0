using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Receipts;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Templates;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Experiments;

/// <summary>One way, and what came of it.</summary>
/// <param name="Model">Of the row.</param>
/// <param name="Size">Of the row.</param>
/// <param name="Device">Where it was trained.</param>
/// <param name="Sockets">RDUs.</param>
/// <param name="Parallel">What they share.</param>
/// <param name="Threads">Workers of each.</param>
/// <param name="Mode">How much became one section.</param>
/// <param name="WeightsDigest">Of all parameters.</param>
/// <param name="OutputsDigest">Of the predictions.</param>
public sealed record MatrixRun(
    string Model, string Size, string Device, int Sockets, ParallelKind Parallel, int Threads, CompileMode Mode, string WeightsDigest, string OutputsDigest)
{
    /// <summary>Compiling, training and predicting.</summary>
    public double Seconds { get; init; }

    /// <summary>Which way it is, whatever came of it.</summary>
    [JsonIgnore]
    public (string, string, string, int, ParallelKind, int, CompileMode) Way => (Model, Size, Device, Sockets, Parallel, Threads, Mode);
}

/// <summary>A matrix on its way, in a file, so that one that was stopped goes on. Results of another build or of other steps are not its own.</summary>
/// <param name="path">The file; it is written whole after each run.</param>
/// <param name="steps">Training steps of each run.</param>
public sealed class MatrixRecord(string path, int steps)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    /// <summary>What compiled the product's assemblies have: two builds of one source have one, whatever their version says.</summary>
    public static string Build { get; } = Convert.ToHexStringLower(SHA256.HashData(
        new[] { typeof(ConfiguredUnit), typeof(Executable), typeof(IModel), typeof(MatrixRecord) }.SelectMany(type => type.Module.ModuleVersionId.ToByteArray()).ToArray()));

    /// <summary>The runs that are done; none if there is no file yet.</summary>
    /// <exception cref="RduException">RDU0201: the file is not a record, or one of another build or of other steps.</exception>
    public IReadOnlyList<MatrixRun> Read()
    {
        if (!File.Exists(path))
        {
            return [];
        }

        Content? content = null;
        try
        {
            content = JsonSerializer.Deserialize<Content>(File.ReadAllBytes(path), Json);
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            // The same line as for any other file that is no record.
        }

        return content is { Runs: not null } && (content.Build, content.Steps) == (Build, steps)
            ? content.Runs
            : throw new RduException(
                ErrorCatalogue.OptionInvalid, "--resume", $"a record of this build and of {steps} steps",
                content?.Runs is null ? $"{path}, which is no record" : content.Build == Build ? $"one of {content.Steps} steps" : "one of another build", "name another file, or delete this one");
    }

    /// <exception cref="RduException">RDU0501: it cannot be written.</exception>
    public void Write(IReadOnlyList<MatrixRun> runs) => AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(new Content(Build, steps, runs), Json));

    private sealed record Content(string Build, int Steps, IReadOnlyList<MatrixRun> Runs);
}
