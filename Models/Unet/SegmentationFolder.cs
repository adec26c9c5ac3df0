using RduEmu.Kernels.Errors;
using RduEmu.Models.Images;

namespace RduEmu.Models.Unet;

/// <summary>
/// A folder of images with label images of the same names, or two TIFF stacks: the ISBI 2012 membrane challenge as zhixuhao/unet has it
/// (train/image and train/label), or as the challenge gave it out (train-volume.tif and train-labels.tif).
/// </summary>
public static class SegmentationFolder
{
    private const string Images = "image";
    private const string Labels = "label";
    private const string ImageStack = "train-volume.tif";
    private const string LabelStack = "train-labels.tif";

    /// <summary>Where, below what the user named, the images may lie.</summary>
    private static readonly string[] Places = [".", "train", Path.Combine("membrane", "train"), Path.Combine("data", "membrane", "train"), "membrane"];

    /// <summary>All samples, by ascending number in the names of their files.</summary>
    /// <param name="path">The folder, or one above it.</param>
    /// <param name="channels">Channels of an image: 1 or 3.</param>
    /// <param name="isForegroundDark">True where labels are black on the wanted class, as the challenge's are on membranes; objects are always light.</param>
    /// <exception cref="RduException">RDU0101: there are none. RDU0141, RDU0142: they cannot be decoded, or do not belong together.</exception>
    public static IReadOnlyList<SegmentationSample> Read(string path, int channels, bool isForegroundDark)
    {
        foreach (string place in Places)
        {
            string folder = Path.GetFullPath(Path.Combine(path, place));
            if (Directory.Exists(Path.Combine(folder, Images)) && Directory.Exists(Path.Combine(folder, Labels)))
            {
                return ReadPairs(folder, channels, isForegroundDark);
            }

            if (File.Exists(Path.Combine(folder, ImageStack)) && File.Exists(Path.Combine(folder, LabelStack)))
            {
                return Pair(
                    folder, ImageFile.Read(Path.Combine(folder, ImageStack), channels), ImageFile.Read(Path.Combine(folder, LabelStack), 1), isForegroundDark);
            }
        }

        throw new RduException(
            ErrorCatalogue.FileMissing, path, $"a folder with {Images} and {Labels}, or with {ImageStack} and {LabelStack}", "neither", "correct --data");
    }

    private static List<SegmentationSample> ReadPairs(string folder, int channels, bool isForegroundDark)
    {
        string[] files = [.. Directory.GetFiles(Path.Combine(folder, Images)).OrderBy(NumberOf).ThenBy(Path.GetFileName, StringComparer.Ordinal)];
        if (files.Length == 0)
        {
            throw new RduException(ErrorCatalogue.FileMissing, Path.Combine(folder, Images), "images", "an empty folder", "correct --data");
        }

        return Pair(
            folder,
            [.. files.SelectMany(file => ImageFile.Read(file, channels))],
            [.. files.SelectMany(file => ImageFile.Read(Path.Combine(folder, Labels, Path.GetFileName(file)), 1))],
            isForegroundDark);
    }

    private static List<SegmentationSample> Pair(string folder, IReadOnlyList<Picture> images, IReadOnlyList<Picture> labels, bool isForegroundDark)
    {
        if (images.Count != labels.Count)
        {
            throw new RduException(
                ErrorCatalogue.ImagesUnequal, folder, $"{images.Count} labels for as many images", $"{labels.Count}", "give each image its label");
        }

        var samples = new List<SegmentationSample>();
        for (int i = 0; i < images.Count; i++)
        {
            Picture image = images[i];
            Picture first = images[0];
            if (image.Height != first.Height || image.Width != first.Width || labels[i].Height != image.Height || labels[i].Width != image.Width)
            {
                throw new RduException(
                    ErrorCatalogue.ImagesUnequal, $"{folder}, sample {i}", $"image and label of {first.Height}x{first.Width}",
                    $"{image.Height}x{image.Width} and {labels[i].Height}x{labels[i].Width}", "give all samples one size");
            }

            float[] foreground = [.. labels[i].Values.Select(value => value < 0.5f == isForegroundDark ? 1f : 0f)];
            samples.Add(new SegmentationSample(image.Height, image.Width, image.Channels, image.Values, foreground) { ObjectClass = isForegroundDark ? 0 : 1 });
        }

        return samples;
    }

    /// <summary>The number in a file's name, so that 10 comes after 9.</summary>
    private static long NumberOf(string path)
    {
        string digits = new([.. Path.GetFileNameWithoutExtension(path).Where(char.IsAsciiDigit).Take(18)]);
        return digits.Length == 0 ? 0 : long.Parse(digits, System.Globalization.CultureInfo.InvariantCulture);
    }
}
