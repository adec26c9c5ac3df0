using RduEmu.Kernels.Numerics;

namespace RduEmu.Models.Unet;

/// <summary>
/// Images like cells under a microscope, without end: bright bodies around scattered centres, dark membranes where two bodies meet, and
/// grain. Sample n is a function of seed and n.
/// </summary>
public static class GeneratedCells
{
    /// <summary>Samples from here on are for measuring only.</summary>
    public const long FirstTestSample = 1L << 40;

    private const int CellPixels = 24;
    private const float MembranePixels = 2.5f;
    private const int Stream = 0xCE11;

    /// <param name="seed">Of the run.</param>
    /// <param name="number">Which sample.</param>
    public static SegmentationSample Create(int seed, long number, int height, int width, int channels)
    {
        var image = new float[height * width * channels];
        var foreground = new float[height * width];
        int rows = height / CellPixels + 3;
        int columns = width / CellPixels + 3;
        var centres = new (float Y, float X, float Shade)[rows * columns];
        for (int i = 0; i < centres.Length; i++)
        {
            float y = (i / columns - 1 + Draw(seed, number, i, 0)) * CellPixels;
            float x = (i % columns - 1 + Draw(seed, number, i, 1)) * CellPixels;
            centres[i] = (y, x, 0.5f + 0.3f * Draw(seed, number, i, 2));
        }

        for (int row = 0; row < height; row++)
        {
            for (int column = 0; column < width; column++)
            {
                int pixel = row * width + column;
                (float nearest, float second, float shade) = Nearest(centres, rows, columns, row, column);

                // Between two centres the difference of the distances is twice the distance to the border.
                bool isMembrane = second - nearest < 2f * MembranePixels;
                foreground[pixel] = isMembrane ? 1f : 0f;
                for (int c = 0; c < channels; c++)
                {
                    float grain = 0.25f * (Draw(seed, number, pixel, 3 + c) - 0.5f);
                    image[pixel * channels + c] = Math.Clamp((isMembrane ? 0.45f * shade : shade) + grain, 0f, 1f);
                }
            }
        }

        return new SegmentationSample(height, width, channels, image, foreground);
    }

    private static (float Nearest, float Second, float Shade) Nearest((float Y, float X, float Shade)[] centres, int rows, int columns, int row, int column)
    {
        float nearest = float.MaxValue;
        float second = float.MaxValue;
        float shade = 0f;
        int firstRow = row / CellPixels;
        int firstColumn = column / CellPixels;
        for (int i = firstRow - 1; i <= firstRow + 3; i++)
        {
            for (int j = firstColumn - 1; j <= firstColumn + 3; j++)
            {
                if (i < 0 || j < 0 || i >= rows || j >= columns)
                {
                    continue;
                }

                (float y, float x, float own) = centres[i * columns + j];
                float distance = MathF.Sqrt((y - row) * (y - row) + (x - column) * (x - column));
                if (distance < nearest)
                {
                    (second, nearest, shade) = (nearest, distance, own);
                }
                else if (distance < second)
                {
                    second = distance;
                }
            }
        }

        return (nearest, second, shade);
    }

    private static float Draw(int seed, long number, int element, int draw)
    {
        int c0 = (int)number;
        int c1 = (int)(number >> 32);
        int c2 = element;
        int c3 = draw;
        Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, seed, Stream);
        return Philox.Uniform<ScalarLane, float, int>(c0);
    }
}
