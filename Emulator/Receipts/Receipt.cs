using System.Reflection;
using System.Text.Json.Serialization;
using RduEmu.Emulator.Training;

namespace RduEmu.Emulator.Receipts;

/// <summary>
/// What a run was and what came out of it: model, data, seed and options on one side, digests on the other. Whoever repeats the
/// left side must get the right one, on any machine.
/// </summary>
/// <param name="Command"><c>train</c> or <c>run</c>.</param>
/// <param name="Model">Name of the model.</param>
/// <param name="Preset">Name of its configuration.</param>
/// <param name="Configuration">All that defines the graph.</param>
/// <param name="Data">Where the samples came from.</param>
/// <param name="DataDigest">Digest of the samples in the order in which the model saw them.</param>
/// <param name="Options">Every option that may change bits, with its value.</param>
/// <param name="Steps">Steps that were done.</param>
/// <param name="WeightsDigest">Digest of all parameters at the end.</param>
/// <param name="OutputsDigest">Digest of the predictions, where there are some.</param>
/// <param name="Weights">Digest of each parameter.</param>
/// <param name="Sections">Names of the compiled sections.</param>
public sealed record Receipt(
    string Command,
    string Model,
    string Preset,
    object Configuration,
    string Data,
    string DataDigest,
    IReadOnlyDictionary<string, object> Options,
    long Steps,
    string WeightsDigest,
    string? OutputsDigest,
    IReadOnlyDictionary<string, string> Weights,
    IReadOnlyList<string> Sections)
{
    /// <summary>The arguments of the command line that repeat the run; where it computes is not among them.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Losses of the first steps.</summary>
    public IReadOnlyList<float> Losses { get; init; } = [];

    /// <summary>Digests of all parameters on the way.</summary>
    public IReadOnlyList<StepDigest> StepDigests { get; init; } = [];

    /// <summary>Digests of what each section wrote, step by step; null if they were not asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public SectionTrace? Trace { get; init; }

    /// <summary>Version of the numerics contract, see docs/numerics.md.</summary>
    public string Contract { get; } = "rdu-order/1";

    /// <summary>Version of the code that ran.</summary>
    public string Code { get; } = CodeVersion;

    /// <summary>Version of this code.</summary>
    public static string CodeVersion { get; } =
        typeof(Receipt).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <exception cref="Kernels.Errors.RduException">RDU0501: the file cannot be written.</exception>
    public void Write(string path) => AtomicFile.Write(path, ReceiptFile.ToBytes(this));
}
