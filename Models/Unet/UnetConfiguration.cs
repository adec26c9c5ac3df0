namespace RduEmu.Models.Unet;

/// <summary>How the decoder of a UNet doubles the extents.</summary>
public enum UnetUpsampling
{
    /// <summary>A transposed convolution 2x2 with stride 2, which halves the channels.</summary>
    Transposed,

    /// <summary>Bilinear with aligned corners; the channels stay.</summary>
    Bilinear,

    /// <summary>Nearest, then a convolution 2x2 that halves the channels, and ReLU.</summary>
    NearestConvolution,
}

/// <summary>What a UNet is trained to lower.</summary>
public enum SegmentationLoss
{
    /// <summary>1 - Dice over the whole batch, smoothed by 1.</summary>
    Dice,

    /// <summary>Binary cross-entropy, the mean over all pixels.</summary>
    Bce,

    /// <summary>The sum of both.</summary>
    DiceBce,

    /// <summary>Focal loss with gamma 2, the mean over all pixels.</summary>
    Focal,

    /// <summary>Cross-entropy of the classes, the mean over all pixels.</summary>
    CrossEntropy,

    /// <summary>
    /// The sum of the cross-entropy and of 1 - Dice of the classes' indicators, over the whole batch (milesial/Pytorch-UNet, train.py).
    /// </summary>
    CrossEntropyDice,

    /// <summary>Cross-entropy of the classes, each pixel times its weight of <see cref="BorderWeights"/>, the mean over all pixels.</summary>
    BorderCrossEntropy,
}

/// <summary>By what a UNet is trained.</summary>
public enum UnetOptimizer
{
    Adam,
    RmsProp,
    Sgd,
}

/// <summary>A UNet (Ronneberger et al., arXiv:1505.04597) with all its choices.</summary>
/// <param name="Name">The preset it comes from.</param>
/// <param name="Channels">Channels of an image.</param>
/// <param name="Classes">1 for foreground against background, else as many classes.</param>
/// <param name="Features">Channels of the first level; each level down has twice as many.</param>
/// <param name="Normalizes">Batch normalisation after each 3x3 convolution, which then has no bias.</param>
/// <param name="Upsampling">How the decoder doubles the extents.</param>
/// <param name="IsPadded">True if 3x3 convolutions keep the extents; else each takes one pixel of every edge, and skips are cropped.</param>
/// <param name="Loss">What is lowered.</param>
/// <param name="Optimizer">By what.</param>
/// <param name="Rate">The learning rate.</param>
public sealed record UnetConfiguration(
    string Name, int Channels, int Classes, int Features, bool Normalizes, UnetUpsampling Upsampling, bool IsPadded, SegmentationLoss Loss,
    UnetOptimizer Optimizer, float Rate)
{
    /// <summary>The largest norm of all gradients together; larger ones are scaled down. 0 for no limit.</summary>
    public float ClipNorm { get; init; }

    /// <summary>What is kept of the velocity from step to step with <see cref="UnetOptimizer.Sgd"/>, below 1; 0 for plain gradient descent.</summary>
    public float Momentum { get; init; }

    /// <summary>Times that extents are halved on the way down.</summary>
    public const int Levels = 4;

    /// <summary>True if the decoder has the skip's channels behind its own.</summary>
    public bool SkipsBehind { get; init; }

    /// <summary>Channels of the lowest level: with bilinear up-sampling, which keeps channels, half as many.</summary>
    public int BottomFeatures => Features << (Upsampling == UnetUpsampling.Bilinear ? Levels - 1 : Levels);

    /// <summary>Channels of a 3x3 convolution before the last, or 0: Keras' UNet narrows to two first.</summary>
    public int HeadFeatures { get; init; }

    /// <summary>Probability that an element of the two lowest levels is dropped while training.</summary>
    public float DropoutRate { get; init; }

    /// <summary>The extent of the prediction for images of an extent that it <see cref="Takes"/>.</summary>
    public int PredictedExtent(int extent)
    {
        if (IsPadded)
        {
            return extent;
        }

        for (int level = 0; level < Levels; level++)
        {
            extent = (extent - 4) / 2;
        }

        extent -= 4;
        for (int level = 0; level < Levels; level++)
        {
            extent = 2 * extent - 4;
        }

        return extent;
    }

    /// <summary>True if images of the extent can be halved on every level, and something is left at the end.</summary>
    public bool Takes(int extent)
    {
        int left = extent;
        for (int level = 0; level < Levels; level++)
        {
            left -= IsPadded ? 0 : 4;
            if (left < 2 || left % 2 != 0)
            {
                return false;
            }

            left /= 2;
        }

        return IsPadded || (left > 4 && PredictedExtent(extent) > 0);
    }
}
