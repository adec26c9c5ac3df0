namespace RduEmu.Kernels.Templates.Contract;

/// <summary>The order of every contraction under <c>rdu-order/1</c>.</summary>
public static class ContractOrder
{
    /// <summary>The summed axis is cut into chunks of this length; an FMA chain from +0 in each, added left to right.</summary>
    public const int ChunkElements = 256;

    /// <summary>Columns that stand side by side in packed weights: a PCU's lanes.</summary>
    public const int PanelColumns = 16;
}
