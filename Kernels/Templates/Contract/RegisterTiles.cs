namespace RduEmu.Kernels.Templates.Contract;

/// <summary>How far the elements of a row of X lie apart: a constant where they are neighbours, which the loops are 7% faster with.</summary>
internal interface IDepthStride
{
    static abstract nint Of(nint stride);
}

internal readonly struct NeighbourStride : IDepthStride
{
    public static nint Of(nint stride) => 1;
}

internal readonly struct AnyStride : IDepthStride
{
    public static nint Of(nint stride) => stride;
}

/// <summary>The micro-kernel of a height that is known only when it runs.</summary>
internal static unsafe class RegisterTiles
{
    /// <summary>1 to 6 rows by one panel.</summary>
    public static void OnePanel(int height, float* x, nint strideX, nint depthStride, float* panel, int depth, float* y, nint strideY, bool add)
    {
        switch (height)
        {
            case 1:
                ContractMicroKernels.OnePanel<Rows1>(x, strideX, depthStride, panel, depth, y, strideY, add);
                break;
            case 2:
                ContractMicroKernels.OnePanel<Rows2>(x, strideX, depthStride, panel, depth, y, strideY, add);
                break;
            case 3:
                ContractMicroKernels.OnePanel<Rows3>(x, strideX, depthStride, panel, depth, y, strideY, add);
                break;
            case 4:
                ContractMicroKernels.OnePanel<Rows4>(x, strideX, depthStride, panel, depth, y, strideY, add);
                break;
            case 5:
                ContractMicroKernels.OnePanel<Rows5>(x, strideX, depthStride, panel, depth, y, strideY, add);
                break;
            default:
                ContractMicroKernels.OnePanel<Rows6>(x, strideX, depthStride, panel, depth, y, strideY, add);
                break;
        }
    }

    /// <summary>1 to 12 rows by two panels; more than 3 want 32 registers.</summary>
    public static void TwoPanels(
        int height, float* x, nint strideX, nint depthStride, float* panel, nint panelStride, int depth, float* y, nint strideY, bool add)
    {
        switch (height)
        {
            case 1:
                ContractMicroKernels.TwoPanels<Rows1>(x, strideX, depthStride, panel, panelStride, depth, y, strideY, add);
                break;
            case 2:
                ContractMicroKernels.TwoPanels<Rows2>(x, strideX, depthStride, panel, panelStride, depth, y, strideY, add);
                break;
            case 3:
                ContractMicroKernels.TwoPanels<Rows3>(x, strideX, depthStride, panel, panelStride, depth, y, strideY, add);
                break;
            case 4:
                ContractWideKernels.TwoPanels<Rows4>(x, strideX, depthStride, panel, panelStride, depth, y, strideY, add);
                break;
            case 5:
                ContractWideKernels.TwoPanels<Rows5>(x, strideX, depthStride, panel, panelStride, depth, y, strideY, add);
                break;
            case 6:
                ContractWideKernels.TwoPanels<Rows6>(x, strideX, depthStride, panel, panelStride, depth, y, strideY, add);
                break;
            case 7:
                ContractWideKernels.TwoPanels<Rows7>(x, strideX, depthStride, panel, panelStride, depth, y, strideY, add);
                break;
            case 8:
                ContractWideKernels.TwoPanels<Rows8>(x, strideX, depthStride, panel, panelStride, depth, y, strideY, add);
                break;
            case 9:
                ContractWideKernels.TwoPanels<Rows9>(x, strideX, depthStride, panel, panelStride, depth, y, strideY, add);
                break;
            case 10:
                ContractWideKernels.TwoPanels<Rows10>(x, strideX, depthStride, panel, panelStride, depth, y, strideY, add);
                break;
            case 11:
                ContractWideKernels.TwoPanels<Rows11>(x, strideX, depthStride, panel, panelStride, depth, y, strideY, add);
                break;
            default:
                ContractWideKernels.TwoPanels<Rows12>(x, strideX, depthStride, panel, panelStride, depth, y, strideY, add);
                break;
        }
    }
}
