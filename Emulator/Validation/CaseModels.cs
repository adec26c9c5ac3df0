using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.Validation.Works;

namespace RduEmu.Emulator.Validation;

/// <summary>The models that cases may name, their dimensions, and the work that they are.</summary>
internal static class CaseModels
{
    public static IReadOnlyDictionary<string, string[]> Dimensions { get; } = new SortedDictionary<string, string[]>(StringComparer.Ordinal)
    {
        ["gpt2"] = ["layers", "hidden", "heads", "vocabulary", "sequence"],
        ["bert"] = ["layers", "hidden", "heads", "vocabulary", "sequence", "predictions"],
        ["llama"] = ["layers", "hidden", "heads", "keyHeads", "headWidth", "feed", "vocabulary", "prompt", "output"],
        ["unet"] = ["size", "channels", "features", "classes"],
        ["gemm"] = ["m", "n", "k"],
        ["dlrm"] = ["tables", "tableRows", "width", "dense"],
    };

    /// <summary>One step, or for generation one token.</summary>
    public static MachineGraph Step(ValidationCase item) => item.Model switch
    {
        "gpt2" or "bert" => TransformerTraining.Build(
            new TransformerShape(
                item.Dimensions["layers"], item.Dimensions["hidden"], item.Dimensions["heads"], item.Dimensions["vocabulary"], item.Dimensions["sequence"],
                4 * item.Dimensions["hidden"], item.Dimensions.GetValueOrDefault("predictions", item.Dimensions["sequence"]), item.Recompute),
            item.Batch),
        "unet" => UnetWork.Build(item.Batch, item.Dimensions["size"], item.Dimensions["channels"], item.Dimensions["features"], item.Dimensions["classes"]),
        "gemm" => GemmWork.Build(item.Dimensions["m"], item.Dimensions["n"], item.Dimensions["k"]),
        "dlrm" => DlrmWork.Build(item.Batch, item.Dimensions["tables"], item.Dimensions["tableRows"], item.Dimensions["width"], item.Dimensions["dense"]),

        // The cache grows from the prompt to prompt and output: the mean is half way.
        _ => TransformerDecoding.Token(Decoder(item), item.Batch, item.Dimensions["prompt"] + (item.Dimensions["output"] / 2), item.Sockets),
    };

    public static MachineGraph Prompt(ValidationCase item) => TransformerDecoding.Prompt(Decoder(item), item.Batch, item.Dimensions["prompt"], item.Sockets);

    private static DecoderShape Decoder(ValidationCase item) => new(
        item.Dimensions["layers"], item.Dimensions["hidden"], item.Dimensions["heads"], item.Dimensions["keyHeads"], item.Dimensions["headWidth"], item.Dimensions["feed"],
        item.Dimensions["vocabulary"]);
}

/// <summary>What can be compared.</summary>
internal static class CaseQuantities
{
    public const string RduSeconds = "rduSeconds";
    public const string SamplesPerSecond = "samplesPerSecond";
    public const string TokensPerSecond = "tokensPerSecond";
    public const string Sections = "sections";
    public const string PcuPercent = "pcuPercent";
    public const string MemoryGigabytesPerSecond = "memoryGigabytesPerSecond";
    public const string Teraflops = "teraflops";
    public const string LatencySeconds = "latencySeconds";
    public const string SecondsPerToken = "secondsPerToken";

    /// <summary>Those of a model.</summary>
    public static IReadOnlyList<string> Of(string model) => model switch
    {
        "llama" => [LatencySeconds, SecondsPerToken],
        "gpt2" or "bert" => [RduSeconds, SamplesPerSecond, TokensPerSecond, Sections, PcuPercent],
        _ => [RduSeconds, SamplesPerSecond, Sections, PcuPercent, MemoryGigabytesPerSecond, Teraflops],
    };
}
