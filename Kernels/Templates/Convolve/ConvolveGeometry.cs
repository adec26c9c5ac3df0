using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>
/// One axis of a convolution, as a rule of what is read: tap t of result r reads the source at q / Upsampling with
/// q = r · Stride + t · Dilation - PadBegin, where that is a whole number inside the source; elsewhere the tap is skipped.
/// </summary>
/// <remarks>
/// A convolution has Upsampling 1; its gradient by the input, and a transposed convolution, has the stride there. Both are the
/// same rule, each the other's <see cref="ToGradient"/>.
/// </remarks>
/// <param name="Source">Extent of what is read, in pixels.</param>
/// <param name="Result">Extent of what is computed, in pixels.</param>
/// <param name="Taps">Extent of the filter.</param>
/// <param name="Stride">Positions from one result to the next.</param>
/// <param name="Dilation">Positions from one tap to the next.</param>
/// <param name="PadBegin">Positions before the source; may be negative.</param>
/// <param name="Upsampling">Positions from one source pixel to the next.</param>
public readonly record struct ConvolveAxis(int Source, int Result, int Taps, int Stride, int Dilation, int PadBegin, int Upsampling)
{
    /// <summary>
    /// The axis by which a gradient flows back, over the taps in reverse, so that taps still ascend with what they read.
    /// </summary>
    public ConvolveAxis ToGradient() => new(Result, Source, Taps, Upsampling, Dilation, (Taps - 1) * Dilation - PadBegin, Stride);

    /// <summary>The axis of a convolution over <paramref name="source"/> pixels.</summary>
    public static ConvolveAxis Forward(int source, int taps, int stride, int dilation, int padBegin, int padEnd) =>
        new(source, (source + padBegin + padEnd - dilation * (taps - 1) - 1) / stride + 1, taps, stride, dilation, padBegin, 1);

    /// <summary>The source pixel that a tap of a result reads, or -1.</summary>
    public int At(int result, int tap)
    {
        int position = result * Stride + tap * Dilation - PadBegin;
        if (position < 0)
        {
            return -1;
        }

        int pixel = position / Upsampling;
        return pixel * Upsampling == position && pixel < Source ? pixel : -1;
    }

    /// <summary>Taps that are not skipped, over all results.</summary>
    public long CountTaps()
    {
        long count = 0;
        for (int result = 0; result < Result; result++)
        {
            for (int tap = 0; tap < Taps; tap++)
            {
                count += At(result, tap) >= 0 ? 1 : 0;
            }
        }

        return count;
    }
}

/// <summary>
/// A convolution over channel-last images: source [H, W, SourceChannels], result [H', W', ResultChannels]. The channels of
/// both are cut into groups; a result channel reads its group's source channels only.
/// </summary>
public readonly record struct ConvolveGeometry(ConvolveAxis Height, ConvolveAxis Width, int SourceChannels, int ResultChannels, int Groups)
{
    /// <summary>The geometry by which a gradient flows back to the source.</summary>
    public ConvolveGeometry ToGradient() => new(Height.ToGradient(), Width.ToGradient(), ResultChannels, SourceChannels, Groups);

    public int SourcePixels => Height.Source * Width.Source;

    public int ResultPixels => Height.Result * Width.Result;

    public int SourceChannelsPerGroup => SourceChannels / Groups;

    public int ResultChannelsPerGroup => ResultChannels / Groups;

    /// <summary>Length of the sum: k = (tap row · tap columns + tap column) · channels of a group + channel.</summary>
    public int Depth => Height.Taps * Width.Taps * SourceChannelsPerGroup;

    /// <summary>True if each result channel reads one source channel, its own: sixteen neighbours then go side by side.</summary>
    public bool IsDepthwise => SourceChannels == Groups && ResultChannels == Groups;

    /// <summary>Floating-point operations for one image, an FMA counting two, skipped taps none.</summary>
    public long Operations => 2 * Height.CountTaps() * Width.CountTaps() * SourceChannelsPerGroup * ResultChannels;
}

/// <summary>
/// Filters as a convolution wants them: panels of 16 result channels, <c>packed[panel][k][16]</c>; the panels of a group stand
/// together, the last of each filled up with zeros. Of a depthwise filter sixteen groups share a panel.
/// </summary>
public static class PackedFilter
{
    /// <summary>Panels of one group; of all groups where the filter is depthwise.</summary>
    public static int PanelCount(ConvolveGeometry geometry) =>
        PackedWeight.PanelCount(geometry.IsDepthwise ? geometry.Groups : geometry.ResultChannelsPerGroup);

    public static long LengthElements(ConvolveGeometry geometry) =>
        (long)(geometry.IsDepthwise ? 1 : geometry.Groups) * PanelCount(geometry) * ContractOrder.PanelColumns * geometry.Depth;

    /// <summary>Where the filter of a result channel at k lies, in words.</summary>
    public static long IndexElements(ConvolveGeometry geometry, int channel, int k)
    {
        int perGroup = geometry.IsDepthwise ? geometry.Groups : geometry.ResultChannelsPerGroup;
        int group = channel / perGroup;
        int column = channel - group * perGroup;
        int panels = (perGroup + ContractOrder.PanelColumns - 1) / ContractOrder.PanelColumns;
        return (long)group * panels * ContractOrder.PanelColumns * geometry.Depth + PackedWeight.IndexElements(column, k, geometry.Depth);
    }
}
