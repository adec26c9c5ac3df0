using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// What gradients of products need: for each factor the product of the others. No product is divided by a factor, so a factor of 0 gets
/// its gradient like any other.
/// </summary>
internal static class ProductGradients
{
    /// <summary>
    /// For each element the product of the others along some axes, of x's shape: along each axis those before it times those behind it;
    /// these times the same of the products along the axes already done.
    /// </summary>
    public static ValueId Others(GraphBuilder builder, ValueId x, EquatableArray<int> axes)
    {
        ValueId? others = null;
        ValueId rest = x;
        foreach (int axis in axes)
        {
            ValueId before = builder.Apply(new Scan(axis, IsProduct: true, Exclusive: true, Reverse: false), rest);
            ValueId behind = builder.Apply(new Scan(axis, IsProduct: true, Exclusive: true, Reverse: true), rest);
            ValueId along = builder.Apply(new Multiply(), before, behind);
            others = others is { } so ? builder.Apply(new Multiply(), so, along) : along;
            rest = builder.Apply(new Reduce(ReduceKind.Product, [axis], KeepAxes: true), rest);
        }

        return others!.Value;
    }

    /// <summary>
    /// r[i] = a[i] + c[i] · r[i + step] along an axis, step being 1 or -1 and r 0 outside: spans of 1, 2, 4, ... elements are put
    /// together, r[i] = r[i] + c[i] · r[i + s], then c[i] = c[i] · c[i + s].
    /// </summary>
    public static ValueId Recurrence(GraphBuilder builder, ValueId a, ValueId c, int axis, int step)
    {
        int extent = builder[a].Shape[axis];
        for (int span = 1; span < extent; span *= 2)
        {
            a = builder.Apply(new Add(), a, builder.Apply(new Multiply(), c, Shifted(builder, a, axis, step * span)));
            c = builder.Apply(new Multiply(), c, Shifted(builder, c, axis, step * span));
        }

        return a;
    }

    /// <summary>y[i] = x[i + by] along an axis, 0 outside.</summary>
    public static ValueId Shifted(GraphBuilder builder, ValueId x, int axis, int by)
    {
        var before = new int[builder[x].Rank];
        var after = new int[builder[x].Rank];
        by = Math.Clamp(by, -builder[x].Shape[axis], builder[x].Shape[axis]);
        (before[axis], after[axis]) = (-by, by);
        return builder.Apply(new Pad(EquatableArray.Create<int>(before), EquatableArray.Create<int>(after), 0), x);
    }

    /// <summary>
    /// For each element of a vector the product of the others of its group: they are put in order of their groups, then spans of 1, 2,
    /// 4, ... neighbours of one group are multiplied, before and behind each.
    /// </summary>
    /// <param name="builder">The graph that grows.</param>
    /// <param name="x">Factors [N].</param>
    /// <param name="groups">The number of the group of each, from 1 on; int64 [N].</param>
    public static ValueId OthersOfGroup(GraphBuilder builder, ValueId x, ValueId groups)
    {
        int count = builder[x].Shape[0];
        ValueId order = builder.Apply(new SelectPositions(0, count, Largest: false), groups);
        ValueId factors = builder.Apply(new Gather(0), x, order);
        ValueId of = builder.Apply(new Gather(0), groups, order);
        ValueId one = Ordinals.Fill(builder, TensorType.Whole(builder[x].Element), 1f);
        ValueId? product = null;
        foreach (int step in new[] { -1, 1 })
        {
            ValueId Near(ValueId value, int distance) => builder.Apply(
                new Where(), builder.Apply(new Equal(), of, Shifted(builder, of, 0, step * distance)), Shifted(builder, value, 0, step * distance), one);
            ValueId side = Near(factors, 1);
            for (int span = 1; span < count; span *= 2)
            {
                side = builder.Apply(new Multiply(), side, Near(side, span));
            }

            product = product is { } other ? builder.Apply(new Multiply(), other, side) : side;
        }

        return builder.Apply(new ScatterElements(0, ScatterKind.Replace), x, order, product!.Value);
    }
}
