using System.Runtime.Intrinsics;
using RduEmu.Kernels.Templates.BatchContract;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>
/// Rows of a weight into panels of 16 columns, eight rows at a time: then both what is read and what is written are whole lines. Row
/// by row each word goes to a line of its own, which cost 20 ns a word where the panels were larger than L2.
/// </summary>
internal static unsafe class PanelPacking
{
    public const int RowsAtOnce = 8;

    private const int PanelColumns = ContractOrder.PanelColumns;

    /// <summary>How many rows can go together from lane <paramref name="lane"/> of a panel on.</summary>
    public static int Rows(int left, int lane) => Math.Min(left, RowsAtOnce - lane % RowsAtOnce);

    /// <summary>Rows side by side: target[k · 16 + r] = rows[r · stride + k].</summary>
    /// <param name="target">The panel at the lane of the first row.</param>
    public static void AcrossLanes(float* rows, nint stride, int count, int depth, float* target)
    {
        int k = 0;
        for (; count == RowsAtOnce && k + RowsAtOnce <= depth; k += RowsAtOnce)
        {
            BatchContractTranspose.Transpose8(rows + k, stride, target + (nint)k * PanelColumns, RowsAtOnce);
        }

        for (; k < depth; k++)
        {
            for (int row = 0; row < count; row++)
            {
                target[(nint)k * PanelColumns + row] = rows[row * stride + k];
            }
        }
    }

    /// <summary>Rows one behind the other: target[c / 16 · panelStride + 16 · r + c mod 16] = rows[r · stride + c].</summary>
    /// <param name="target">The first panel at the depth of the first row.</param>
    public static void AlongDepth(float* rows, nint stride, int count, int columns, float* target, nint panelStride)
    {
        int column = 0;
        for (; column + PanelColumns <= columns; column += PanelColumns, target += panelStride)
        {
            for (int row = 0; row < count; row++)
            {
                float* from = rows + row * stride + column;
                Vector256.Load(from).Store(target + row * PanelColumns);
                Vector256.Load(from + 8).Store(target + row * PanelColumns + 8);
            }
        }

        for (int row = 0; row < count && column < columns; row++)
        {
            new ReadOnlySpan<float>(rows + row * stride + column, columns - column).CopyTo(new Span<float>(target + row * PanelColumns, columns - column));
        }
    }
}
