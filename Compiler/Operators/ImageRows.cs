using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// Tiles of an image are ranges of its rows: which rows of the source a tile of the result reads (with the halo that it shares with
/// its neighbours), and how the taps lie over them. Paddings stay only where the tile ends with the image.
/// </summary>
internal static class ImageRows
{
    /// <summary>Rows of the source, and the window of a tile: what a convolution or a pooling reads for rows of its result.</summary>
    /// <param name="window">Of the whole image.</param>
    /// <param name="taps">Rows of the filter.</param>
    /// <param name="source">Rows of the whole source.</param>
    /// <param name="begin">The tile's first row of the result.</param>
    /// <param name="count">Rows of the tile.</param>
    /// <returns>Null if the tile reads nothing of the image.</returns>
    public static (int Begin, int Count, ConvolutionWindow Window)? Read(ConvolutionWindow window, int taps, int source, int begin, int count)
    {
        int low = begin * window.StrideHeight - window.Top;
        int high = (begin + count - 1) * window.StrideHeight - window.Top + window.DilationHeight * (taps - 1) + 1;
        int first = Math.Max(0, low);
        int end = Math.Min(source, high);
        return first >= end ? null : (first, end - first, window with { Top = first - low, Bottom = high - end });
    }

    /// <summary>Rows of the result that read rows of the source, and the window between the two: what flows back to a tile of the source.</summary>
    /// <param name="window">Of the whole image.</param>
    /// <param name="taps">Rows of the filter.</param>
    /// <param name="result">Rows of the whole result.</param>
    /// <param name="begin">The tile's first row of the source.</param>
    /// <param name="count">Rows of the tile.</param>
    /// <returns>Null if no window says it.</returns>
    public static (int Begin, int Count, ConvolutionWindow Window)? ReadBy(ConvolutionWindow window, int taps, int result, int begin, int count)
    {
        int stride = window.StrideHeight;
        int reach = window.DilationHeight * (taps - 1);
        int first = Math.Max(0, -FloorDivide(-(begin + window.Top - reach), stride));
        int end = Math.Min(result, FloorDivide(begin + count - 1 + window.Top, stride) + 1);
        int top = window.Top + begin - first * stride;

        // Rows behind the last tap are not read: there may be up to a stride of them less one.
        int bottom = (end - first - 1) * stride + reach + 1 - count - top;
        return first >= end || top < 0 || bottom <= -stride ? null : (first, end - first, window with { Top = top, Bottom = Math.Max(0, bottom) });
    }

    /// <summary>A region of images that cuts samples, rows and perhaps channels, but not the width.</summary>
    public static bool HasWholeRows(Region region, TensorType type) => region.Rank == 4 && region.HasAll(type, 2);

    /// <summary>The region's samples of a value, some of its rows, all columns.</summary>
    public static Region Of(TensorType type, Region region, int begin, int count) => Slices.Samples(type, region).With(1, begin, count);

    private static int FloorDivide(int a, int b) => a >= 0 ? a / b : -((-a + b - 1) / b);
}
