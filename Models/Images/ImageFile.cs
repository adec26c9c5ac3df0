using System.Runtime.InteropServices;
using BitMiracle.LibTiff.Classic;
using RduEmu.Kernels.Errors;
using SkiaSharp;

namespace RduEmu.Models.Images;

/// <summary>Pictures from files and to files: PNG and what else Skia decodes, and stacks of TIFF.</summary>
public static class ImageFile
{
    private static readonly string[] StackEndings = [".tif", ".tiff"];

    public static bool IsStack(string path) => StackEndings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>All pictures of a file: one, or those of a stack.</summary>
    /// <exception cref="RduException">RDU0101: there is no such file. RDU0141: it cannot be decoded.</exception>
    public static IReadOnlyList<Picture> Read(string path, int channels)
    {
        if (!File.Exists(path))
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "an image", "nothing there", "correct --data");
        }

        return IsStack(path) ? ReadStack(path, channels) : [ReadSingle(path, channels)];
    }

    /// <summary>A PNG of grey values from 0 to 1, [row][column].</summary>
    public static byte[] EncodePng(int height, int width, ReadOnlySpan<float> grey)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Gray8, SKAlphaType.Opaque));
        Span<byte> pixels = bitmap.GetPixelSpan();
        for (int row = 0; row < height; row++)
        {
            for (int column = 0; column < width; column++)
            {
                pixels[row * bitmap.RowBytes + column] = (byte)Math.Clamp((int)(grey[row * width + column] * 255f + 0.5f), 0, 255);
            }
        }

        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    private static Picture ReadSingle(string path, int channels)
    {
        using var codec = SKCodec.Create(path);
        if (codec is null)
        {
            throw Damaged(path, "not an image of a known kind");
        }

        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        using var bitmap = new SKBitmap(info);
        SKCodecResult result = codec.GetPixels(info, bitmap.GetPixels());
        if (result != SKCodecResult.Success)
        {
            throw Damaged(path, result.ToString());
        }

        return Picture.Of(MemoryMarshal.Cast<byte, int>(bitmap.GetPixelSpan()), info.Height, info.Width, channels);
    }

    private static List<Picture> ReadStack(string path, int channels)
    {
        using Tiff tiff = Tiff.Open(path, "r") ?? throw Damaged(path, "not a TIFF");
        var pictures = new List<Picture>();
        do
        {
            int width = tiff.GetField(TiffTag.IMAGEWIDTH)?[0].ToInt() ?? 0;
            int height = tiff.GetField(TiffTag.IMAGELENGTH)?[0].ToInt() ?? 0;
            var pixels = new int[checked(width * height)];
            if (pixels.Length == 0 || !tiff.ReadRGBAImageOriented(width, height, pixels, Orientation.TOPLEFT))
            {
                throw Damaged(path, $"picture {pictures.Count} cannot be decoded");
            }

            pictures.Add(Picture.Of(pixels, height, width, channels));
        }
        while (tiff.ReadDirectory());
        return pictures;
    }

    private static RduException Damaged(string path, string got) =>
        new(ErrorCatalogue.ImageDamaged, path, "an image that can be decoded", got, "replace the file");
}
