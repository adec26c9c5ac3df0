using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Optimizers;
using RduEmu.Models.Llm.Operators;

namespace RduEmu.Models.Llm;

/// <summary>
/// A GPT-2 as a graph: a step of training with AdamW, or the logits alone. The embedding is the head's weight too. Letters: B samples,
/// T tokens, H hidden width. For the machine model: the causal mask has no template.
/// </summary>
public sealed class Gpt2Graph
{
    private const float LayerNormEpsilon = 1e-5f;

    private readonly GraphBuilder _builder = new();
    private readonly Gpt2Configuration _configuration;
    private readonly int _batch;
    private readonly List<(string Name, ValueId Id, bool Decays)> _parameters = [];
    private ValueId? _numbers;
    private int _dropouts;

    private Gpt2Graph(Gpt2Configuration configuration, int batchSamples)
    {
        _configuration = configuration;
        _batch = batchSamples;
    }

    /// <summary>The logits of all tokens.</summary>
    public static Graph BuildInference(Gpt2Configuration configuration, int batchSamples)
    {
        var graph = new Gpt2Graph(configuration with { Dropout = 0 }, batchSamples);
        return graph._builder.Build(graph.Logits());
    }

    /// <summary>One step of training: the summed loss, and all parameters updated.</summary>
    public static Graph BuildTrainingStep(Gpt2Configuration configuration, int batchSamples)
    {
        var graph = new Gpt2Graph(configuration, batchSamples);
        GraphBuilder builder = graph._builder;
        ValueId logits = graph.Logits();
        TensorType rows = builder[logits].WithLastExtent(1);
        ValueId labels = builder.Input("labels", rows with { Element = ElementType.Int32 });
        ValueId weights = builder.Input("label_weights", rows);
        ValueId losses = builder.Apply(new CrossEntropy(), logits, labels, weights);
        ValueId total = builder.Apply(new SampleSum(), losses);
        ValueId seed = builder.Apply(new CrossEntropyGradient(), logits, labels, weights);
        ValueId?[] gradients = GradientScope.Differentiate(builder, logits, seed, [.. graph._parameters.Select(parameter => parameter.Id)]);
        Trained[] trained = [.. graph._parameters.Select((parameter, i) => new Trained(parameter.Name, parameter.Id, gradients[i]!.Value, parameter.Decays))];
        AdamW.AddSteps(builder, trained, builder.Input("rate", TensorType.Whole(1)), AdamSettings.Bert);
        return builder.Build(total);
    }

    private ValueId Logits()
    {
        int hidden = _configuration.Hidden;
        TensorType ids = TensorType.Samples(_batch, _configuration.Tokens) with { Element = ElementType.Int32 };
        ValueId table = Parameter("wte.weight", decays: true, _configuration.Vocabulary, hidden);
        ValueId positions = Parameter("wpe.weight", decays: true, _configuration.Tokens, hidden);
        ValueId x = _builder.Apply(
            new Add(),
            _builder.Apply(new TokenEmbedding(), _builder.Input("input_ids", ids), table),
            _builder.Apply(new TokenEmbedding(), _builder.Input("position_ids", ids), positions));
        x = Dropped(x);
        for (int layer = 0; layer < _configuration.Layers; layer++)
        {
            x = Layer(x, $"h.{layer}");
        }

        return _builder.Apply(new Linear(), Norm(x, "ln_f"), table);
    }

    private ValueId Layer(ValueId x, string name)
    {
        int hidden = _configuration.Hidden;
        int heads = _configuration.DividingHeads;
        ValueId normed = Norm(x, $"{name}.ln_1");
        ValueId q = Linear(normed, $"{name}.attn.q", hidden);
        ValueId k = Linear(normed, $"{name}.attn.k", hidden);
        ValueId v = Linear(normed, $"{name}.attn.v", hidden);
        ValueId scores = _builder.Apply(new CausalMask(), _builder.Apply(new HeadMatMul(heads, HeadProduct.Scores), q, k));
        ValueId shares = Dropped(_builder.Apply(new Softmax(1f / MathF.Sqrt((float)hidden / heads)), scores));
        ValueId context = _builder.Apply(new HeadMatMul(heads, HeadProduct.Context), shares, v);
        ValueId attended = _builder.Apply(new Add(), x, Dropped(Linear(context, $"{name}.attn.c_proj", hidden)));
        ValueId wide = _builder.Apply(new Gelu(), Linear(Norm(attended, $"{name}.ln_2"), $"{name}.mlp.c_fc", 4 * hidden));
        return _builder.Apply(new Add(), attended, Dropped(Linear(wide, $"{name}.mlp.c_proj", hidden)));
    }

    private ValueId Linear(ValueId x, string name, int outputs) => _builder.Apply(
        new AddBias(),
        _builder.Apply(new Linear(), x, Parameter($"{name}.weight", decays: true, outputs, _builder[x].LastExtent)),
        Parameter($"{name}.bias", decays: false, outputs));

    private ValueId Norm(ValueId x, string name) => _builder.Apply(
        new LayerNorm(LayerNormEpsilon), x, Parameter($"{name}.weight", decays: false, _configuration.Hidden), Parameter($"{name}.bias", decays: false, _configuration.Hidden));

    private ValueId Dropped(ValueId x)
    {
        if (_configuration.Dropout <= 0)
        {
            return x;
        }

        _numbers ??= _builder.Input("sample_numbers", TensorType.Samples(_batch, 1) with { Element = ElementType.Int32 });
        return _builder.Apply(new Dropout(_configuration.Dropout, 0, _dropouts++), x, _numbers.Value);
    }

    private ValueId Parameter(string name, bool decays, params int[] shape)
    {
        ValueId id = _builder.Parameter(name, TensorType.Whole(shape));
        _parameters.Add((name, id, decays));
        return id;
    }
}
