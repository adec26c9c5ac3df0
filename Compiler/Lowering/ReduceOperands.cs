using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;

namespace RduEmu.Compiler.Lowering;

/// <summary>
/// The operands of a unit that treats some axes of its input apart: kept axes first, then the others, both in ascending order.
/// </summary>
/// <param name="KeptExtents">Of one item.</param>
/// <param name="OtherExtents">Of the axes that are reduced, scanned or searched.</param>
/// <param name="Output">Over the kept axes.</param>
internal sealed record ReduceOperands(int[] KeptExtents, int[] OtherExtents, NdOperand Output)
{
    private int[] KeptAxes { get; init; } = [];

    private int[] OtherAxes { get; init; } = [];

    private int ItemAxis { get; init; }

    private bool HasItems { get; init; }

    private TensorType Input { get; init; } = TensorType.Whole();

    /// <param name="axes">Axes of the input, ascending.</param>
    /// <param name="keepAxes">True if the output has them, with extents of its own.</param>
    public static ReduceOperands Create(UnitContext context, ValueId output, TensorType input, IReadOnlyList<int> axes, bool keepAxes)
    {
        TensorType type = context.TypeOf(output);
        List<int> kept = [.. Enumerable.Range(0, input.Rank).Where(axis => !axes.Contains(axis))];
        int[] own = NdOperands.Strides(context, output);
        bool hasItems = NdOperands.HasItemAxis(type);
        int itemAxis = -1;
        if (hasItems)
        {
            itemAxis = keepAxes ? (kept.Contains(0) ? 0 : -1) : kept[0];
            kept.Remove(itemAxis);
        }

        int[] all = [.. Enumerable.Range(0, input.Rank).Where(axis => keepAxes || !axes.Contains(axis))];
        int[] strides = [.. kept.Select(axis => own[Array.IndexOf(all, axis)])];
        int itemStride = itemAxis >= 0 ? own[Array.IndexOf(all, itemAxis)] : 0;
        return new ReduceOperands(
            [.. kept.Select(axis => input.Shape[axis])], [.. axes.Select(axis => input.Shape[axis])],
            NdOperands.Of(context, output, hasItems ? [itemStride, .. strides] : strides, hasItems))
        {
            KeptAxes = [.. kept],
            OtherAxes = [.. axes],
            ItemAxis = itemAxis,
            HasItems = hasItems,
            Input = input,
        };
    }

    /// <summary>The output over the kept and then the other axes: it must have them.</summary>
    public NdOperand OutputOverAll(UnitContext context, ValueId output) => Place(context, output, NdOperands.Strides(context, output), all: true);

    /// <summary>A value that broadcasts to the input's shape, over the kept and then the other axes.</summary>
    public NdOperand OverAll(UnitContext context, ValueId value) => Place(context, value, Broadcast(context, value), all: true);

    /// <summary>The same over the kept axes.</summary>
    public NdOperand OverKept(UnitContext context, ValueId value) => Place(context, value, Broadcast(context, value), all: false);

    private int[] Broadcast(UnitContext context, ValueId value)
    {
        TensorType type = context.TypeOf(value);
        int[] own = NdOperands.Strides(context, value);
        var strides = new int[Input.Rank];
        for (int axis = 0; axis < type.Rank; axis++)
        {
            int at = Input.Rank - type.Rank + axis;
            strides[at] = type.Shape[axis] == 1 && Input.Shape[at] != 1 ? 0 : own[axis];
        }

        return strides;
    }

    private NdOperand Place(UnitContext context, ValueId value, int[] strides, bool all)
    {
        int[] inside = [.. KeptAxes.Concat(all ? OtherAxes : []).Select(axis => strides[axis])];
        return NdOperands.Of(context, value, HasItems ? [ItemAxis >= 0 ? strides[ItemAxis] : 0, .. inside] : inside, HasItems);
    }
}
