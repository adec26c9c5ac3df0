using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;

namespace RduEmu.Compiler.Lowering;

/// <summary>
/// Values as operands of units over N-d tensors. The items of such a unit run along axis 0 of its output where that has samples or
/// at least two axes; else there is one item.
/// </summary>
internal static class NdOperands
{
    /// <summary>How kernels name the type.</summary>
    public static int Code(this ElementType element) => element switch
    {
        ElementType.Float32 => ElementCode.Float32,
        ElementType.Float16 => ElementCode.Float16,
        ElementType.BFloat16 => ElementCode.BFloat16,
        ElementType.Float64 => ElementCode.Float64,
        ElementType.Bool => ElementCode.Bool,
        ElementType.Int8 => ElementCode.Int8,
        ElementType.UInt8 => ElementCode.UInt8,
        ElementType.Int16 => ElementCode.Int16,
        ElementType.UInt16 => ElementCode.UInt16,
        ElementType.Int32 => ElementCode.Int32,
        ElementType.UInt32 => ElementCode.UInt32,
        ElementType.Int64 => ElementCode.Int64,
        ElementType.Int4 => ElementCode.Int4,
        ElementType.UInt4 => ElementCode.UInt4,
        ElementType.Int2 => ElementCode.Int2,
        ElementType.UInt2 => ElementCode.UInt2,
        _ => ElementCode.UInt64,
    };

    public static bool HasItemAxis(TensorType output) => output.HasSamples || output.Rank >= 2;

    /// <summary>Items of a unit that computes the value.</summary>
    public static int CountItems(TensorType output) => HasItemAxis(output) ? output.Shape[0] : 1;

    /// <summary>Extents of one item.</summary>
    public static int[] ItemExtents(TensorType output) => [.. output.Shape.Skip(HasItemAxis(output) ? 1 : 0)];

    /// <summary>Words from one element to the next along each axis of a value.</summary>
    public static int[] Strides(UnitContext context, ValueId value)
    {
        TensorType type = context.TypeOf(value);
        var strides = new int[type.Rank];
        int stride = type.Element.WordsPerElement();
        for (int axis = type.Rank - 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride = checked(stride * type.Shape[axis]);
        }

        // A value that is a place in another has the gaps of that one.
        if (type.Rank >= 2 || (type.Rank == 1 && type.HasSamples))
        {
            strides[0] = context.Items(value).RowStrideElements;
        }

        return strides;
    }

    /// <summary>A value as an operand over the elements of another shape, to which it is broadcast as numpy does.</summary>
    public static NdOperand Broadcast(UnitContext context, ValueId value, TensorType output)
    {
        TensorType type = context.TypeOf(value);
        int[] own = Strides(context, value);
        var strides = new int[output.Rank];
        int missing = output.Rank - type.Rank;
        for (int axis = missing; axis < output.Rank; axis++)
        {
            strides[axis] = type.Shape[axis - missing] == 1 ? 0 : own[axis - missing];
        }

        return Of(context, value, strides, HasItemAxis(output));
    }

    /// <summary>An operand with given strides, of which the first is the items' if there is an item axis.</summary>
    public static NdOperand Of(UnitContext context, ValueId value, ReadOnlySpan<int> strides, bool hasItemAxis)
    {
        Operand items = context.Items(value);
        return hasItemAxis
            ? new NdOperand(items.OffsetElements, strides[0], strides[1..], items.Space)
            : new NdOperand(items.OffsetElements, 0, strides, items.Space);
    }

    /// <summary>True if an item of the output reads the same item of the value only.</summary>
    public static bool ReadsItemByItem(TensorType value, TensorType output) =>
        HasItemAxis(output) && value.Rank == output.Rank && value.Shape[0] == output.Shape[0];

    /// <summary>The program with every input read as <see cref="SlotAccess.Full"/>: operands of N-d units repeat by their strides.</summary>
    public static ProgramTree AllFull(ProgramTree tree) => tree switch
    {
        ProgramTree.Input input => input with { Access = SlotAccess.Full },
        ProgramTree.Call1 call => call with { X = AllFull(call.X) },
        ProgramTree.Call2 call => call with { X = AllFull(call.X), Y = AllFull(call.Y) },
        ProgramTree.Call3 call => call with { X = AllFull(call.X), Y = AllFull(call.Y), Z = AllFull(call.Z) },
        _ => tree,
    };
}
