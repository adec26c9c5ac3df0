using System.Collections.Immutable;
using System.Globalization;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Optimizers;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;

namespace RduEmu.Models.Bert;

/// <summary>
/// A BERT with a head: pretrained as a masked language model with next sentences, where inference is the encoder with its pooler; or
/// trained to tell classes or to find spans.
/// </summary>
public sealed class BertModel : IModel
{
    private readonly BertConfiguration _configuration;
    private readonly int _tokens;
    private readonly int? _predictions;
    private readonly int _seed;
    private readonly bool _isLamb;
    private readonly BertHead _head;
    private readonly int _classes;
    private readonly ImmutableArray<BertParameter> _parameters;

    /// <param name="configuration">Its shape.</param>
    /// <param name="tokens">Tokens of a sequence.</param>
    /// <param name="seed">Of the run: dropout depends on it.</param>
    /// <param name="optimizer">adamw or lamb.</param>
    /// <param name="head">What stands on the encoder.</param>
    /// <param name="classes">Of a classification.</param>
    /// <param name="predictions">Masked tokens of a sequence in training; null for as many as the paper has.</param>
    /// <exception cref="RduException">RDU0202: another optimiser.</exception>
    public BertModel(
        BertConfiguration configuration, int tokens, int seed, string optimizer = "adamw", BertHead head = BertHead.Pretraining, int classes = 2,
        int? predictions = null)
    {
        _isLamb = optimizer switch
        {
            "adamw" => false,
            "lamb" => true,
            _ => throw new RduException(ErrorCatalogue.NameUnknown, "--optimizer", "adamw, lamb", optimizer, "choose one of these"),
        };
        _configuration = configuration;
        _tokens = tokens;
        _predictions = predictions;
        _seed = seed;
        Optimizer = optimizer;
        _head = head;
        _classes = classes;
        _parameters = BertParameters.List(configuration, head, classes);
    }

    public string Name => "bert";

    public string Preset => _configuration.Name;

    public string Optimizer { get; }

    public string Summary => string.Create(
        CultureInfo.InvariantCulture,
        $"{BertParameters.Count(_configuration, _head, _classes):N0} parameters, {BertParameters.Count(_configuration, BertHead.None):N0} of them encoder and pooler; {_configuration.Layers} layers, {_configuration.Hidden} wide, sequences of {_tokens}");

    public string? SampleNumbersField => BertGraph.SampleNumbers;

    public bool IsOfTask(string parameter) => BertParameters.IsOfTask(parameter);

    public int EvaluationBatchSamples => _configuration.BatchSamples;

    public object Describe() => new { configuration = _configuration, tokens = _tokens, seed = _seed, optimizer = Optimizer, head = _head.ToString(), classes = _classes };

    public ModelGraph BuildTrainingStep(int batchSamples)
    {
        var body = new BertBody(_configuration, _head, batchSamples, _tokens, _classes, _seed, _predictions);
        GraphBuilder builder = body.Builder;
        (ImmutableArray<ValueId> losses, ImmutableArray<ValueId> gradients) = BertGraph.Differentiate(body);
        ValueId total = losses.Select(loss => builder.Apply(new SampleSum(GroupSamples: 1), loss)).Aggregate((sum, loss) => builder.Apply(new Add(), sum, loss));
        ValueId rate = builder.Input("rate", TensorType.Whole(1));
        Trained[] trained = [.. _parameters.Select((parameter, i) =>
            new Trained(parameter.Name, body.Parameters[i], gradients[i], parameter.Kind == BertParameterKind.Weight))];
        IReadOnlyList<ValueId> states = AdamW.AddSteps(builder, trained, rate, AdamSettings.Bert, _isLamb);
        return new ModelGraph(builder.Build(total), body.Parameters, [])
        {
            OptimizerStates = [.. states],
            Controls = [ControlInput.Rate(rate)],
            Loss = total,
            Layers = [.. body.Layers],
            ForwardNodes = body.ForwardNodes,
        };
    }

    public ModelGraph BuildEvaluation(int batchSamples) =>
        _head == BertHead.Pretraining ? Of(BertGraph.BuildLosses(_configuration, _head, batchSamples, _tokens)) : BuildInference(batchSamples);

    public ModelGraph BuildInference(int batchSamples) =>
        Of(BertGraph.BuildInference(_configuration, _head == BertHead.Pretraining ? BertHead.None : _head, batchSamples, _tokens, _classes));

    public void Initialize(ModelGraph graph, int parameter, int seed, long firstElement, Span<float> elements)
    {
        string name = graph.Graph[graph.Parameters[parameter]].Name;
        int index = _parameters.Select(known => known.Name).ToList().IndexOf(name);
        BertInitializer.Fill(_parameters[index], index, _configuration.InitialDeviation, seed, firstElement, elements);
    }

    public IMetric CreateMetric() => _head switch
    {
        BertHead.Classification => new ClassificationMetric(_classes),
        BertHead.Span => new SpanMetric(),
        _ => new MaskedLanguageMetric(),
    };

    private static ModelGraph Of(BertGraph graph) => new(graph.Graph, graph.Parameters, [.. graph.Graph.Outputs]);
}
