using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Recomputation;
using RduEmu.Kernels.Errors;

namespace RduEmu.Models.Bert;

/// <summary>A BERT while its graph grows.</summary>
internal sealed class BertBody
{
    /// <summary>Set apart from the streams of first values and data.</summary>
    private const int FirstDropoutStream = 0x4452_0000;

    /// <summary>
    /// A sequence is a group of its own in every sum over samples, also where only some of its tokens or one of them count: so a
    /// batch can be cut at any power of two of sequences.
    /// </summary>
    private const int GroupSamples = 1;

    private readonly BertConfiguration _configuration;
    private readonly int _batchSamples;
    private readonly int _tokens;
    private readonly int _predictions;
    private readonly int? _dropoutSeed;
    private readonly Dictionary<string, ValueId> _parameters = [];
    private readonly ValueId _sampleNumbers;
    private int _dropouts;

    /// <param name="dropoutSeed">First key of the dropouts' numbers; null for no dropout.</param>
    /// <param name="predictions">Masked tokens of a sequence; null for as many as the paper has.</param>
    /// <exception cref="RduException">RDU0201: the sequence is longer than the table of positions.</exception>
    public BertBody(
        BertConfiguration configuration, BertHead head, int batchSamples, int tokens, int classes, int? dropoutSeed, int? predictions = null)
    {
        if (tokens < 1 || tokens > configuration.Positions)
        {
            throw new RduException(
                ErrorCatalogue.OptionInvalid, "--tokens", $"1 to {configuration.Positions}", $"{tokens}", "give a sequence that the positions cover");
        }

        Head = head;
        _configuration = configuration;
        _batchSamples = batchSamples;
        _tokens = tokens;
        _predictions = predictions ?? BertConfiguration.PredictionsOf(tokens);
        _dropoutSeed = configuration.Dropout > 0f ? dropoutSeed : null;
        foreach (BertParameter parameter in BertParameters.List(configuration, head, classes))
        {
            _parameters.Add(parameter.Name, Builder.Parameter(parameter.Name, parameter.Type));
        }

        Parameters = [.. _parameters.Values];
        _sampleNumbers = _dropoutSeed is null ? default : Integers(BertGraph.SampleNumbers, 1);
    }

    public GraphBuilder Builder { get; } = new();

    public BertHead Head { get; }

    /// <summary>Nodes up to the losses, once gradients have been added.</summary>
    public int ForwardNodes { get; set; }

    /// <summary>The encoder's layers, each with all that it makes but its result.</summary>
    public List<ForwardLayer> Layers { get; } = [];

    /// <summary>In the order of <see cref="BertParameters"/>.</summary>
    public ImmutableArray<ValueId> Parameters { get; }

    /// <summary>Adds the forward pass: what the head gives, see <see cref="BertGraph"/>.</summary>
    public ImmutableArray<ValueId> Logits()
    {
        ValueId tokens = Encoder();
        return Head switch
        {
            BertHead.None => [tokens, Pooled(tokens)],
            BertHead.Pretraining => [MaskedTokens(tokens), Dense("cls.seq_relationship", Pooled(tokens))],
            BertHead.Classification => [Dense("classifier", Dropped(Pooled(tokens)))],
            _ => [Builder.Apply(new TransposeRows(), Dense("qa_outputs", tokens))],
        };
    }

    private ValueId Encoder()
    {
        ValueId x = Embedded(BertGraph.TokenIds, BertParameters.WordEmbeddings);
        x = Builder.Apply(new Add(), x, Embedded(BertGraph.PositionIds, "bert.embeddings.position_embeddings.weight"));
        x = Builder.Apply(new Add(), x, Embedded(BertGraph.TypeIds, "bert.embeddings.token_type_embeddings.weight"));
        x = Dropped(Norm("bert.embeddings.LayerNorm", x));
        ValueId mask = Builder.Input(BertGraph.AttentionMask, TensorType.Samples(_batchSamples, _tokens));
        for (int layer = 0; layer < _configuration.Layers; layer++)
        {
            string name = $"bert.encoder.layer.{layer}";
            int first = Builder.CountValues;
            ValueId attended = Dropped(Dense($"{name}.attention.output.dense", Attention($"{name}.attention.self", x, mask)));
            x = Norm($"{name}.attention.output.LayerNorm", Builder.Apply(new Add(), attended, x));
            ValueId inner = Builder.Apply(new Gelu(), Dense($"{name}.intermediate.dense", x));
            ValueId outer = Dropped(Dense($"{name}.output.dense", inner));
            x = Norm($"{name}.output.LayerNorm", Builder.Apply(new Add(), outer, x));
            ValueId result = x;
            Layers.Add(new ForwardLayer(
                $"layer.{layer}", [.. Enumerable.Range(first, Builder.CountValues - first).Select(i => new ValueId(i)).Where(id => id != result)]));
        }

        return x;
    }

    private ValueId Attention(string name, ValueId x, ValueId mask)
    {
        ValueId query = Dense($"{name}.query", x);
        ValueId key = Dense($"{name}.key", x);
        ValueId value = Dense($"{name}.value", x);
        int heads = _configuration.Heads;

        // 1 / sqrt(d): exact for the heads of 64 of all presets.
        float scale = (float)(1 / Math.Sqrt(_configuration.Hidden / heads));
        ValueId scores = Builder.Apply(new HeadMatMul(heads, HeadProduct.Scores), query, key);
        ValueId probabilities = Dropped(Builder.Apply(new Softmax(scale), scores, mask));
        return Builder.Apply(new HeadMatMul(heads, HeadProduct.Context), probabilities, value);
    }

    private ValueId Pooled(ValueId tokens) =>
        Builder.Apply(new Tanh(), Dense("bert.pooler.dense", Builder.Apply(new FirstRow(), tokens)));

    private ValueId MaskedTokens(ValueId tokens)
    {
        ValueId positions = Integers(BertGraph.MaskedPositions, _predictions);
        ValueId picked = Builder.Apply(new GatherRows(), tokens, positions);
        ValueId transformed = Builder.Apply(new Gelu(), Dense("cls.predictions.transform.dense", picked));
        ValueId normed = Norm("cls.predictions.transform.LayerNorm", transformed);
        ValueId logits = Builder.Apply(new Linear(GroupSamples), normed, _parameters[BertParameters.WordEmbeddings]);
        return Builder.Apply(new AddBias(GroupSamples), logits, _parameters["cls.predictions.bias"]);
    }

    private ValueId Embedded(string input, string table) => Builder.Apply(new TokenEmbedding(GroupSamples), Integers(input, _tokens), _parameters[table]);

    private ValueId Integers(string name, int width) =>
        Builder.Input(name, TensorType.Samples(_batchSamples, width) with { Element = ElementType.Int32 });

    private ValueId Dense(string name, ValueId x) =>
        Builder.Apply(
            new AddBias(GroupSamples), Builder.Apply(new Linear(GroupSamples), x, _parameters[$"{name}.weight"]), _parameters[$"{name}.bias"]);

    private ValueId Norm(string name, ValueId x) =>
        Builder.Apply(new LayerNorm(_configuration.Epsilon, GroupSamples), x, _parameters[$"{name}.weight"], _parameters[$"{name}.bias"]);

    private ValueId Dropped(ValueId x) => _dropoutSeed is { } seed
        ? Builder.Apply(new Dropout(_configuration.Dropout, seed, FirstDropoutStream + _dropouts++), x, _sampleNumbers)
        : x;
}
