using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Checks;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Models.Bert;
using RduEmu.Models.Bert.Data;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;

namespace RduEmu.Emulator.Experiments;

/// <summary>A way of sharing a model that is not by its batch.</summary>
/// <param name="Kind">What the RDUs share.</param>
/// <param name="Sockets">Numbers of RDUs that the model has work for.</param>
/// <param name="Parts">Microbatches of a pipeline, else 1.</param>
public sealed record MatrixShare(ParallelKind Kind, IReadOnlyList<int> Sockets, int Parts = 1);

/// <summary>One model at one size: what is trained in every way.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Size"><c>small</c> on the host alone, <c>smallest</c> on the simulator too.</param>
/// <param name="Summary">What it has.</param>
/// <param name="Build">The model and its data.</param>
/// <param name="Devices">Where it is trained.</param>
/// <param name="Shares">How RDUs can share it beside its batch.</param>
public sealed record MatrixRow(
    string Model, string Size, string Summary, Func<(IModel Model, Func<IModelData> Open)> Build, IReadOnlyList<string> Devices, IReadOnlyList<MatrixShare> Shares);

/// <summary>
/// The whole promise: DLRM, BERT and UNet trained for some steps of 8 samples on 1, 2, 4 and 8 RDUs that share the batch, layers, weights
/// or images, on 1 and 2 threads, host and simulator, fused and not. In each row there must be one digest of the weights and one of the
/// predictions.
/// </summary>
public static class RepeatabilityMatrix
{
    /// <summary>Samples of a step: one for each of eight RDUs.</summary>
    public const int BatchSamples = 8;

    private const int Seed = 1;
    private static readonly string[] Host = ["host"];
    private static readonly string[] HostAndSimulator = ["host", "ilgpu"];
    private static readonly int[] TwoToEight = [2, 4, 8];

    /// <summary>The simulator takes a hundred times as long: RDUs that share a graph are two there, and in one mode.</summary>
    private const int SimulatedSharing = 2;

    private static readonly MatrixShare[] OfDlrm = [new(ParallelKind.Tensor, TwoToEight), new(ParallelKind.Pipeline, TwoToEight, 2)];
    private static readonly MatrixShare[] OfBert = [new(ParallelKind.Tensor, TwoToEight), new(ParallelKind.Pipeline, TwoToEight, 4)];

    /// <summary>Batch normalisation waits for the whole batch: one microbatch. A tile has at least 256 pixels.</summary>
    private static readonly MatrixShare[] OfUnet = [new(ParallelKind.Tensor, [2]), new(ParallelKind.Pipeline, [2, 4]), new(ParallelKind.Spatial, [2, 4])];

    public static IReadOnlyList<MatrixRow> Rows { get; } =
    [
        Dlrm("small", DlrmPresets.Kaggle.WithTableRowsCap(1000), "kaggle preset, tables of 1,000 rows", Host),
        Dlrm("smallest", DlrmPresets.Tiny, "tiny preset: three tables of 2 to 4 rows", HostAndSimulator),
        Bert("small", BertConfiguration.Find("tiny") with { Vocabulary = 2000 }, 32, "tiny preset, 2,000 word pieces, sequences of 32", Host),
        Bert("smallest", BertConfiguration.Find("tiny") with { Layers = 1, Hidden = 16, Heads = 2, Intermediate = 64, Vocabulary = 200 }, 8, "one layer of width 16, 200 word pieces, sequences of 8", HostAndSimulator),
        Unet("small", UnetPresets.Sn10 with { Features = 4 }, 32, "sn10 preset, 4 features, images of 32x32", Host, OfUnet),
        Unet("smallest", UnetPresets.Sn10 with { Features = 2, Channels = 1 }, 16, "sn10 preset, 2 features, images of 16x16", HostAndSimulator, [.. OfUnet.Where(share => share.Kind != ParallelKind.Spatial)]),
    ];

    /// <summary>Every way of a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="kinds">What RDUs share.</param>
    /// <param name="sockets">RDUs.</param>
    /// <param name="threads">Workers on the host.</param>
    /// <param name="modes">Compile modes.</param>
    public static IEnumerable<CheckVariant> Ways(
        MatrixRow row, IReadOnlyList<ParallelKind> kinds, IReadOnlyList<int> sockets, IReadOnlyList<int> threads, IReadOnlyList<CompileMode> modes) =>
        from device in row.Devices
        from share in row.Shares.Prepend(new MatrixShare(ParallelKind.Data, sockets))
        where kinds.Contains(share.Kind)
        from rdus in share.Sockets.Intersect(sockets)
        from count in device == "host" ? threads : [1]
        from mode in modes
        where device == "host" || share.Kind == ParallelKind.Data || (rdus, mode) == (SimulatedSharing, CompileMode.O3)
        select new CheckVariant(device, count, BatchSamples, mode, Run: 0, rdus) { Parallel = share.Kind, Accumulate = share.Parts };

    /// <summary>What all ways of a row must equal: one RDU, one thread, on the host.</summary>
    public static CheckVariant Reference { get; } = new("host", 1, BatchSamples, CompileMode.O3, Run: 0);

    /// <summary>The check that runs the ways of a row.</summary>
    public static ModelCheck Check(MatrixRow row, int steps)
    {
        (IModel model, Func<IModelData> open) = row.Build();
        return new ModelCheck(model, open, new CourseChoices(BatchSamples, steps, null), Seed, steps, predictedSamples: BatchSamples);
    }

    private static MatrixRow Dlrm(string size, DlrmConfiguration configuration, string summary, string[] devices) => new(
        "dlrm", size, summary, () => (new DlrmModel(configuration), () => DlrmData.Open(configuration, null, null, Seed)), devices, OfDlrm);

    private static MatrixRow Bert(string size, BertConfiguration configuration, int tokens, string summary, string[] devices) => new(
        "bert", size, summary,
        () => (new BertModel(configuration, tokens, Seed), () => new BertData(configuration, TokenText.Generate(configuration.Vocabulary, Seed), tokens, Seed, isGenerated: true)), devices, OfBert);

    private static MatrixRow Unet(string size, UnetConfiguration configuration, int extent, string summary, string[] devices, MatrixShare[] shares) => new(
        "unet", size, summary,
        () =>
        {
            var choices = new SegmentationChoices(null, null, extent, AugmentationKind.Flips, true);
            using UnetData data = UnetData.Open(configuration, choices, Seed);
            return (new UnetModel(configuration, data.TrainingExtents, data.WholeExtents, Seed, null), () => UnetData.Open(configuration, choices, Seed));
        },
        devices, shares);
}
