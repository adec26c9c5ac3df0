using System.Collections.Immutable;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Data;
using RduEmu.Models.Training;

namespace RduEmu.Models.Dlrm;

/// <summary>
/// The published configurations: github.com/facebookresearch/dlrm, files bench/dlrm_s_criteo_kaggle.sh,
/// bench/dlrm_s_criteo_terabyte.sh, bench/run_and_time.sh and the default arguments of dlrm_s_pytorch.py.
/// </summary>
public static class DlrmPresets
{
    /// <summary>Distinct values of the 26 categories of the Criteo Kaggle data set (33,762,577 rows).</summary>
    private static readonly ImmutableArray<int> KaggleRows =
    [
        1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992, 5461306, 10, 5652, 2173, 4,
        7046547, 18, 15, 286181, 105, 142572,
    ];

    /// <summary>Distinct values of the 26 categories of the Criteo Terabyte data set, hashed to 40 million (204,184,588 rows).</summary>
    private static readonly ImmutableArray<int> TerabyteRows =
    [
        40000000, 39060, 17295, 7424, 20265, 3, 7122, 1543, 63, 40000000, 3067956, 405282, 10, 2209, 11938, 155, 4, 976, 14,
        40000000, 40000000, 40000000, 590152, 12973, 108, 36,
    ];

    public static DlrmConfiguration Tiny { get; } = new(
        "tiny", [4, 3, 2], [4, 2, 1], [4, 3, 2], Hotness: 3, Interaction.Dot, LossKind.SquaredError, BatchSamples: 2, 0.01f);

    public static DlrmConfiguration Kaggle { get; } = new(
        "kaggle", [13, 512, 256, 64, 16], [512, 256, 1], KaggleRows, Hotness: 1, Interaction.Dot,
        LossKind.BinaryCrossEntropyWithLogits, BatchSamples: 128, 0.1f);

    /// <summary>max-ind-range is 10 million in its script.</summary>
    public static DlrmConfiguration TerabyteSmall { get; } = new DlrmConfiguration(
        "terabyte-small", [13, 512, 256, 64], [512, 512, 256, 1], TerabyteRows, Hotness: 1, Interaction.Dot,
        LossKind.BinaryCrossEntropyWithLogits, BatchSamples: 2048, 0.1f).WithTableRowsCap(10_000_000);

    public static DlrmConfiguration MlPerf { get; } = new(
        "mlperf", [13, 512, 256, 128], [1024, 1024, 512, 256, 1], TerabyteRows, Hotness: 1, Interaction.Dot,
        LossKind.BinaryCrossEntropyWithLogits, BatchSamples: 2048, 1.0f);

    /// <summary>For MovieLens 100k: user, item, age, gender, occupation, genres, week.</summary>
    public static DlrmConfiguration Ml100k { get; } = new(
        "ml100k", [3, 32, 16], [64, 32, 1], MovieLensClicks.Shape.TableRows, Hotness: 1, Interaction.Dot,
        LossKind.BinaryCrossEntropyWithLogits, BatchSamples: 128, 0.1f)
    {
        TableHotness = MovieLensClicks.Shape.TableHotness,
        Epochs = 20,
        RatePolicy = new LearningRatePolicy(0, 10 * 625, 10 * 625),
    };

    public static ImmutableArray<DlrmConfiguration> All { get; } = [Tiny, Kaggle, TerabyteSmall, MlPerf, Ml100k];

    /// <exception cref="RduException">RDU0202: there is no preset of this name.</exception>
    public static DlrmConfiguration Find(string name) =>
        All.FirstOrDefault(preset => preset.Name == name)
        ?? throw new RduException(
            ErrorCatalogue.NameUnknown, "--preset", string.Join(", ", All.Select(preset => preset.Name)), name, "choose one of the presets");
}
