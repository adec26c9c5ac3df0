using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Models.Unet;

/// <summary>How training images are varied.</summary>
public enum AugmentationKind
{
    /// <summary>A random part, if images are larger than what is trained on; nothing else.</summary>
    None,

    /// <summary>The eight flips and transposes of a square too.</summary>
    Flips,

    /// <summary>
    /// Also turned by up to 10 degrees, shifted, sheared and stretched by up to 5% (the last three as zhixuhao/unet's main.py has them)
    /// and bent elastically by up to 6 pixels.
    /// </summary>
    Full,
}

/// <summary>
/// Variations of samples, drawn from Philox, keyed by the seed and counted by the sample's number: the same number gives the same pixels
/// everywhere. Images are interpolated linearly and reflected at their edges; a label is that of the nearest pixel.
/// </summary>
/// <param name="kind">What is varied.</param>
/// <param name="seed">Of the run.</param>
/// <param name="height">Rows that are trained on.</param>
/// <param name="width">Columns that are trained on.</param>
public sealed class SegmentationAugmentation(AugmentationKind kind, int seed, int height, int width)
{
    /// <summary>Second word of the key.</summary>
    private const int Stream = 0x5E6;

    private const float LargestTurn = 0.17453292f;
    private const float LargestShift = 0.05f;
    private const float LargestShear = 0.05f;
    private const float LargestStretch = 0.05f;
    private const float LargestBend = 6f;

    /// <summary>Knots of the elastic grid along each axis; between them the bend is smooth.</summary>
    private const int Knots = 5;

    /// <summary>Fills an image and its foreground, of the extents that are trained on.</summary>
    /// <param name="sample">At least as large.</param>
    /// <param name="number">Of the sample in the training.</param>
    public void Fill(SegmentationSample sample, long number, Span<float> image, Span<float> foreground)
    {
        var draws = new Draws(seed, number);
        int top = draws.Below(0, sample.Height - height + 1);
        int left = draws.Below(1, sample.Width - width + 1);
        int symmetry = kind == AugmentationKind.None ? 0 : draws.Below(2, 8);

        // Only a square can be transposed.
        symmetry = height == width ? symmetry : symmetry & 3;
        Warp? warp = kind == AugmentationKind.Full ? new Warp(draws, height, width) : null;
        for (int i = 0; i < height; i++)
        {
            for (int j = 0; j < width; j++)
            {
                int row = (symmetry & 1) != 0 ? height - 1 - i : i;
                int column = (symmetry & 2) != 0 ? width - 1 - j : j;
                (row, column) = (symmetry & 4) != 0 ? (column, row) : (row, column);
                int target = i * width + j;
                if (warp is null)
                {
                    int source = (top + row) * sample.Width + left + column;
                    sample.Image.AsSpan(source * sample.Channels, sample.Channels).CopyTo(image[(target * sample.Channels)..]);
                    foreground[target] = sample.Foreground[source];
                    continue;
                }

                (float y, float x) = warp.At(row, column);
                Interpolate(sample, top + y, left + x, image.Slice(target * sample.Channels, sample.Channels), out foreground[target]);
            }
        }
    }

    private static void Interpolate(SegmentationSample sample, float y, float x, Span<float> pixel, out float foreground)
    {
        float floorY = MathF.Floor(y);
        float floorX = MathF.Floor(x);
        float behindY = y - floorY;
        float behindX = x - floorX;
        int y0 = Reflect((int)floorY, sample.Height);
        int y1 = Reflect((int)floorY + 1, sample.Height);
        int x0 = Reflect((int)floorX, sample.Width);
        int x1 = Reflect((int)floorX + 1, sample.Width);
        for (int c = 0; c < pixel.Length; c++)
        {
            float above = Between(At(y0, x0, c), At(y0, x1, c), behindX);
            float below = Between(At(y1, x0, c), At(y1, x1, c), behindX);
            pixel[c] = Between(above, below, behindY);
        }

        foreground = sample.Foreground[(behindY < 0.5f ? y0 : y1) * sample.Width + (behindX < 0.5f ? x0 : x1)];

        float At(int row, int column, int channel) => sample.Image[(row * sample.Width + column) * sample.Channels + channel];
    }

    private static float Between(float a, float b, float fraction) => MathF.FusedMultiplyAdd(fraction, b - a, a);

    private static int Reflect(int position, int extent)
    {
        int period = Math.Max(1, 2 * (extent - 1));
        int folded = ((position % period) + period) % period;
        return folded < extent ? folded : period - folded;
    }

    /// <summary>Uniform numbers of one sample.</summary>
    internal readonly struct Draws(int seed, long number)
    {
        /// <summary>In [0, 1).</summary>
        public float Uniform(int draw)
        {
            int c0 = (int)number;
            int c1 = (int)(number >> 32);
            int c2 = draw;
            int c3 = 0;
            Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, seed, Stream);
            return Philox.Uniform<ScalarLane, float, int>(c0);
        }

        /// <summary>In [-1, 1).</summary>
        public float Signed(int draw) => 2f * Uniform(draw) - 1f;

        public int Below(int draw, int count) => Math.Min(count - 1, (int)(Uniform(draw) * count));
    }

    /// <summary>A stretch, a shear and a turn about the middle, a shift, and a smooth bend.</summary>
    private sealed class Warp
    {
        private const int FirstKnotDraw = 16;

        private readonly float[] _bend = new float[2 * Knots * Knots];
        private readonly float _cosine;
        private readonly float _sine;
        private readonly float _shiftY;
        private readonly float _shiftX;
        private readonly float _shear;
        private readonly float _stretchY;
        private readonly float _stretchX;
        private readonly int _height;
        private readonly int _width;

        public Warp(Draws draws, int height, int width)
        {
            (_height, _width) = (height, width);
            float angle = LargestTurn * draws.Signed(3);
            _cosine = Trigonometric.Cos<ScalarLane, float, int>(angle);
            _sine = Trigonometric.Sin<ScalarLane, float, int>(angle);
            _shiftY = LargestShift * height * draws.Signed(4);
            _shiftX = LargestShift * width * draws.Signed(5);
            _shear = LargestShear * draws.Signed(6);
            _stretchY = 1f + LargestStretch * draws.Signed(7);
            _stretchX = 1f + LargestStretch * draws.Signed(8);
            for (int i = 0; i < _bend.Length; i++)
            {
                _bend[i] = LargestBend * draws.Signed(FirstKnotDraw + i);
            }
        }

        /// <summary>Where a pixel comes from.</summary>
        public (float Y, float X) At(int row, int column)
        {
            float y = _stretchY * (row - 0.5f * (_height - 1));
            float x = _stretchX * (column - 0.5f * (_width - 1)) + _shear * y;
            float turnedY = _cosine * y - _sine * x;
            float turnedX = _sine * y + _cosine * x;
            return (
                turnedY + 0.5f * (_height - 1) + _shiftY + Bend(0, row, column),
                turnedX + 0.5f * (_width - 1) + _shiftX + Bend(1, row, column));
        }

        private float Bend(int axis, int row, int column)
        {
            (int y, float behindY) = Knot(row, _height);
            (int x, float behindX) = Knot(column, _width);
            ReadOnlySpan<float> bend = _bend.AsSpan(axis * Knots * Knots, Knots * Knots);
            float above = Between(bend[y * Knots + x], bend[y * Knots + x + 1], behindX);
            float below = Between(bend[(y + 1) * Knots + x], bend[(y + 1) * Knots + x + 1], behindX);
            return Between(above, below, behindY);
        }

        /// <summary>The knot before a position and the way to the next, smoothed so that the bend has no creases.</summary>
        private static (int Knot, float Behind) Knot(int position, int extent)
        {
            float at = (float)position * (Knots - 1) / Math.Max(1, extent);
            int knot = Math.Min(Knots - 2, (int)at);
            float way = at - knot;
            return (knot, way * way * (3f - 2f * way));
        }
    }
}
