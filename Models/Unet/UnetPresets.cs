using RduEmu.Kernels.Errors;

namespace RduEmu.Models.Unet;

/// <summary>Published UNets.</summary>
public static class UnetPresets
{
    /// <summary>
    /// The one that the SN10 ran (argonne-lcf/AIAccelerators-AE, benchmarks/UNet; after mateuszbuda/brain-segmentation-pytorch): 7,763,041
    /// parameters. Published with the Dice loss alone and a rate of 1e-4; with cross-entropy beside it and 1e-3 a few images suffice.
    /// </summary>
    public static UnetConfiguration Sn10 { get; } = new(
        "sn10", 3, 1, 32, Normalizes: true, UnetUpsampling.Transposed, IsPadded: true, SegmentationLoss.DiceBce, UnetOptimizer.Adam, 1e-3f)
    {
        SkipsBehind = true,
    };

    /// <summary>zhixuhao/unet, model.py: 31,031,685 parameters.</summary>
    public static UnetConfiguration Keras { get; } = new(
        "keras", 1, 1, 64, Normalizes: false, UnetUpsampling.NearestConvolution, IsPadded: true, SegmentationLoss.Bce, UnetOptimizer.Adam, 1e-4f)
    {
        HeadFeatures = 2,
        DropoutRate = 0.5f,
    };

    /// <summary>milesial/Pytorch-UNet with transposed convolutions: 31,037,698 parameters; train.py clips gradients to a norm of 1.</summary>
    public static UnetConfiguration Milesial { get; } = new(
        "milesial", 3, 2, 64, Normalizes: true, UnetUpsampling.Transposed, IsPadded: true, SegmentationLoss.CrossEntropyDice, UnetOptimizer.RmsProp, 1e-5f)
    {
        ClipNorm = 1f,
    };

    /// <summary>milesial/Pytorch-UNet with bilinear up-sampling: 17,263,042 parameters.</summary>
    public static UnetConfiguration MilesialBilinear { get; } = Milesial with { Name = "milesial-bilinear", Upsampling = UnetUpsampling.Bilinear };

    /// <summary>
    /// The paper's (arXiv:1505.04597): convolutions without padding, 572x572 to 388x388, borders that count more, momentum 0.99; 31,030,658
    /// parameters. The paper gives no rate; a step of 1e-4 comes to 1e-2 with that momentum.
    /// </summary>
    public static UnetConfiguration Paper { get; } = new(
        "paper", 1, 2, 64, Normalizes: false, UnetUpsampling.Transposed, IsPadded: false, SegmentationLoss.BorderCrossEntropy, UnetOptimizer.Sgd, 1e-4f)
    {
        Momentum = 0.99f,
    };

    public static IReadOnlyList<UnetConfiguration> All { get; } = [Sn10, Keras, Milesial, MilesialBilinear, Paper];

    /// <exception cref="RduException">RDU0202: there is none of that name.</exception>
    public static UnetConfiguration Find(string name) => All.FirstOrDefault(preset => preset.Name == name) ?? throw new RduException(
        ErrorCatalogue.NameUnknown, "--preset", string.Join(", ", All.Select(preset => preset.Name)), name, "choose one of the presets");
}
