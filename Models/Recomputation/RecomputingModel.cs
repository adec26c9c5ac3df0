using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Recomputation;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;

namespace RduEmu.Models.Recomputation;

/// <summary>A model that computes the inner values of some layers again for their gradients; the bits are those without.</summary>
public sealed class RecomputingModel : IModel
{
    /// <summary>Names all layers.</summary>
    public const string AllLayers = "all";

    private readonly IModel _model;
    private readonly IReadOnlyList<string> _layers;

    /// <param name="model">What is trained.</param>
    /// <param name="layers">Names of layers, or <see cref="AllLayers"/>.</param>
    public RecomputingModel(IModel model, IReadOnlyList<string> layers)
    {
        _model = model;
        _layers = layers;
    }

    public string Name => _model.Name;

    public string Preset => _model.Preset;

    public string Summary => $"{_model.Summary}; recomputes {string.Join(", ", _layers)}";

    public string Optimizer => _model.Optimizer;

    public string Precision => _model.Precision;

    public string? SampleNumbersField => _model.SampleNumbersField;

    public int EvaluationBatchSamples => _model.EvaluationBatchSamples;

    public bool IsTrained(string parameter) => _model.IsTrained(parameter);

    public bool IsOfTask(string parameter) => _model.IsOfTask(parameter);

    public object Describe() => _model.Describe();

    /// <exception cref="RduException">RDU0202: a layer that the model does not have.</exception>
    public ModelGraph BuildTrainingStep(int batchSamples)
    {
        ModelGraph graph = _model.BuildTrainingStep(batchSamples);
        foreach (string name in _layers)
        {
            if (name != AllLayers && !graph.Layers.Any(layer => layer.Name == name))
            {
                string known = graph.Layers.IsEmpty ? "nothing: the model has no layers that can be" : string.Join(", ", graph.Layers.Select(layer => layer.Name).Prepend(AllLayers));
                throw new RduException(ErrorCatalogue.NameUnknown, "--recompute", known, name, "choose among the layers");
            }
        }

        IEnumerable<ValueId> inner = graph.Layers.Where(layer => _layers.Contains(AllLayers) || _layers.Contains(layer.Name)).SelectMany(layer => layer.Inner);
        (Graph again, IReadOnlyDictionary<ValueId, ValueId> mapped) = Recompute.Run(graph.Graph, graph.ForwardNodes, inner);
        ImmutableArray<ValueId> Map(ImmutableArray<ValueId> ids) => [.. ids.Select(id => mapped[id])];
        return graph with
        {
            Graph = again,
            Parameters = Map(graph.Parameters),
            Predictions = Map(graph.Predictions),
            OptimizerStates = Map(graph.OptimizerStates),
            Controls = [.. graph.Controls.Select(control => control with { Input = mapped[control.Input] })],
            Loss = graph.Loss is { } loss ? mapped[loss] : null,
            Layers = [],
        };
    }

    public ModelGraph BuildEvaluation(int batchSamples) => _model.BuildEvaluation(batchSamples);

    public ModelGraph BuildInference(int batchSamples) => _model.BuildInference(batchSamples);

    public void Initialize(ModelGraph graph, int parameter, int seed, long firstElement, Span<float> elements) =>
        _model.Initialize(graph, parameter, seed, firstElement, elements);

    public IMetric CreateMetric() => _model.CreateMetric();
}
