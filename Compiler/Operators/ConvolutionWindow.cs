using RduEmu.Kernels.Templates.Convolve;

namespace RduEmu.Compiler.Operators;

/// <summary>How the taps of a convolution or a pooling lie over an image, in pixels.</summary>
/// <param name="StrideHeight">Rows from one result to the next.</param>
/// <param name="StrideWidth">Columns from one result to the next.</param>
/// <param name="DilationHeight">Rows from one tap to the next.</param>
/// <param name="DilationWidth">Columns from one tap to the next.</param>
/// <param name="Top">Padding above.</param>
/// <param name="Left">Padding before.</param>
/// <param name="Bottom">Padding below.</param>
/// <param name="Right">Padding behind.</param>
public readonly record struct ConvolutionWindow(
    int StrideHeight = 1, int StrideWidth = 1, int DilationHeight = 1, int DilationWidth = 1, int Top = 0, int Left = 0, int Bottom = 0, int Right = 0)
{
    /// <summary>No padding, stride 1.</summary>
    public static ConvolutionWindow Valid { get; } = new(1);

    /// <summary>Padded so that a filter of so many taps keeps the extents; of an even number the one more stands at the end.</summary>
    public static ConvolutionWindow Same(int taps) => new(1, Top: (taps - 1) / 2, Left: (taps - 1) / 2, Bottom: taps / 2, Right: taps / 2);

    /// <summary>No padding.</summary>
    public static ConvolutionWindow Strided(int stride) => new(stride, stride);

    public ConvolveAxis Height(int source, int taps) => ConvolveAxis.Forward(source, taps, StrideHeight, DilationHeight, Top, Bottom);

    public ConvolveAxis Width(int source, int taps) => ConvolveAxis.Forward(source, taps, StrideWidth, DilationWidth, Left, Right);

    /// <summary>True if strides and dilations are positive and nothing is cut off.</summary>
    public bool IsLegal =>
        StrideHeight > 0 && StrideWidth > 0 && DilationHeight > 0 && DilationWidth > 0 && Top >= 0 && Left >= 0 && Bottom >= 0 && Right >= 0;
}
