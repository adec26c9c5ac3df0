namespace RduEmu.Kernels.Templates.Contract;

/// <summary>Weights as a contraction wants them: panels of 16 columns, <c>packed[n / 16][k][n mod 16]</c>.</summary>
public static class PackedWeight
{
    public static int PanelCount(int columns) => (columns + ContractOrder.PanelColumns - 1) / ContractOrder.PanelColumns;

    /// <summary>Words that the packed weights take; those past the last column are zero and stay so.</summary>
    public static long LengthElements(int columns, int depth) => (long)PanelCount(columns) * ContractOrder.PanelColumns * depth;

    /// <summary>Where w[column, k] lies, in words.</summary>
    public static long IndexElements(int column, int k, int depth)
    {
        int panel = column / ContractOrder.PanelColumns;
        int lane = column - panel * ContractOrder.PanelColumns;
        return ((long)panel * depth + k) * ContractOrder.PanelColumns + lane;
    }
}
