using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>The extents of a strided contraction: of one item's batch axes, row axes, column axes and summed axes.</summary>
public sealed record ContractExtents(int[] Batch, int[] Rows, int[] Columns, int[] Depth);

/// <summary>One operand of a strided contraction over three groups of axes; only the batch part has an offset and an item stride.</summary>
/// <param name="First">Rows of a and y, columns of b.</param>
/// <param name="Second">Depth of a and b, columns of y.</param>
public readonly record struct ContractOperand(NdOperand Batch, NdOperand First, NdOperand Second);

/// <summary>The four loop nests of a strided contraction, with the place of every row, column and summed element.</summary>
internal sealed class ContractLoops
{
    /// <param name="a">Over the batch, row and depth axes.</param>
    /// <param name="b">Over the batch, column and depth axes.</param>
    /// <param name="y">Over the batch, row and column axes.</param>
    public ContractLoops(ContractExtents extents, ContractOperand a, ContractOperand b, ContractOperand y)
    {
        Batch = NdLoop.Over(extents.Batch, a.Batch, b.Batch, y.Batch);
        Rows = NdLoop.Over(extents.Rows, a.First, y.First);
        Columns = NdLoop.Over(extents.Columns, b.First, y.Second);
        Depth = NdLoop.Over(extents.Depth, a.Second, b.Second);
        RowsA = Positions(Rows, 0);
        RowsY = Positions(Rows, 1);
        ColumnsB = Positions(Columns, 0);
        ColumnsY = Positions(Columns, 1);
        DepthA = Positions(Depth, 0);
        DepthB = Positions(Depth, 1);
    }

    public NdLoop Batch { get; }

    public NdLoop Rows { get; }

    public NdLoop Columns { get; }

    public NdLoop Depth { get; }

    public int[] RowsA { get; }

    public int[] RowsY { get; }

    public int[] ColumnsB { get; }

    public int[] ColumnsY { get; }

    public int[] DepthA { get; }

    public int[] DepthB { get; }

    public StridedContractArguments Arguments(int code) => new(
        Batch.Operands[0], Rows.Operands[0], Depth.Operands[0], Batch.Operands[1], Columns.Operands[0], Depth.Operands[1],
        Batch.Operands[2], Rows.Operands[1], Columns.Operands[1], Batch.Shape, Rows.Shape, Columns.Shape, Depth.Shape,
        checked((int)Batch.CountElements), RowsA.Length, ColumnsB.Length, DepthA.Length, code);

    /// <summary>Where each element of a nest lies, in words from its first.</summary>
    private static int[] Positions(NdLoop loop, int operand)
    {
        var positions = new int[loop.CountElements];
        for (int i = 0; i < positions.Length; i++)
        {
            positions[i] = checked((int)(loop.Operands[operand].At(0, NdIndex.Of(loop.Shape, i)) - loop.Operands[operand].OffsetElements));
        }

        return positions;
    }
}
