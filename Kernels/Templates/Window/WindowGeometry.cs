using RduEmu.Kernels.Templates.Convolve;

namespace RduEmu.Kernels.Templates.Window;

/// <summary>Windows over channel-last images [H, W, C]: the taps of a convolution, each channel by itself.</summary>
public readonly record struct WindowGeometry(ConvolveAxis Height, ConvolveAxis Width, int Channels)
{
    public int SourcePixels => Height.Source * Width.Source;

    public int ResultPixels => Height.Result * Width.Result;
}
