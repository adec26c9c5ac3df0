namespace RduEmu.Models.Images;

/// <summary>A picture in memory, channel last.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Channels">1 for grey, 3 for red, green and blue.</param>
/// <param name="Values">From 0 to 1, [row][column][channel].</param>
public sealed record Picture(int Height, int Width, int Channels, float[] Values)
{
    /// <summary>Of pixels as decoders give them: red in the lowest byte, then green and blue.</summary>
    public static Picture Of(ReadOnlySpan<int> pixels, int height, int width, int channels)
    {
        var values = new float[pixels.Length * channels];
        for (int i = 0; i < pixels.Length; i++)
        {
            int red = pixels[i] & 0xFF;
            int green = pixels[i] >> 8 & 0xFF;
            int blue = pixels[i] >> 16 & 0xFF;
            if (channels == 1)
            {
                values[i] = (red + green + blue) / 765f;
                continue;
            }

            values[3 * i] = red / 255f;
            values[3 * i + 1] = green / 255f;
            values[3 * i + 2] = blue / 255f;
        }

        return new Picture(height, width, channels, values);
    }
}
