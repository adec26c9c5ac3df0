using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>
/// One loop of a product. For each operand the axis of the tensor that runs with it (-1 for none) and the steps along that axis for
/// one step of the loop: a window's stride or dilation; negative ones run from the axis' end.
/// </summary>
/// <param name="Extent">Steps of the loop.</param>
public readonly record struct ProductAxis(int Extent, int AxisA, int ScaleA, int AxisB, int ScaleB, int AxisY, int ScaleY)
{
    public static ProductAxis Of(int extent, int axisA, int axisB, int axisY) => new(extent, axisA, 1, axisB, 1, axisY, 1);
}

/// <summary>The loops of a product by the operands that they run through: batch all, rows a and y, columns b and y, depth a and b.</summary>
public sealed record ProductAxes(
    EquatableArray<ProductAxis> Batch, EquatableArray<ProductAxis> Rows, EquatableArray<ProductAxis> Columns, EquatableArray<ProductAxis> Depth)
{
    internal ContractExtents Extents(bool hasItemAxis) => new(
        [.. Batch.Skip(hasItemAxis ? 1 : 0).Select(axis => axis.Extent)], [.. Rows.Select(axis => axis.Extent)],
        [.. Columns.Select(axis => axis.Extent)], [.. Depth.Select(axis => axis.Extent)]);
}

/// <summary>output = the sums over the depth of a · b. Of samples, the first batch axis runs over them.</summary>
public sealed record ProductStage(string Name, ValueId Output, ValueId A, ValueId B, ProductAxes Axes, bool Whole) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [A, B];

    public override bool IsWhole => Whole;

    public override int CountItems(Graph graph) => Whole ? 1 : graph[Output].Type.Shape[0];

    public override bool ReadsItemByItem(ValueId input) =>
        !Whole && (input != A || Axes.Batch[0].AxisA == 0) && (input != B || Axes.Batch[0].AxisB == 0);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        ContractOperand a = Operand(context, A, Axes.Rows, Axes.Depth, axis => (axis.AxisA, axis.ScaleA));
        ContractOperand b = Operand(context, B, Axes.Columns, Axes.Depth, axis => (axis.AxisB, axis.ScaleB));
        ContractOperand y = Operand(context, Output, Axes.Rows, Axes.Columns, axis => (axis.AxisY, axis.ScaleY));
        ElementType element = context.TypeOf(Output).Element;
        ContractExtents extents = Axes.Extents(!Whole);
        if (element is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16)
        {
            return [new StridedContractUnit(Name, extents, a, b, y, element.Code())];
        }

        int codeA = context.TypeOf(A).Element.Code();
        int codeB = context.TypeOf(B).Element.Code();
        return element == ElementType.Float64
            ? [new WordContractUnit<FmaFloat64Word, AddFloat64Word>(Name, extents, a, codeA, b, codeB, y, element.Code())]
            : [new WordContractUnit<MultiplyAddWord, AddWord>(Name, extents, a, codeA, b, codeB, y, element.Code())];
    }

    private ContractOperand Operand(
        UnitContext context, ValueId value, EquatableArray<ProductAxis> first, EquatableArray<ProductAxis> second, Func<ProductAxis, (int Axis, int Scale)> of)
    {
        int[] own = NdOperands.Strides(context, value);
        long moved = 0;
        int[] StridesOf(EquatableArray<ProductAxis> axes)
        {
            var strides = new int[axes.Count];
            for (int i = 0; i < strides.Length; i++)
            {
                (int axis, int scale) = of(axes[i]);
                strides[i] = axis < 0 ? 0 : checked(own[axis] * scale);
                moved += strides[i] < 0 ? -(long)strides[i] * (axes[i].Extent - 1) : 0;
            }

            return strides;
        }

        int[] batch = StridesOf(Axes.Batch);
        int[] outer = StridesOf(first);
        int[] inner = StridesOf(second);
        NdOperand whole = NdOperands.Of(context, value, batch, !Whole);
        return new ContractOperand(whole.Moved(moved), new NdOperand(0, 0, outer, whole.Space), new NdOperand(0, 0, inner, whole.Space));
    }
}
