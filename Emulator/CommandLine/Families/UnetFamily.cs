using System.CommandLine;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Unet;

namespace RduEmu.Emulator.CommandLine.Families;

/// <summary><c>unet</c>: presets, losses, images and their variations.</summary>
internal sealed class UnetFamily : IModelFamily
{
    private static readonly Dictionary<string, SegmentationLoss> Losses = new()
    {
        ["dice"] = SegmentationLoss.Dice,
        ["bce"] = SegmentationLoss.Bce,
        ["dice-bce"] = SegmentationLoss.DiceBce,
        ["focal"] = SegmentationLoss.Focal,
        ["cross-entropy"] = SegmentationLoss.CrossEntropy,
        ["cross-entropy-dice"] = SegmentationLoss.CrossEntropyDice,
        ["border-cross-entropy"] = SegmentationLoss.BorderCrossEntropy,
    };

    private static readonly Dictionary<string, UnetOptimizer> Optimizers = new()
    {
        ["adam"] = UnetOptimizer.Adam,
        ["rmsprop"] = UnetOptimizer.RmsProp,
        ["sgd"] = UnetOptimizer.Sgd,
    };

    private static readonly Dictionary<string, AugmentationKind> Augmentations = new()
    {
        ["none"] = AugmentationKind.None,
        ["flips"] = AugmentationKind.Flips,
        ["full"] = AugmentationKind.Full,
    };

    private static readonly Dictionary<string, bool> Foregrounds = new() { ["dark"] = true, ["light"] = false };

    private readonly Option<string> _preset = new("--preset") { Description = string.Join(", ", UnetPresets.All.Select(preset => preset.Name)), DefaultValueFactory = _ => "sn10" };
    private readonly Option<string?> _data = new("--data") { Description = "a folder with train/image and train/label, or with train-volume.tif and train-labels.tif; left out: generated cells" };
    private readonly Option<int?> _features = new("--features") { Description = "channels of the first level; left out: the preset's" };
    private readonly Option<int?> _channels = new("--channels") { Description = "channels of an image, 1 or 3; left out: the preset's" };
    private readonly Option<int> _image = new("--image") { Description = "extent of generated images", DefaultValueFactory = _ => 128 };
    private readonly Option<int?> _crop = new("--crop") { Description = "train on parts of this extent; left out: on whole images" };
    private readonly Option<string> _augmentation = new("--augment") { Description = string.Join(", ", Augmentations.Keys), DefaultValueFactory = _ => "flips" };
    private readonly Option<string> _foreground = new("--foreground") { Description = "how labels mark the wanted class: dark, as membranes are, or light", DefaultValueFactory = _ => "dark" };
    private readonly Option<string?> _loss = new("--loss") { Description = $"{string.Join(", ", Losses.Keys)}; left out: the preset's" };
    private readonly Option<string?> _optimizer = new("--optimizer") { Description = $"{string.Join(", ", Optimizers.Keys)}; left out: the preset's" };
    private readonly Option<string?> _masks = new("--masks") { Description = "write image, truth and prediction of what is measured to this folder, side by side as PNG" };

    public string Name => "unet";

    public string Description => "a UNet: pixels of an image to classes";

    public IReadOnlyList<Option> Options =>
        [_preset, _data, _features, _channels, _image, _crop, _augmentation, _foreground, _loss, _optimizer, _masks];

    public IReadOnlyList<string> Precisions => ["fp32", "bf16"];

    public ModelChoice Read(ParseResult parsed, CommonChoices common)
    {
        UnetConfiguration preset = UnetPresets.Find(parsed.GetRequiredValue(_preset));
        UnetConfiguration configuration = preset with
        {
            Features = Positive("--features", parsed.GetValue(_features) ?? preset.Features),
            Channels = Channels(parsed.GetValue(_channels) ?? preset.Channels),
            Loss = Find("--loss", Losses, parsed.GetValue(_loss), preset.Loss),
            Optimizer = Find("--optimizer", Optimizers, parsed.GetValue(_optimizer), preset.Optimizer),
        };
        var choices = new SegmentationChoices(
            parsed.GetValue(_data), parsed.GetValue(_crop), parsed.GetRequiredValue(_image),
            Find("--augment", Augmentations, parsed.GetRequiredValue(_augmentation), AugmentationKind.Flips),
            Find("--foreground", Foregrounds, parsed.GetRequiredValue(_foreground), true));
        Action<long, byte[]>? picture = parsed.GetValue(_masks) is { } folder ? Drawer(folder) : null;

        // The images say how large the graphs are.
        using UnetData data = UnetData.Open(configuration, choices, common.Seed);
        var model = new UnetModel(configuration, data.TrainingExtents, data.WholeExtents, common.Seed, picture);
        return new ModelChoice(model, () => UnetData.Open(configuration, choices, common.Seed));
    }

    private static Action<long, byte[]> Drawer(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.OutputNotWritten, folder, "a folder to write masks to", error.Message, "name a folder that can be made");
        }

        return (number, png) => AtomicFile.Write(Path.Combine(folder, $"{number}.png"), png);
    }

    private static T Find<T>(string option, Dictionary<string, T> known, string? name, T otherwise) =>
        name is null ? otherwise
        : known.TryGetValue(name, out T? value) ? value
        : throw new RduException(ErrorCatalogue.NameUnknown, option, string.Join(", ", known.Keys), name, "choose one of these");

    private static int Positive(string option, int value) => value > 0
        ? value
        : throw new RduException(ErrorCatalogue.OptionInvalid, option, "at least 1", $"{value}", "give a positive number");

    private static int Channels(int value) => value is 1 or 3
        ? value
        : throw new RduException(ErrorCatalogue.OptionInvalid, "--channels", "1 or 3", $"{value}", "choose 1 for grey or 3 for colours");
}
