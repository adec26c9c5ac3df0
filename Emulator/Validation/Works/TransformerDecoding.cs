using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Emulator.Validation.Works;

/// <param name="KeyHeads">Heads of keys and values; fewer than query heads where they are shared.</param>
/// <param name="HeadWidth">Width of a head.</param>
internal sealed record DecoderShape(int Layers, int Hidden, int Heads, int KeyHeads, int HeadWidth, int Feed, int Vocabulary);

/// <summary>
/// A transformer of Llama's kind on one of several RDUs that share each layer (tensor parallel): RMSNorm, rotary positions, grouped
/// queries over a cache of keys and values, SwiGLU; one all-reduce behind the attention and one behind the feed-forward network.
/// </summary>
internal static class TransformerDecoding
{
    private const int NormStages = 5;
    private const int SoftmaxStages = 5;

    /// <summary>One new token for each sequence.</summary>
    /// <param name="context">Tokens in the cache.</param>
    public static MachineGraph Token(DecoderShape shape, int batch, int context, int sockets) => Build(shape, batch, 1, context, sockets);

    /// <summary>The prompt at once: the first token.</summary>
    public static MachineGraph Prompt(DecoderShape shape, int batch, int tokens, int sockets) => Build(shape, batch, tokens, tokens, sockets);

    private static MachineGraph Build(DecoderShape shape, int batch, int rows, int context, int sockets)
    {
        var w = new WorkBuilder(batch, rows);
        long h = shape.Hidden;
        long t = w.Rows;
        long heads = Share(shape.Heads, sockets);
        long q = heads * shape.HeadWidth;
        long kv = Share(shape.KeyHeads, sockets) * (long)shape.HeadWidth;
        long feed = Share(shape.Feed, sockets);
        int x = w.Gather("embedding", w.Input("tokens", t, 4), w.Weight("table", shape.Vocabulary * h), t, h);
        for (int layer = 0; layer < shape.Layers; layer++)
        {
            string name = $"layer{layer}";
            int normal = w.Reduce($"{name}.norm1", "RmsNorm", t * h, NormStages, [x], t * h);
            int query = w.Map($"{name}.rotary_q", "Rotary", t * q, 4, [w.Linear($"{name}.q", normal, h, q, w.Weight($"{name}.wq", h * q))]);
            int key = w.Map($"{name}.rotary_k", "Rotary", t * kv, 4, [w.Linear($"{name}.k", normal, h, kv, w.Weight($"{name}.wk", h * kv))]);
            int value = w.Linear($"{name}.v", normal, h, kv, w.Weight($"{name}.wv", h * kv));
            w.Output(key);
            w.Output(value);
            int keys = rows > 1 ? key : w.Kept($"{name}.keys", batch * (long)context * kv * WorkBuilder.ElementBytes);
            int values = rows > 1 ? value : w.Kept($"{name}.values", batch * (long)context * kv * WorkBuilder.ElementBytes);
            long scores = batch * heads * rows * (long)context;
            int score = w.Product($"{name}.qk", new GemmShape(batch * heads, rows, context, shape.HeadWidth), query, keys);
            int probability = w.Reduce($"{name}.softmax", "Softmax", scores, SoftmaxStages, [score], scores);
            int attended = w.Product($"{name}.pv", new GemmShape(batch * heads, rows, shape.HeadWidth, context), probability, values);
            int projected = w.Linear($"{name}.o", attended, q, h, w.Weight($"{name}.wo", q * h));
            int shared = sockets > 1 ? w.AllReduce($"{name}.reduce1", projected, t * h, sockets) : projected;
            int middle = w.Map($"{name}.add1", "Add", t * h, 1, [shared, x]);
            int normal2 = w.Reduce($"{name}.norm2", "RmsNorm", t * h, NormStages, [middle], t * h);
            int gate = w.Map($"{name}.silu", "Silu", t * feed, 4, [w.Linear($"{name}.gate", normal2, h, feed, w.Weight($"{name}.wg", h * feed))]);
            int up = w.Linear($"{name}.up", normal2, h, feed, w.Weight($"{name}.wu", h * feed));
            int product = w.Map($"{name}.mul", "Mul", t * feed, 1, [gate, up]);
            int down = w.Linear($"{name}.down", product, feed, h, w.Weight($"{name}.wd", feed * h));
            int reduced = sockets > 1 ? w.AllReduce($"{name}.reduce2", down, t * h, sockets) : down;
            x = w.Map($"{name}.add2", "Add", t * h, 1, [reduced, middle]);
        }

        // Only the last token of each sequence goes through the head.
        int final = w.Reduce("norm", "RmsNorm", t * h, NormStages, [x], batch * h);
        long vocabulary = Share(shape.Vocabulary, sockets);
        w.Output(w.Linear("head", final, h, vocabulary, w.Weight("head.w", h * vocabulary), batch));
        return w.Build();
    }

    private static long Share(long all, int sockets) => Math.Max(1, (all + sockets - 1) / sockets);
}
