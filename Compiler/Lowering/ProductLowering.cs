using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering.Stages;

namespace RduEmu.Compiler.Lowering;

/// <summary>
/// Which template computes a product: a Contract, whose weight is packed when it is loaded, where the second operand is a parameter
/// and all three are dense matrices; a strided contraction everywhere else. Both have the same order.
/// </summary>
internal static class ProductLowering
{
    /// <param name="a">The first operand.</param>
    /// <param name="b">The second operand.</param>
    /// <param name="axes">The loops.</param>
    public static void Emit(StageLowering lowering, Node node, ValueId a, ValueId b, ProductAxes axes)
    {
        Graph graph = lowering.Graph;
        TensorType type = graph[node.Output].Type;
        if (!type.HasSamples && type.Element == ElementType.Float32 && graph[b].Role == ValueRole.Parameter && TransposedOf(graph, node, a, b, axes) is { } transposed)
        {
            lowering.Emit(new ContractStage(node.Name, node.Output, a, new PackedWeightSource(b, Rounds: false), transposed, FusedProgram.Identity, Whole: true));
            return;
        }

        lowering.Emit(new ProductStage(node.Name, node.Output, a, b, axes, !type.HasSamples));
    }

    /// <summary>True if the weight's first axis is the depth, false if it is the columns; null if it is no such product.</summary>
    private static bool? TransposedOf(Graph graph, Node node, ValueId a, ValueId b, ProductAxes axes)
    {
        int[] stridesA = Strides(graph[a].Type);
        int[] stridesB = Strides(graph[b].Type);
        int[] stridesY = Strides(graph[node.Output].Type);
        (int Extent, int Stride) OfA(ProductAxis axis) => (axis.Extent, axis.AxisA < 0 ? 0 : stridesA[axis.AxisA] * axis.ScaleA);
        (int Extent, int Stride) OfB(ProductAxis axis) => (axis.Extent, axis.AxisB < 0 ? 0 : stridesB[axis.AxisB] * axis.ScaleB);
        (int Extent, int Stride) OfY(ProductAxis axis) => (axis.Extent, axis.AxisY < 0 ? 0 : stridesY[axis.AxisY] * axis.ScaleY);
        ProductAxis[] rows = [.. axes.Batch, .. axes.Rows];
        if (rows.Concat(axes.Columns).Concat(axes.Depth).Any(axis => axis.Extent == 0)
            || axes.Batch.Any(axis => axis.Extent > 1 && axis.AxisB >= 0)
            || !IsDense([.. rows.Select(OfA), .. axes.Depth.Select(OfA)])
            || !IsDense([.. rows.Select(OfY), .. axes.Columns.Select(OfY)]))
        {
            return null;
        }

        (int weightRows, int weightColumns) = Sectioning.MatrixOf(graph[b].Type);
        int columns = axes.Columns.Aggregate(1, (product, axis) => checked(product * axis.Extent));
        int depth = axes.Depth.Aggregate(1, (product, axis) => checked(product * axis.Extent));
        if (weightRows == columns && weightColumns == depth && IsDense([.. axes.Columns.Select(OfB), .. axes.Depth.Select(OfB)]))
        {
            return false;
        }

        return weightRows == depth && weightColumns == columns && IsDense([.. axes.Depth.Select(OfB), .. axes.Columns.Select(OfB)]) ? true : null;
    }

    /// <summary>True if nested loops, outermost first, pass neighbours in memory one after the other.</summary>
    private static bool IsDense(IEnumerable<(int Extent, int Stride)> loops)
    {
        long next = 1;
        foreach ((int extent, int stride) in loops.Reverse())
        {
            if (extent != 1 && stride != next)
            {
                return false;
            }

            next *= extent;
        }

        return true;
    }

    private static int[] Strides(TensorType type)
    {
        var strides = new int[type.Rank];
        int stride = 1;
        for (int axis = type.Rank - 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride = checked(stride * type.Shape[axis]);
        }

        return strides;
    }
}
