using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Compiler.Lowering;

/// <summary>
/// How the elements of a gathered tensor (or the updates of a scatter) go with a data tensor and with an index tensor.
/// </summary>
/// <param name="DataAxes">For each axis of the gathered tensor the axis of the data that runs with it, or -1.</param>
/// <param name="IndexAxes">For each axis of the gathered tensor the axis of the index tensor that runs with it, or -1.</param>
/// <param name="PositionAxes">The axes of the data that the components of a position name.</param>
/// <param name="HasComponentAxis">True if the last axis of the index tensor runs over the components; else there is one.</param>
public sealed record IndexMap(EquatableArray<int> DataAxes, EquatableArray<int> IndexAxes, EquatableArray<int> PositionAxes, bool HasComponentAxis)
{
    internal IndexArguments Arguments(UnitContext context, ValueId data, ValueId indices)
    {
        TensorType type = context.TypeOf(data);
        int[] strides = NdOperands.Strides(context, data);
        int[] own = NdOperands.Strides(context, indices);
        int[] extents = [.. PositionAxes.Select(axis => type.Shape[axis])];
        int[] steps = [.. PositionAxes.Select(axis => strides[axis])];
        return IndexArguments.From(HasComponentAxis ? own[^1] : 0, context.TypeOf(indices).Element.Code(), extents, steps);
    }

    /// <summary>An operand of the data, or of the index tensor, over the axes of the gathered tensor in a given order.</summary>
    internal static NdOperand Operand(UnitContext context, ValueId value, EquatableArray<int> map, IEnumerable<int> order, bool hasItemAxis)
    {
        int[] own = NdOperands.Strides(context, value);
        int[] strides = [.. order.Select(axis => map[axis] < 0 ? 0 : own[map[axis]])];
        return NdOperands.Of(context, value, strides, hasItemAxis);
    }
}
