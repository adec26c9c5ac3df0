namespace RduEmu.Models.Unet;

/// <summary>An image and what its pixels are.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Channels">Channels of the image.</param>
/// <param name="Image">From 0 to 1, [row][column][channel].</param>
/// <param name="Foreground">1 where the wanted class is, else 0, [row][column].</param>
public sealed record SegmentationSample(int Height, int Width, int Channels, float[] Image, float[] Foreground)
{
    /// <summary>The class whose connected parts are objects: 0 where the wanted class lies between them, as membranes do; 1 where it is the objects.</summary>
    public int ObjectClass { get; init; }
}
