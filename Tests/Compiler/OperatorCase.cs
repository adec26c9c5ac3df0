using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;

namespace RduEmu.Tests.Compiler;

/// <summary>An operator of one extent n.</summary>
/// <param name="graph">Where its inputs and itself are put.</param>
/// <param name="n">The extent.</param>
internal delegate ValueId SizedOperator(SizedGraph graph, int n);

/// <summary>An operator of the catalogue, and graphs of it and its inputs.</summary>
internal sealed record OperatorCase(Type Operator, SizedOperator Make);

/// <summary>A graph of one operator in many sizes, with what its inputs hold.</summary>
/// <param name="hasSpecial">True for a special number now and then; false for numbers where functions are smooth.</param>
internal sealed class SizedGraph(bool hasSpecial = true)
{
    /// <summary>Every kind of float32 there is; NaN with two payloads and both signs.</summary>
    private static readonly float[] Special =
    [
        float.NaN, BitConverter.UInt32BitsToSingle(0x7FC12345), BitConverter.UInt32BitsToSingle(0xFFE00001), 0f, -0f, float.PositiveInfinity,
        float.NegativeInfinity, float.Epsilon, -float.Epsilon, 1.1754942E-38f, -3E-39f, 1.1754944E-38f, float.MaxValue, float.MinValue, 1f, -1f, 0.5f,
        2.5f, -2.5f, 88.8f, -104f, 16777217f, 1E-20f, -1E20f,
    ];

    private readonly GraphBuilder _builder = new();
    private readonly List<ValueId> _outputs = [];

    public Dictionary<ValueId, HostTensor> Given { get; } = [];

    public HashSet<ValueId> Numbers { get; } = [];

    public GraphBuilder Builder => _builder;

    /// <summary>Adds an operator of one extent.</summary>
    /// <returns>False if it is not defined for this extent: a window without a tap, an extreme of nothing.</returns>
    public bool Add(SizedOperator make, int n)
    {
        try
        {
            _outputs.Add(make(this, n));
            return true;
        }
        catch (RduException error) when (error.Id == ErrorCatalogue.GraphIllegal)
        {
            return false;
        }
    }

    public Graph Build() => _builder.Build([.. _outputs]);

    public ValueId Apply(Operator op, params ReadOnlySpan<ValueId> inputs) => _builder.Apply(op, inputs);

    /// <summary>An input of float32, whole.</summary>
    public ValueId F(params int[] shape) => Of(TensorType.Whole(shape));

    /// <summary>An input of float32, samples.</summary>
    public ValueId S(params int[] shape) => Of(TensorType.Samples(shape));

    public ValueId Of(ElementType element, params int[] shape) => Of(TensorType.Whole(element, shape));

    public ValueId Of(TensorType type) => Input(Draw(type, Given.Count), type, isParameter: false);

    /// <summary>A parameter of float32: what a product packs.</summary>
    public ValueId Weight(params int[] shape) => Input(Draw(TensorType.Whole(shape), Given.Count), TensorType.Whole(shape), isParameter: true);

    /// <summary>A number that is no variable.</summary>
    public ValueId Number(float value)
    {
        ValueId id = Input(HostTensor.Create<float>([value], 1), TensorType.Whole(1), isParameter: false);
        Numbers.Add(id);
        return id;
    }

    /// <summary>Positions of an axis, int64, some of them from its end.</summary>
    public ValueId Positions(int extent, params int[] shape)
    {
        long[] positions = Many(shape, random => (long)random.Next(-extent, extent));
        return Input(HostTensor.Create<long>(positions, shape), TensorType.Whole(ElementType.Int64, shape), isParameter: false);
    }

    /// <summary>Samples of int32 in [least, end).</summary>
    public ValueId Rows(int least, int end, params int[] shape)
    {
        int[] rows = Many(shape, random => random.Next(least, end));
        return Input(HostTensor.Create<int>(rows, shape), TensorType.Samples(shape) with { Element = ElementType.Int32 }, isParameter: false);
    }

    private ValueId Input(HostTensor tensor, TensorType type, bool isParameter)
    {
        ValueId id = isParameter ? _builder.Parameter($"w{Given.Count}", type) : _builder.Input($"x{Given.Count}", type);
        Given.Add(id, tensor);
        return id;
    }

    private T[] Many<T>(int[] shape, Func<Random, T> draw)
    {
        var random = new Random(Given.Count);
        return [.. Enumerable.Range(0, shape.Aggregate(1, (product, extent) => product * extent)).Select(_ => draw(random))];
    }

    /// <summary>Values of columns (variances, roots) are positive.</summary>
    private static float Smooth(TensorType type, Random random) => type.HasSamples ? (random.NextSingle() - 0.5f) * 4 : 0.5f + (1.5f * random.NextSingle());

    /// <summary>Ordinary numbers, and every sixth a special one.</summary>
    private HostTensor Draw(TensorType type, int seed)
    {
        var random = new Random(seed);
        int count = (int)type.CountElements;
        int[] shape = [.. type.Shape];
        T[] All<T>(Func<T> draw) => [.. Enumerable.Range(0, count).Select(_ => draw())];
        float Number() => !hasSpecial ? Smooth(type, random) : random.Next(6) == 0 ? Special[random.Next(Special.Length)] : (random.NextSingle() - 0.5f) * 6;
        return type.Element switch
        {
            ElementType.Float32 => HostTensor.Create<float>(All(Number), shape),
            ElementType.Float64 => HostTensor.Create<double>(All(() => (double)Number()), shape),
            ElementType.Float16 => HostTensor.Create<Half>(All(() => (Half)Number()), shape),
            ElementType.Bool => HostTensor.Create<bool>(All(() => random.Next(2) == 0), shape),
            ElementType.UInt8 => HostTensor.Create<byte>(All(() => (byte)random.Next(256)), shape),
            ElementType.UInt32 => HostTensor.Create<uint>(All(() => (uint)random.Next(30)), shape),
            ElementType.UInt64 => HostTensor.Create<ulong>(All(() => (ulong)random.NextInt64(long.MinValue, long.MaxValue)), shape),
            ElementType.Int32 => HostTensor.Create<int>(All(() => random.Next(5) == 0 ? int.MinValue : random.Next(int.MinValue, int.MaxValue)), shape),
            ElementType.Int64 => HostTensor.Create<long>(All(() => random.Next(5) == 0 ? long.MaxValue : random.NextInt64(long.MinValue, long.MaxValue)), shape),
            _ => throw new ArgumentException($"{type}", nameof(type)),
        };
    }
}
