using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;

namespace RduEmu.Models.Unet;

/// <summary>What the user said about images.</summary>
/// <param name="Path">A folder, or null to generate.</param>
/// <param name="Crop">Extent of the parts that are trained on; null for whole images.</param>
/// <param name="GeneratedExtent">Extent of generated images.</param>
/// <param name="Augmentation">How training images are varied.</param>
/// <param name="IsForegroundDark">True where labels are black on the wanted class.</param>
public sealed record SegmentationChoices(string? Path, int? Crop, int GeneratedExtent, AugmentationKind Augmentation, bool IsForegroundDark);

/// <summary>Images to train on and to be measured on, read or generated.</summary>
public sealed class UnetData : IModelData
{
    /// <summary>Of a folder's samples one in so many is held out, from the end: of 30 the last 5.</summary>
    private const int HeldOutOneIn = 6;

    private const int GeneratedTestSamples = 8;
    private const int DefaultBatchSamples = 2;

    /// <summary>Steps after which a UNet of 16 features has learnt the membranes of 25 images.</summary>
    private const int FolderSteps = 200;

    private const int GeneratedSteps = 100;

    private readonly UnetConfiguration _configuration;

    private UnetData(UnetConfiguration configuration, SegmentationSource training, SegmentationSource test, (int Height, int Width) cropped, (int Height, int Width) whole)
    {
        _configuration = configuration;
        Training = training;
        Test = test;
        TrainingExtents = cropped;
        WholeExtents = whole;
    }

    public IBatchSource Training { get; }

    public IBatchSource? Test { get; }

    /// <summary>Rows and columns of the images that are trained on.</summary>
    public (int Height, int Width) TrainingExtents { get; }

    /// <summary>Rows and columns of the images that are measured and predicted.</summary>
    public (int Height, int Width) WholeExtents { get; }

    public bool IsEndless => false;

    /// <exception cref="RduException">RDU0101, RDU0141, RDU0142: the data cannot be read. RDU0201: the network cannot take images of their extents.</exception>
    public static UnetData Open(UnetConfiguration configuration, SegmentationChoices choices, int seed)
    {
        if (choices.Path is null)
        {
            int extent = Fitting(configuration, choices.GeneratedExtent, "--image");
            SegmentationSample Generate(long number) => GeneratedCells.Create(seed, number, extent, extent, configuration.Channels);
            var augmentation = new SegmentationAugmentation(choices.Augmentation, seed, extent, extent);
            return new UnetData(
                configuration,
                new SegmentationSource(configuration, $"generated cells of {extent}x{extent}", Generate, null, seed, augmentation, extent, extent),
                new SegmentationSource(
                    configuration, "generated cells", number => Generate(GeneratedCells.FirstTestSample + number), GeneratedTestSamples, seed, null, extent, extent),
                (extent, extent), (extent, extent));
        }

        IReadOnlyList<SegmentationSample> samples = SegmentationFolder.Read(choices.Path, configuration.Channels, choices.IsForegroundDark);
        int heldOut = samples.Count / HeldOutOneIn;
        int trained = samples.Count - heldOut;
        if (heldOut == 0)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--data", $"at least {HeldOutOneIn} images", $"{samples.Count}", "give more images");
        }

        int height = Fitting(configuration, samples[0].Height, "--data");
        int width = Fitting(configuration, samples[0].Width, "--data");
        int cropHeight = choices.Crop is { } crop ? Math.Min(height, Fitting(configuration, crop, "--crop")) : height;
        int cropWidth = choices.Crop is null ? width : Math.Min(width, choices.Crop.Value);
        string name = $"{trained} of {samples.Count} images of {height}x{width} in {choices.Path}";
        return new UnetData(
            configuration,
            new SegmentationSource(
                configuration, name, number => samples[(int)number], trained, seed,
                new SegmentationAugmentation(choices.Augmentation, seed, cropHeight, cropWidth), cropHeight, cropWidth),
            new SegmentationSource(configuration, "held-out images", number => samples[trained + (int)number], heldOut, seed, null, height, width),
            (cropHeight, cropWidth), (height, width));
    }

    public TrainingCourse Suited(CourseChoices choices)
    {
        bool isRead = Training.Name.Contains(" images of ", StringComparison.Ordinal);
        long? steps = choices.Steps ?? (choices.Epochs is null ? (isRead ? FolderSteps : GeneratedSteps) : null);
        return new TrainingCourse(choices.BatchSamples ?? DefaultBatchSamples, steps, choices.Epochs, _configuration.Rate, LearningRatePolicy.Constant);
    }

    public void Dispose()
    {
        Training.Dispose();
        Test?.Dispose();
    }

    private static int Fitting(UnetConfiguration configuration, int extent, string option) => configuration.Takes(extent)
        ? extent
        : throw new RduException(
            ErrorCatalogue.OptionInvalid, option,
            configuration.IsPadded ? "extents that are multiples of 16" : "extents that four valid levels halve, such as 188, 204 or 572", $"{extent}",
            "choose another size");
}
