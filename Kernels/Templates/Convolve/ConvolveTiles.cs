namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>The micro-kernel of a number of results that is known only when it runs.</summary>
internal static unsafe class ConvolveTiles
{
    /// <summary>1 to 6 results by one panel.</summary>
    public static void OnePanel(
        int pixels, float** sources, nint sourceOffset, float* panel, ConvolvePiece* pieces, int count, float** results, nint channel, bool add)
    {
        switch (pixels)
        {
            case 1:
                ConvolveMicroKernels.OnePanel<Rows1>(sources, sourceOffset, panel, pieces, count, results, channel, add);
                break;
            case 2:
                ConvolveMicroKernels.OnePanel<Rows2>(sources, sourceOffset, panel, pieces, count, results, channel, add);
                break;
            case 3:
                ConvolveMicroKernels.OnePanel<Rows3>(sources, sourceOffset, panel, pieces, count, results, channel, add);
                break;
            case 4:
                ConvolveMicroKernels.OnePanel<Rows4>(sources, sourceOffset, panel, pieces, count, results, channel, add);
                break;
            case 5:
                ConvolveMicroKernels.OnePanel<Rows5>(sources, sourceOffset, panel, pieces, count, results, channel, add);
                break;
            default:
                ConvolveMicroKernels.OnePanel<Rows6>(sources, sourceOffset, panel, pieces, count, results, channel, add);
                break;
        }
    }

    /// <summary>1 to 6 results by two panels; more than 3 want 32 registers.</summary>
    public static void TwoPanels(
        int pixels, float** sources, nint sourceOffset, float* panel, nint panelStride, ConvolvePiece* pieces, int count, float** results, nint channel,
        bool add)
    {
        switch (pixels)
        {
            case 1:
                ConvolveMicroKernels.TwoPanels<Rows1>(sources, sourceOffset, panel, panelStride, pieces, count, results, channel, add);
                break;
            case 2:
                ConvolveMicroKernels.TwoPanels<Rows2>(sources, sourceOffset, panel, panelStride, pieces, count, results, channel, add);
                break;
            case 3:
                ConvolveMicroKernels.TwoPanels<Rows3>(sources, sourceOffset, panel, panelStride, pieces, count, results, channel, add);
                break;
            case 4:
                ConvolveWideKernels.TwoPanels<Rows4>(sources, sourceOffset, panel, panelStride, pieces, count, results, channel, add);
                break;
            case 5:
                ConvolveWideKernels.TwoPanels<Rows5>(sources, sourceOffset, panel, panelStride, pieces, count, results, channel, add);
                break;
            default:
                ConvolveWideKernels.TwoPanels<Rows6>(sources, sourceOffset, panel, panelStride, pieces, count, results, channel, add);
                break;
        }
    }
}
