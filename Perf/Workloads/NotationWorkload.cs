using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Perf.Workloads;

/// <summary>An operator in index notation, and the built-in operators of models that compute the same bits.</summary>
/// <param name="Name">For people.</param>
/// <param name="Text">Declarations and statements.</param>
/// <param name="BuiltIn">A graph with inputs and parameters of the same names and as many elements.</param>
internal sealed record NotationWorkload(string Name, string Text, Func<Graph> BuiltIn)
{
    public static IReadOnlyList<NotationWorkload> All { get; } =
    [
        Matmul(512, 512, 512),
        Matmul(2, 1024, 1024),
        Scores(batch: 8, tokens: 128, heads: 12, width: 64),
        Depthwise(batch: 4, size: 58, channels: 64),
        SoftmaxPool(batch: 64, tokens: 128, width: 64),
        SoftmaxPoolOfChannels(batch: 16, channels: 64, tokens: 128),
        Bag(rows: 100_000, width: 64, batch: 2048, hotness: 8),
    ];

    /// <summary>Numbers in [-1, 1), positions below the extent of the tables; by name and count alone.</summary>
    public static HostTensor Generate(Value value)
    {
        int count = checked((int)value.Type.CountElements);
        var random = new Random(count);
        int[] shape = [.. value.Type.Shape];
        return value.Type.Element == ElementType.Int32
            ? HostTensor.Create<int>([.. Enumerable.Range(0, count).Select(_ => random.Next(100_000))], shape)
            : HostTensor.Create<float>([.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1)], shape);
    }

    private static NotationWorkload Matmul(int rows, int depth, int columns) => new(
        $"matmul {rows} x {depth} x {columns}",
        $"input x[{rows}, {depth}]\nparameter w[{columns}, {depth}]\ny[b,i] = sum(k) x[b,k] * w[i,k]",
        () =>
        {
            var builder = new GraphBuilder();
            ValueId x = builder.Input("x", TensorType.Samples(rows, depth));
            return builder.Build(builder.Apply(new Linear(), x, builder.Parameter("w", TensorType.Whole(columns, depth))));
        });

    private static NotationWorkload Scores(int batch, int tokens, int heads, int width) => new(
        $"attention scores {batch} x {heads} x {tokens} x {tokens} x {width}",
        $"input q[{batch}, {tokens}, {heads}, {width}]\ninput k[{batch}, {tokens}, {heads}, {width}]\ns[b,a,i,j] = sum(d) q[b,i,a,d] * k[b,j,a,d]",
        () =>
        {
            var builder = new GraphBuilder();
            ValueId q = builder.Input("q", TensorType.Samples(batch, tokens, heads * width));
            ValueId k = builder.Input("k", TensorType.Samples(batch, tokens, heads * width));
            return builder.Build(builder.Apply(new HeadMatMul(heads, HeadProduct.Scores), q, k));
        });

    private static NotationWorkload Depthwise(int batch, int size, int channels) => new(
        $"depthwise convolution {batch} x {size} x {size} x {channels}, 3 x 3",
        $"input x[{batch}, {size}, {size}, {channels}]\nparameter w[{channels}, 3, 3]\ny[b,i,j,c] = sum(p,q) x[b,i+p,j+q,c] * w[c,p,q]",
        () =>
        {
            var builder = new GraphBuilder();
            ValueId x = builder.Input("x", TensorType.Samples(batch, size, size, channels));
            ValueId w = builder.Parameter("w", TensorType.Whole(channels, 3, 3, 1));
            return builder.Build(builder.Apply(new ImageConvolution(ConvolutionWindow.Valid, channels), x, w));
        });

    private static NotationWorkload SoftmaxPool(int batch, int tokens, int width) => new(
        $"soft-max pool {batch} x {tokens} x {width}",
        $"input s[{batch}, {tokens}]\ninput v[{batch}, {tokens}, {width}]\n"
            + "m[b] = max(t) s[b,t]\ne[b,t] = exp(s[b,t] - m[b])\np[b,t] = e[b,t] / (sum(u) e[b,u])\ny[b,d] = sum(t) p[b,t] * v[b,t,d]",
        () =>
        {
            var builder = new GraphBuilder();
            ValueId p = builder.Apply(new Softmax(), builder.Input("s", TensorType.Samples(batch, tokens)));
            ValueId v = builder.Input("v", TensorType.Samples(batch, tokens * width));
            return builder.Build(builder.Apply(new SampleMatMul(1, width, tokens, TransposeA: false, TransposeB: false), p, v));
        });

    private static NotationWorkload SoftmaxPoolOfChannels(int batch, int channels, int tokens) => new(
        $"soft-max pool of channels {batch} x {channels} x {tokens}",
        $"input x[{batch}, {channels}, {tokens}]\n"
            + "m[b,c] = max(t) x[b,c,t]\ne[b,c,t] = exp(x[b,c,t] - m[b,c])\np[b,c,t] = e[b,c,t] / (sum(u) e[b,c,u])\ny[b,c] = sum(t) p[b,c,t] * x[b,c,t]",
        () =>
        {
            var builder = new GraphBuilder();
            ValueId x = builder.Input("x", TensorType.Samples(batch, channels, 1, tokens));
            return builder.Build(builder.Apply(new MatMul(TransposeB: true), builder.Apply(new Softmax(), x), x));
        });

    private static NotationWorkload Bag(int rows, int width, int batch, int hotness) => new(
        $"embedding bag {batch} x {hotness} of {rows} x {width}",
        $"parameter t[{rows}, {width}]\ninput idx[{batch}, {hotness}] int32\ny[b,d] = sum(h) t[idx[b,h], d]",
        () =>
        {
            var builder = new GraphBuilder();
            ValueId table = builder.Parameter("t", TensorType.Whole(rows, width));
            ValueId indices = builder.Input("idx", TensorType.Samples(batch, hotness) with { Element = ElementType.Int32 });
            return builder.Build(builder.Apply(new EmbeddingBag(), indices, table));
        });
}
