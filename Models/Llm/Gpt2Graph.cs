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
    private readonly Dictionary<string, ValueId> _known = [];
    private readonly List<Half> _halves = [];
    private ValueId? _numbers;
    private int _dropouts;
    private ValueId _final;
    private int _headNode;

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
    /// <param name="recomputes">
    /// True if the backward pass computes each half of a layer anew from its input instead of fetching what the forward pass had (Chen
    /// et al., arXiv:1604.06174): more operations, but only tokens go through the memory, no maps of scores.
    /// </param>
    public static Graph BuildTrainingStep(Gpt2Configuration configuration, int batchSamples, bool recomputes = false)
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
        ValueId[] parameters = [.. graph._parameters.Select(parameter => parameter.Id)];
        ValueId[] gradients = recomputes
            ? graph.RecomputedGradients(logits, seed, parameters)
            : [.. GradientScope.Differentiate(builder, logits, seed, parameters).Select(gradient => gradient!.Value)];
        Trained[] trained = [.. graph._parameters.Select((parameter, i) => new Trained(parameter.Name, parameter.Id, gradients[i], parameter.Decays))];
        AdamW.AddSteps(builder, trained, builder.Input("rate", TensorType.Whole(1)), AdamSettings.Bert);
        return builder.Build(total);
    }

    /// <summary>Gradients part by part from the end: of the head, of each half of a layer computed once more, of the embedding.</summary>
    private ValueId[] RecomputedGradients(ValueId logits, ValueId seed, ValueId[] parameters)
    {
        var sums = new ValueId?[parameters.Length];
        void Collect(ReadOnlySpan<ValueId?> gradients)
        {
            for (int i = 0; i < sums.Length; i++)
            {
                sums[i] = gradients[i] is not { } gradient ? sums[i] : sums[i] is { } sum ? _builder.Apply(new Add(), sum, gradient) : gradient;
            }
        }

        ValueId? Part(int firstNode, ValueId output, ValueId gradient, ValueId? input)
        {
            ValueId?[] results = GradientScope.DifferentiateFrom(_builder, firstNode, [(output, gradient)], input is { } from ? [.. parameters, from] : parameters);
            Collect(results);
            return input is null ? null : results[^1];
        }

        ValueId? upstream = Part(_headNode, logits, seed, _final);
        foreach (Half half in _halves.AsEnumerable().Reverse())
        {
            _dropouts = half.Dropouts;
            int first = _builder.Nodes.Count;
            upstream = Part(first, half.Build(half.Input), upstream!.Value, half.Input);
        }

        // The embedding's own nodes stand first; nothing after them leads to their output but the layers, which are done.
        Part(0, _halves[0].Input, upstream!.Value, null);
        return [.. sums.Select(sum => sum!.Value)];
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
            string name = $"h.{layer}";
            x = Add(x, from => Attention(from, name));
            x = Add(x, from => Feed(from, name));
        }

        (_final, _headNode) = (x, _builder.Nodes.Count);
        return _builder.Apply(new Linear(), Norm(x, "ln_f"), table);
    }

    private ValueId Add(ValueId input, Func<ValueId, ValueId> build)
    {
        _halves.Add(new Half(input, _dropouts, build));
        return build(input);
    }

    private ValueId Attention(ValueId x, string name)
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
        return _builder.Apply(new Add(), x, Dropped(Linear(context, $"{name}.attn.c_proj", hidden)));
    }

    private ValueId Feed(ValueId x, string name)
    {
        ValueId wide = _builder.Apply(new Gelu(), Linear(Norm(x, $"{name}.ln_2"), $"{name}.mlp.c_fc", 4 * _configuration.Hidden));
        return _builder.Apply(new Add(), x, Dropped(Linear(wide, $"{name}.mlp.c_proj", _configuration.Hidden)));
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
        // A layer that is computed once more has the parameters of the first time.
        if (!_known.TryGetValue(name, out ValueId id))
        {
            _known.Add(name, id = _builder.Parameter(name, TensorType.Whole(shape)));
            _parameters.Add((name, id, decays));
        }

        return id;
    }

    /// <summary>A half of a layer, as it can be built once more.</summary>
    /// <param name="Input">What it reads.</param>
    /// <param name="Dropouts">Dropouts before it.</param>
    /// <param name="Build">Adds its nodes.</param>
    private sealed record Half(ValueId Input, int Dropouts, Func<ValueId, ValueId> Build);
}
