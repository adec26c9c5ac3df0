using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Checks;
using RduEmu.Models.Bert;
using RduEmu.Models.Bert.Data;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;

namespace RduEmu.Emulator.Experiments;

/// <summary>One model at one size: what is trained in every way.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Size"><c>small</c> on the host alone, <c>smallest</c> on the simulator too.</param>
/// <param name="Summary">What it has.</param>
/// <param name="Build">The model and its data.</param>
/// <param name="Devices">Where it is trained.</param>
public sealed record MatrixRow(string Model, string Size, string Summary, Func<(IModel Model, Func<IModelData> Open)> Build, IReadOnlyList<string> Devices);

/// <summary>One way, and what came of it.</summary>
public sealed record MatrixRun(string Model, string Size, CheckResult Result);

/// <summary>
/// The whole promise: DLRM, BERT and UNet trained for some steps of 8 samples on 1, 2, 4 and 8 RDUs, 1 and 2 threads, host and
/// simulator, fused and not. In each row there must be one digest of the weights and one of the predictions.
/// </summary>
public static class RepeatabilityMatrix
{
    /// <summary>Samples of a step: one for each of eight RDUs.</summary>
    public const int BatchSamples = 8;

    private const int Seed = 1;
    private static readonly string[] Host = ["host"];
    private static readonly string[] HostAndSimulator = ["host", "ilgpu"];

    public static IReadOnlyList<MatrixRow> Rows { get; } =
    [
        Dlrm("small", DlrmPresets.Kaggle.WithTableRowsCap(1000), "kaggle preset, tables of 1,000 rows", Host),
        Dlrm("smallest", DlrmPresets.Tiny, "tiny preset: three tables of 2 to 4 rows", HostAndSimulator),
        Bert("small", BertConfiguration.Find("tiny") with { Vocabulary = 2000 }, 32, "tiny preset, 2,000 word pieces, sequences of 32", Host),
        Bert("smallest", BertConfiguration.Find("tiny") with { Layers = 1, Hidden = 16, Heads = 1, Intermediate = 64, Vocabulary = 200 }, 8, "one layer of width 16, 200 word pieces, sequences of 8", HostAndSimulator),
        Unet("small", UnetPresets.Sn10 with { Features = 8 }, 64, "sn10 preset, 8 features, images of 64x64", Host),
        Unet("smallest", UnetPresets.Sn10 with { Features = 2, Channels = 1 }, 16, "sn10 preset, 2 features, images of 16x16", HostAndSimulator),
    ];

    /// <summary>Every way of a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="sockets">RDUs.</param>
    /// <param name="threads">Workers on the host.</param>
    /// <param name="modes">Compile modes.</param>
    public static IEnumerable<CheckVariant> Ways(MatrixRow row, IReadOnlyList<int> sockets, IReadOnlyList<int> threads, IReadOnlyList<CompileMode> modes) =>
        from device in row.Devices
        from rdus in sockets
        from count in device == "host" ? threads : [1]
        from mode in modes
        select new CheckVariant(device, count, BatchSamples, mode, Run: 0, rdus);

    /// <summary>The check that runs the ways of a row.</summary>
    public static ModelCheck Check(MatrixRow row, int steps)
    {
        (IModel model, Func<IModelData> open) = row.Build();
        return new ModelCheck(model, open, new CourseChoices(BatchSamples, steps, null), Seed, steps, predictedSamples: BatchSamples);
    }

    private static MatrixRow Dlrm(string size, DlrmConfiguration configuration, string summary, string[] devices) => new(
        "dlrm", size, summary, () => (new DlrmModel(configuration), () => DlrmData.Open(configuration, null, null, Seed)), devices);

    private static MatrixRow Bert(string size, BertConfiguration configuration, int tokens, string summary, string[] devices) => new(
        "bert", size, summary,
        () => (new BertModel(configuration, tokens, Seed), () => new BertData(configuration, TokenText.Generate(configuration.Vocabulary, Seed), tokens, Seed, isGenerated: true)), devices);

    private static MatrixRow Unet(string size, UnetConfiguration configuration, int extent, string summary, string[] devices) => new(
        "unet", size, summary,
        () =>
        {
            var choices = new SegmentationChoices(null, null, extent, AugmentationKind.Flips, true);
            using UnetData data = UnetData.Open(configuration, choices, Seed);
            return (new UnetModel(configuration, data.TrainingExtents, data.WholeExtents, Seed, null), () => UnetData.Open(configuration, choices, Seed));
        },
        devices);
}
