using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Llm.Operators;

namespace RduEmu.Models.Llm;

/// <summary>
/// A decoder of the Llama family as one of several RDUs has it: heads, SwiGLU and vocabulary are divided by them, and what they sum is
/// joined by an all-reduce after the attention and after SwiGLU of each layer (Shoeybi et al., arXiv:1909.08053). Letters: B samples,
/// T tokens that are new, L tokens in the cache, the new ones included. For the machine model: rotary embedding, grouped attention and
/// gates have no template.
/// </summary>
public static class LlamaGraph
{
    /// <summary>The whole prompt: T tokens at once, whose keys and values are returned for the cache.</summary>
    public static Graph BuildPrefill(LlamaConfiguration configuration, int batchSamples, int tokens, int sockets = 1) =>
        new Body(configuration, batchSamples, tokens, tokens, sockets).Build();

    /// <summary>One more token for each sample, after as many as the cache has.</summary>
    public static Graph BuildDecode(LlamaConfiguration configuration, int batchSamples, int cachedTokens, int sockets = 1) =>
        new Body(configuration, batchSamples, 1, cachedTokens + 1, sockets).Build();

    private sealed class Body
    {
        private readonly GraphBuilder _builder = new();
        private readonly LlamaConfiguration _configuration;
        private readonly int _batch;
        private readonly int _tokens;
        private readonly int _cached;
        private readonly int _sockets;
        private readonly int _heads;
        private readonly int _keyHeads;
        private readonly List<ValueId> _outputs = [];

        public Body(LlamaConfiguration configuration, int batch, int tokens, int cached, int sockets)
        {
            if (configuration.Heads % sockets != 0 || configuration.FeedForward % sockets != 0 || configuration.Vocabulary % sockets != 0)
            {
                throw new RduException(
                    ErrorCatalogue.OptionInvalid, $"{configuration.Name}, --sockets", $"a divisor of {configuration.Heads} heads, {configuration.FeedForward} and {configuration.Vocabulary} columns",
                    $"{sockets}", "use a power of two");
            }

            (_configuration, _batch, _tokens, _cached, _sockets) = (configuration, batch, tokens, cached, sockets);
            _heads = configuration.Heads / sockets;

            // With fewer key heads than RDUs each has a copy of one.
            _keyHeads = Math.Max(1, configuration.KeyHeads / sockets);
        }

        public Graph Build()
        {
            ValueId ids = _builder.Input("input_ids", TensorType.Samples(_batch, _tokens) with { Element = ElementType.Int32 });
            ValueId x = _builder.Apply(new TokenEmbedding(), ids, Weight("embed_tokens", _configuration.Vocabulary, _configuration.Hidden));
            for (int layer = 0; layer < _configuration.Layers; layer++)
            {
                x = Layer(x, $"layers.{layer}");
            }

            ValueId last = _builder.Apply(new LastRow(), Norm(x, "norm"));
            ValueId logits = Linear(last, "lm_head", _configuration.Vocabulary / _sockets);
            return _builder.Build([logits, .. _outputs]);
        }

        private ValueId Layer(ValueId x, string name)
        {
            int width = _configuration.HeadWidth;
            ValueId normed = Norm(x, $"{name}.input_layernorm");
            ValueId q = Rotated(Linear(normed, $"{name}.q_proj", _heads * width));
            ValueId k = Rotated(Linear(normed, $"{name}.k_proj", _keyHeads * width));
            ValueId v = Linear(normed, $"{name}.v_proj", _keyHeads * width);
            _outputs.Add(k);
            _outputs.Add(v);
            ValueId keys = Cache(k, $"{name}.keys");
            ValueId values = Cache(v, $"{name}.values");
            ValueId scores = _builder.Apply(new GroupedHeadMatMul(_heads, _keyHeads, IsScores: true), q, keys);
            if (_tokens > 1)
            {
                scores = _builder.Apply(new CausalMask(), scores);
            }

            ValueId shares = _builder.Apply(new Softmax(1f / MathF.Sqrt(width)), scores);
            ValueId context = _builder.Apply(new GroupedHeadMatMul(_heads, _keyHeads, IsScores: false), shares, values);
            ValueId attended = _builder.Apply(new Add(), x, Joined(Linear(context, $"{name}.o_proj", _configuration.Hidden)));

            ValueId second = Norm(attended, $"{name}.post_attention_layernorm");
            ValueId gate = Linear(second, $"{name}.gate_proj", _configuration.FeedForward / _sockets);
            ValueId up = Linear(second, $"{name}.up_proj", _configuration.FeedForward / _sockets);
            ValueId down = Linear(_builder.Apply(new SiluGate(), gate, up), $"{name}.down_proj", _configuration.Hidden);
            return _builder.Apply(new Add(), attended, Joined(down));
        }

        /// <summary>All keys or values: the new ones alone for a prompt, else what the memory has of the tokens before.</summary>
        private ValueId Cache(ValueId fresh, string name) => _cached == _tokens
            ? fresh
            : _builder.Input(name, TensorType.Samples(_batch, _cached, _builder[fresh].LastExtent));

        private ValueId Rotated(ValueId x) => _builder.Apply(new RotaryEmbedding(_cached - _tokens), x);

        private ValueId Joined(ValueId x) => _sockets == 1 ? x : _builder.Apply(new AllReduce(_sockets), x);

        private ValueId Norm(ValueId x, string name) =>
            _builder.Apply(new RootMeanSquareNorm(1e-5f), x, _builder.Parameter($"{name}.weight", TensorType.Whole(_configuration.Hidden)));

        private ValueId Linear(ValueId x, string name, int outputs) => _builder.Apply(new Linear(), x, Weight(name, outputs, _builder[x].LastExtent));

        private ValueId Weight(string name, int rows, int columns) => _builder.Parameter($"{name}.weight", TensorType.Whole(rows, columns));
    }
}
