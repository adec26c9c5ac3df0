using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Models.Bert;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Llm;
using RduEmu.Models.Unet;

namespace RduEmu.Emulator.Validation;

/// <summary>The models that cases may name, their dimensions, and their graphs: those of the product.</summary>
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
    public static Graph Step(ValidationCase item) => item.Model switch
    {
        "gpt2" => Gpt2Graph.BuildTrainingStep(
            new Gpt2Configuration(Of(item, "hidden"), Of(item, "heads"), Of(item, "layers"), Of(item, "sequence"), Of(item, "vocabulary")), item.Batch, item.Recompute),
        "bert" => Bert(item).BuildTrainingStep(item.Batch).Graph,
        "unet" => UnetGraph.BuildTrainingStep(Unet(item), item.Batch, Of(item, "size"), Of(item, "size"), seed: 1).Graph,
        "dlrm" => DlrmGraph.BuildTrainingStep(Dlrm(item), item.Batch).Graph,
        "gemm" => Gemm(Of(item, "m"), Of(item, "n"), Of(item, "k")),

        // The cache grows from the prompt to prompt and output: the mean is half way.
        _ => LlamaGraph.BuildDecode(Llama(item), item.Batch, Of(item, "prompt") + (Of(item, "output") / 2), item.Sockets),
    };

    /// <summary>Of a generation: the whole prompt at once.</summary>
    public static Graph Prompt(ValidationCase item) => LlamaGraph.BuildPrefill(Llama(item), item.Batch, Of(item, "prompt"), item.Sockets);

    private static int Of(ValidationCase item, string dimension) => item.Dimensions[dimension];

    private static BertModel Bert(ValidationCase item)
    {
        int hidden = Of(item, "hidden");
        var configuration = new BertConfiguration(item.Name, Of(item, "layers"), hidden, Of(item, "heads"), checked(4 * hidden))
        {
            Vocabulary = Of(item, "vocabulary"),
            Positions = Math.Max(512, Of(item, "sequence")),
        };
        return new BertModel(configuration, Of(item, "sequence"), seed: 1, predictions: Of(item, "predictions"));
    }

    private static LlamaConfiguration Llama(ValidationCase item) => new(
        item.Name, Of(item, "layers"), Of(item, "hidden"), Of(item, "heads"), Of(item, "keyHeads"), Of(item, "feed"), Of(item, "vocabulary"))
    {
        HeadWidth = Of(item, "headWidth"),
    };

    private static UnetConfiguration Unet(ValidationCase item) => UnetPresets.Sn10 with
    {
        Channels = Of(item, "channels"),
        Classes = Of(item, "classes"),
        Features = Of(item, "features"),
        Loss = Of(item, "classes") > 1 ? SegmentationLoss.CrossEntropy : UnetPresets.Sn10.Loss,
    };

    /// <summary>Equal tables, one index each; bottom network 512-256-width, dot interaction, top network 512-256-1.</summary>
    private static DlrmConfiguration Dlrm(ValidationCase item) => new(
        item.Name, [Of(item, "dense"), 512, 256, Of(item, "width")], [512, 256, 1], [.. Enumerable.Repeat(Of(item, "tableRows"), Of(item, "tables"))],
        Hotness: 1, Interaction.Dot, LossKind.BinaryCrossEntropyWithLogits, item.Batch, LearningRate: 0.1f);

    /// <summary>C[M, N] = A[M, K] · B[K, N], the second operand a weight; rows are cut into pieces like the samples of a batch.</summary>
    private static Graph Gemm(int m, int n, int k)
    {
        var builder = new GraphBuilder();
        return builder.Build(builder.Apply(new Linear(), builder.Input("a", TensorType.Samples(1, m, k)), builder.Parameter("b", TensorType.Whole(n, k))));
    }
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
