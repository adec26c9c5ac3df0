using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y = the sum over the depth of a · b, any loop running through any axis of the operands: the contraction of index notation. Windows are
/// loops that share an axis.
/// </summary>
/// <param name="Axes">The loops; none of them runs backwards.</param>
/// <param name="Shape">The shape of y: an axis for each batch, row and column loop.</param>
public sealed record IndexedProduct(ProductAxes Axes, EquatableArray<int> Shape) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Element == inputs[1].Element && inputs[0].Element != ElementType.Bool && inputs.Types.All(type => !type.HasSamples), "whole values of one type of numbers");
        return inputs[0] with { Shape = Shape };
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Systolic(new GemmShape(
        Count(Axes.Batch), Count(Axes.Rows), Count(Axes.Columns), Count(Axes.Depth)));

    public override void Lower(StageLowering lowering, Node node) =>
        ProductLowering.Emit(lowering, node, node.Inputs[0], node.Inputs[1], Axes);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        GraphBuilder builder = scope.Builder;
        if (scope.IsNeeded(node.Inputs[0]))
        {
            scope.Add(node.Inputs[0], Gradient(builder, gradient, node.Inputs[1], node.Inputs[0], Axes));
        }

        if (scope.IsNeeded(node.Inputs[1]))
        {
            scope.Add(node.Inputs[1], Gradient(builder, gradient, node.Inputs[0], node.Inputs[1], Swapped(Axes)));
        }
    }

    /// <summary>
    /// da of the batch, row and depth loops: the product of dy and b over the columns, put where a was read.
    /// </summary>
    private static ValueId Gradient(GraphBuilder builder, ValueId gradient, ValueId b, ValueId a, ProductAxes axes)
    {
        ProductAxis[] kept = [.. axes.Batch, .. axes.Rows, .. axes.Depth];
        int batch = axes.Batch.Count;
        int rows = axes.Rows.Count;
        static ProductAxis Loop(ProductAxis axis, int place) => new(axis.Extent, axis.AxisY, axis.ScaleY, axis.AxisB, axis.ScaleB, place, 1);
        var back = new ProductAxes(
            EquatableArray.Create<ProductAxis>([.. axes.Batch.Select(Loop)]),
            EquatableArray.Create<ProductAxis>([.. axes.Rows.Select((axis, i) => Loop(axis, batch + i))]),
            EquatableArray.Create<ProductAxis>([.. axes.Depth.Select((axis, i) => Loop(axis, batch + rows + i))]),
            EquatableArray.Create<ProductAxis>([.. axes.Columns.Select(axis => Loop(axis, -1))]));
        EquatableArray<int> shape = EquatableArray.Create<int>([.. kept.Select(axis => axis.Extent)]);
        ValueId product = builder.Apply(new IndexedProduct(back, shape), gradient, b);
        TensorType input = builder[a];
        var factors = new int[input.Rank * kept.Length];
        for (int loop = 0; loop < kept.Length; loop++)
        {
            if (kept[loop].AxisA >= 0)
            {
                factors[kept[loop].AxisA * kept.Length + loop] = kept[loop].ScaleA;
            }
        }

        var view = new IndexView(shape, EquatableArray.Create<int>(factors), EquatableArray.Create<int>(new int[input.Rank]));
        return builder.Apply(new IndexViewGradient(input, view), product);
    }

    private static ProductAxes Swapped(ProductAxes axes)
    {
        static EquatableArray<ProductAxis> Swap(EquatableArray<ProductAxis> loops) => EquatableArray.Create<ProductAxis>(
            [.. loops.Select(axis => new ProductAxis(axis.Extent, axis.AxisB, axis.ScaleB, axis.AxisA, axis.ScaleA, axis.AxisY, axis.ScaleY))]);
        return new ProductAxes(Swap(axes.Batch), Swap(axes.Columns), Swap(axes.Rows), Swap(axes.Depth));
    }

    private static int Count(EquatableArray<ProductAxis> loops) => loops.Aggregate(1, (product, axis) => checked(product * axis.Extent));
}
