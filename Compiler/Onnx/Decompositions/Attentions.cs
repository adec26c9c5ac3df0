using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>Attention and what belongs to it, as products, softmax and elementwise operators.</summary>
public static class Attentions
{
    private const string PreviewDomain = "ai.onnx.preview";

    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Attention", 23, OnnxTypes.Floats, Attention) { HasGradient = true },
        new("FlexAttention", 1, OnnxTypes.Floats, FlexAttention) { Domain = PreviewDomain, IsStructural = true, HasGradient = true },
        new("LinearAttention", 27, OnnxTypes.Floats, LinearAttention) { HasGradient = true },
        new("RotaryEmbedding", 23, OnnxTypes.Floats, RotaryEmbedding) { HasGradient = true },
        new("CausalConvWithState", 27, OnnxTypes.Floats, CausalConvolution) { HasGradient = true },
        new("SwiGLU", 28, OnnxTypes.ShortFloats, SwiGlu) { HasGradient = true },
    ];

    /// <summary>
    /// softmax(cap(q · kᵀ · scale) + bias) · v, for heads [B, H, S, D]; rows whose bias is -infinity throughout give 0. Inputs: Q, K,
    /// V, mask, past key, past value, lengths of keys; outputs: Y, present key, present value, an intermediate product.
    /// </summary>
    private static IReadOnlyList<OnnxValue> Attention(OnnxNode node)
    {
        ElementType element = node.TypeOf(0).Element;
        int rank = node.RequireRank(0, 3, 4).Rank;
        bool isFlat = rank == 3;
        node.RequireRank(1, rank);
        node.RequireRank(2, rank);
        int queryHeads = isFlat ? node.Extent(node.Integer("q_num_heads", 0)) : node.TypeOf(0).Shape[1];
        int keyHeads = isFlat ? node.Extent(node.Integer("kv_num_heads", 0)) : node.TypeOf(1).Shape[1];
        node.Ignore("q_num_heads", "kv_num_heads");
        if (queryHeads == 0 || keyHeads == 0 || queryHeads % keyHeads != 0)
        {
            throw node.Unsupported("query heads in multiples of key heads", $"{queryHeads} and {keyHeads}");
        }

        ValueId q = isFlat ? Heads(node, node[0], queryHeads) : node[0];
        ValueId k = isFlat ? Heads(node, node[1], keyHeads) : node[1];
        ValueId v = isFlat ? Heads(node, node[2], keyHeads) : node[2];
        int past = node.HasInput(4) ? node.RequireRank(4, 4).Shape[2] : 0;
        k = node.HasInput(4) ? node.Joined(2, node[4], k) : k;
        v = node.HasInput(5) ? node.Joined(2, node[5], v) : v;
        (ValueId presentKey, ValueId presentValue) = (k, v);
        ValueId? bias = Bias(node, element, node.TypeOf(q).Shape[0], node.TypeOf(q).Shape[2], node.TypeOf(k).Shape[2], past);
        k = Repeated(node, k, queryHeads / keyHeads);
        v = Repeated(node, v, queryHeads / keyHeads);
        float given = node.Float("scale", 0f);
        double scale = Math.Sqrt(given != 0f ? given : 1 / Math.Sqrt(node.TypeOf(q).Shape[3]));
        ValueId root = node.Number(q, scale);
        ValueId product = node.Product(node.Times(q, root), node.Transposed(node.Times(k, root)));
        ValueId scores = product;
        float cap = node.Float("softcap", 0f);
        if (cap > 0f)
        {
            ValueId limit = node.Number(scores, cap);
            scores = node.Times(node.Apply(new HyperbolicTangent(), node.Over(scores, limit)), limit);
        }

        // A row of nothing is opened before its softmax and closed behind it: it gives 0, and so do its gradients.
        ValueId capped = scores;
        ValueId? isMasked = null;
        if (bias is { } mask)
        {
            ValueId most = node.Apply(new Reduce(ReduceKind.Max, [node.TypeOf(mask).Rank - 1], KeepAxes: true), mask);
            isMasked = node.Apply(new Equal(), most, node.Number(most, double.NegativeInfinity));
            scores = node.Plus(scores, node.Choose(isMasked.Value, node.Number(mask, 0), mask));
        }

        ElementType precision = node.TypeAttribute("softmax_precision") ?? element;
        ValueId shares = node.As(node.SoftmaxOf(node.As(scores, precision), 3), element);
        shares = isMasked is { } closed ? node.Choose(closed, node.Number(shares, 0), shares) : shares;
        ValueId y = node.Product(shares, v);
        y = isFlat ? Flat(node, y) : y;
        long mode = node.Integer("qk_matmul_output_mode", 0);
        return [y, presentKey, presentValue, mode switch { 0 => product, 1 => capped, 2 => bias is { } added ? node.Plus(capped, added) : capped, _ => shares }];
    }

    /// <summary>What is added to the scores: the mask, the causal triangle and the ends of shorter sequences; null if nothing is.</summary>
    private static ValueId? Bias(OnnxNode node, ElementType element, int batch, int queries, int keys, int past)
    {
        ValueId zero = node.NumberOf(element, 0);
        ValueId minusInfinity = node.NumberOf(element, double.NegativeInfinity);
        ValueId? bias = null;
        void Add(ValueId more) => bias = bias is { } sum ? node.Plus(sum, more) : more;
        if (node.HasInput(3))
        {
            node.RequireRank(3, 1, 2, 3, 4);
            ValueId mask = node.TypeOf(3).Element == ElementType.Bool ? node.Choose(node[3], zero, minusInfinity) : node[3];
            TensorType type = node.TypeOf(mask);
            int given = type.Shape[^1];
            if (given < keys)
            {
                int[] rest = [.. type.Shape.Take(type.Rank - 1), keys - given];
                mask = node.Joined(type.Rank - 1, mask, node.Session.IdOf(node.Filled(Expressions.ScalarOf(element, double.NegativeInfinity), rest)));
            }

            Add(mask);
        }

        ValueId positions = node.Positions(keys, keys);
        ValueId? lengths = node.HasInput(6) ? node.Reshape(node[6], batch, 1, 1, 1) : null;
        if (node.Flag("is_causal"))
        {
            ValueId rows = node.Plus(node.Positions(queries, queries, 1), node.Constant(HostTensor.Scalar((long)past)));
            ValueId last = rows;
            if (lengths is { } valid && !node.HasInput(4))
            {
                ValueId offsets = node.Minus(valid, node.Constant(HostTensor.Scalar((long)queries)));
                last = node.Plus(rows, offsets);
            }

            Add(node.Choose(node.Apply(new LessOrEqual(), positions, last), zero, minusInfinity));
        }

        if (lengths is { } ends)
        {
            Add(node.Choose(node.Apply(new Less(), positions, ends), zero, minusInfinity));
        }

        return bias;
    }

    /// <summary>Attention whose scores and probabilities go through graphs of the model.</summary>
    private static IReadOnlyList<OnnxValue> FlexAttention(OnnxNode node)
    {
        ElementType element = node.RequireRank(0, 4).Element;
        node.RequireRank(1, 4);
        node.RequireRank(2, 4);
        (ValueId q, ValueId k, ValueId v) = (node[0], node[1], node[2]);
        int groups = node.TypeOf(q).Shape[1] / Math.Max(1, node.TypeOf(k).Shape[1]);
        float given = node.Float("scale", 0f);
        ValueId root = node.Number(q, Math.Sqrt(given != 0f ? given : 1 / Math.Sqrt(node.TypeOf(q).Shape[3])));
        ValueId scores = node.Product(node.Times(q, root), node.Transposed(node.Times(Repeated(node, k, groups), root)));
        ElementType precision = node.TypeAttribute("softmax_precision") ?? (element == ElementType.Float64 ? ElementType.Float64 : ElementType.Float32);
        OnnxValue changed = node.As(scores, precision);
        changed = node.HasAttribute("score_mod") ? node.Inline("score_mod", changed)[0] : changed;
        OnnxValue shares = node.SoftmaxOf(node.Session.IdOf(changed), 3);
        shares = node.HasAttribute("prob_mod") ? node.Inline("prob_mod", shares)[0] : shares;
        return [node.Product(node.As(node.Session.IdOf(shares), element), Repeated(node, v, groups))];
    }

    /// <summary>
    /// Step by step, in float32: S = exp(decay) S; S += k (beta (v - Sᵀk))ᵀ, or k vᵀ without the delta rule; y = scale · qᵀ S. Inputs
    /// [B, T, H D]; the state S is [B, H, Dk, Dv].
    /// </summary>
    private static IReadOnlyList<OnnxValue> LinearAttention(OnnxNode node)
    {
        node.Ignore("chunk_size");
        ElementType element = node.TypeOf(0).Element;
        int queryHeads = node.Extent(node.Integer("q_num_heads", 1));
        int heads = node.Extent(node.Integer("kv_num_heads", 1));
        string rule = node.Text("update_rule", "gated_delta");
        bool isGated = rule is "gated" or "gated_delta";
        bool isDelta = rule is "delta" or "gated_delta";
        if (!isGated && !isDelta && rule != "linear" || heads == 0 || queryHeads == 0 || queryHeads % heads != 0)
        {
            throw node.Unsupported("rule linear, gated, delta or gated_delta and query heads in multiples of the others", $"{rule}, {queryHeads} and {heads}");
        }

        TensorType type = node.RequireRank(0, 3);
        (int batch, int steps) = (type.Shape[0], type.Shape[1]);
        int keys = type.Shape[2] / queryHeads;
        int values = node.RequireRank(2, 3).Shape[2] / heads;
        ValueId Split(int input, int count) => node.Reshape(node.As(node[input], ElementType.Float32), batch, steps, count, node.RequireRank(input, 3).Shape[2] / count);
        (ValueId q, ValueId k, ValueId v) = (Split(0, queryHeads), Split(1, heads), Split(2, heads));
        ValueId? decay = isGated ? Split(4, heads) : null;
        ValueId? beta = isDelta ? Split(5, heads) : null;
        float given = node.Float("scale", 0f);
        ValueId scale = node.Number(q, given != 0f ? given : 1 / Math.Sqrt(keys));
        ValueId state = node.HasInput(3)
            ? node.As(node[3], ElementType.Float32)
            : node.Session.IdOf(node.Filled(HostTensor.Scalar(0f), batch, heads, keys, values));
        var outputs = new List<ValueId>();
        for (int t = 0; t < steps; t++)
        {
            ValueId At(ValueId all, params int[] shape) => node.Reshape(node.Part(all, 1, t, 1), shape);
            if (decay is { } gates)
            {
                state = node.Times(state, node.Exp(At(gates, batch, heads, node.TypeOf(gates).Shape[3], 1)));
            }

            ValueId key = At(k, batch, heads, keys, 1);
            ValueId written = At(v, batch, heads, 1, values);
            if (beta is { } rates)
            {
                ValueId retrieved = node.Reshape(node.Product(node.Transposed(state), key), batch, heads, 1, values);
                written = node.Times(At(rates, batch, heads, 1, node.TypeOf(rates).Shape[3]), node.Minus(written, retrieved));
            }

            state = node.Plus(state, node.Product(key, written));
            ValueId read = node.Product(At(q, batch, queryHeads, 1, keys), Repeated(node, state, queryHeads / heads));
            outputs.Add(node.Reshape(node.Times(scale, read), batch, 1, queryHeads * values));
        }

        return [node.As(node.Joined(1, [.. outputs]), element), node.As(state, element)];
    }

    /// <summary>Pairs of each head turned by angles whose cosines and sines are given; pairs are neighbours, or an element of each half.</summary>
    private static IReadOnlyList<OnnxValue> RotaryEmbedding(OnnxNode node)
    {
        TensorType type = node.RequireRank(0, 3, 4);
        bool isFlat = type.Rank == 3;
        int heads = node.Extent(node.Integer("num_heads", 0));
        if (isFlat && heads == 0)
        {
            throw node.Unsupported("num_heads with an input [B, S, H D]", "none");
        }

        ValueId x = isFlat ? node.Reshape(node[0], type.Shape[0], type.Shape[1], heads, type.Shape[2] / heads) : node.Turn(node[0], 0, 2, 1, 3);
        TensorType split = node.TypeOf(x);
        int size = split.Shape[3];
        int turned = node.Extent(node.Integer("rotary_embedding_dim", 0));
        turned = turned == 0 ? size : turned;
        if (turned > size || turned % 2 != 0)
        {
            throw node.Unsupported($"an even number of at most {size} dimensions", $"{turned}");
        }

        int half = turned / 2;
        ValueId Angles(int input)
        {
            ValueId cache = node.HasInput(3) ? node.Apply(new Gather(0), node[input], node[3]) : node[input];
            return node.Reshape(node.Part(cache, 2, 0, half), split.Shape[0], split.Shape[1], 1, half);
        }

        (ValueId cosine, ValueId sine) = (Angles(1), Angles(2));
        ValueId rotating = node.Part(x, 3, 0, turned);
        bool isInterleaved = node.Flag("interleaved");
        int[] pairs = isInterleaved ? [.. split.Shape.Take(3), half, 2] : [.. split.Shape.Take(3), 2, half];
        ValueId paired = node.Reshape(rotating, pairs);
        int axis = isInterleaved ? 4 : 3;
        int[] flat = [.. split.Shape.Take(3), half];
        ValueId first = node.Reshape(node.Part(paired, axis, 0, 1), flat);
        ValueId second = node.Reshape(node.Part(paired, axis, 1, 1), flat);
        ValueId real = node.Minus(node.Times(cosine, first), node.Times(sine, second));
        ValueId imaginary = node.Plus(node.Times(sine, first), node.Times(cosine, second));
        int[] one = isInterleaved ? [.. flat, 1] : [.. split.Shape.Take(3), 1, half];
        ValueId result = node.Reshape(
            node.Joined(axis, node.Reshape(real, one), node.Reshape(imaginary, one)), [.. split.Shape.Take(3), turned]);
        result = turned < size ? node.Joined(3, result, node.Part(x, 3, turned, size - turned)) : result;
        return [isFlat ? node.Reshape(result, [.. type.Shape]) : node.Turn(result, 0, 2, 1, 3)];
    }

    /// <summary>
    /// y[b, c, t] = act(sum over j of w[c, j] · p[b, c, t + j] + bias[c]), p being the state (or zeros) and then the input; the new
    /// state is the end of p.
    /// </summary>
    private static IReadOnlyList<OnnxValue> CausalConvolution(OnnxNode node)
    {
        TensorType type = node.RequireRank(0, 3);
        ElementType computed = type.Element == ElementType.Float64 ? ElementType.Float64 : ElementType.Float32;
        (int batch, int channels, int length) = (type.Shape[0], type.Shape[1], type.Shape[2]);
        int taps = node.RequireRank(1, 3).Shape[2];
        if (taps == 0)
        {
            throw node.Unsupported("at least one tap", node.TypeOf(1).ToString());
        }

        ValueId past = node.HasInput(3)
            ? node[3]
            : node.Session.IdOf(node.Filled(Expressions.ScalarOf(type.Element, 0), batch, channels, taps - 1));
        ValueId padded = taps > 1 ? node.Joined(2, past, node[0]) : node[0];
        ValueId wide = node.As(padded, computed);
        ValueId weights = node.Reshape(node.As(node[1], computed), channels, taps);
        ValueId? sum = null;
        for (int j = 0; j < taps; j++)
        {
            ValueId term = node.Times(node.Part(wide, 2, j, length), node.Part(weights, 1, j, 1));
            sum = sum is { } before ? node.Plus(before, term) : term;
        }

        ValueId y = node.HasInput(2) ? node.Plus(sum!.Value, node.Reshape(node.As(node[2], computed), channels, 1)) : sum!.Value;
        y = node.Text("activation", "none") switch
        {
            "none" or "" => y,
            "silu" or "swish" => node.Times(y, node.Apply(new Sigmoid(), y)),
            string other => throw node.Unsupported("activation none, silu or swish", other),
        };
        return [node.As(y, type.Element), node.Part(padded, 2, length, taps - 1)];
    }

    /// <summary>a · sigmoid(alpha a) · b.</summary>
    private static IReadOnlyList<OnnxValue> SwiGlu(OnnxNode node)
    {
        ValueId gate = node.Times(node[0], node.Number(node[0], node.Float("alpha", 1f)));
        return [node.Times(node.Times(node[0], node.Apply(new Sigmoid(), gate)), node[1])];
    }

    /// <summary>[B, S, H D] as [B, H, S, D].</summary>
    private static ValueId Heads(OnnxNode node, ValueId value, int heads)
    {
        TensorType type = node.TypeOf(value);
        return node.Turn(node.Reshape(value, type.Shape[0], type.Shape[1], heads, type.Shape[2] / heads), 0, 2, 1, 3);
    }

    private static ValueId Flat(OnnxNode node, ValueId value)
    {
        TensorType type = node.TypeOf(value);
        return node.Reshape(node.Turn(value, 0, 2, 1, 3), type.Shape[0], type.Shape[2], type.Shape[1] * type.Shape[3]);
    }

    /// <summary>Each head as often as query heads share it: [h0, h0, h1, h1, ...].</summary>
    private static ValueId Repeated(OnnxNode node, ValueId value, int times)
    {
        TensorType type = node.TypeOf(value);
        if (times == 1)
        {
            return value;
        }

        if (type.Rank != 4 || times < 1)
        {
            throw node.Unsupported("heads [B, H, S, D] that query heads share evenly", type.ToString());
        }

        ValueId apart = node.Reshape(value, type.Shape[0], type.Shape[1], 1, type.Shape[2], type.Shape[3]);
        ValueId repeated = node.Expand(apart, type.Shape[0], type.Shape[1], times, type.Shape[2], type.Shape[3]);
        return node.Reshape(repeated, type.Shape[0], type.Shape[1] * times, type.Shape[2], type.Shape[3]);
    }
}
