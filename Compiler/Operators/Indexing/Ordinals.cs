using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Operators;

/// <summary>The numbers 0, 1, 2, ... as int64: a graph's own constants are all of one number.</summary>
internal static class Ordinals
{
    /// <summary>As a vector: the sum of the ones before each.</summary>
    public static ValueId Of(GraphBuilder builder, int count)
    {
        ValueId ones = builder.Apply(new Cast(ElementType.Int64), builder.Constant("ones", TensorType.Whole(count), 1f));
        return builder.Apply(new Scan(Axis: 0, IsProduct: false, Exclusive: true, Reverse: false), ones);
    }

    /// <summary>A tensor of one number, of any element type: constants themselves are float32.</summary>
    public static ValueId Fill(GraphBuilder builder, TensorType type, float value)
    {
        ValueId constant = builder.Constant($"all {value:R}", type with { Element = ElementType.Float32, HasSamples = false }, value);
        return type.Element == ElementType.Float32 ? constant : builder.Apply(new Cast(type.Element), constant);
    }

    /// <summary>In row-major order of a shape, from 1 on: 0 is free for what has no number.</summary>
    public static ValueId From1(GraphBuilder builder, EquatableArray<int> shape)
    {
        int count = shape.Aggregate(1, (product, extent) => checked(product * extent));
        ValueId ones = builder.Apply(new Cast(ElementType.Int64), builder.Constant("ones", TensorType.Whole(count), 1f));
        return builder.Apply(new Reshape(shape), builder.Apply(new Scan(Axis: 0, IsProduct: false, Exclusive: false, Reverse: false), ones));
    }
}
