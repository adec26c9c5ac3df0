using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Precision;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Templates.Round;
using RduEmu.Models.Training;

namespace RduEmu.Models.Precision;

/// <summary>
/// A model that stores bf16 where <see cref="MixedPrecision"/> says so. Predictions and measurements round to nearest, so that they
/// are those of the sample alone.
/// </summary>
public sealed class MixedPrecisionModel : IModel
{
    private readonly IModel _model;
    private readonly PrecisionPolicy _policy;

    /// <param name="model">In float32.</param>
    /// <param name="policy">What becomes bf16.</param>
    /// <exception cref="RduException">RDU0201: stochastic rounding of a model whose samples have no numbers.</exception>
    public MixedPrecisionModel(IModel model, PrecisionPolicy policy)
    {
        if (policy.Rounding == RoundingKind.Stochastic && model.SampleNumbersField is null)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--rounding", $"nearest for {model.Name}", "stochastic", "choose --rounding nearest");
        }

        _model = model;
        _policy = policy;
    }

    public string Name => _model.Name;

    public string Preset => _model.Preset;

    public string Summary => $"{_model.Summary}; bf16 ({_policy.Preset.ToString().ToLowerInvariant()}, {_policy.Rounding.ToString().ToLowerInvariant()})";

    public string Optimizer => _model.Optimizer;

    public string Precision => "bf16";

    public string? SampleNumbersField => _model.SampleNumbersField;

    public bool IsTrained(string parameter) => _model.IsTrained(parameter);

    public bool IsOfTask(string parameter) => _model.IsOfTask(parameter);

    public int EvaluationBatchSamples => _model.EvaluationBatchSamples;

    public object Describe() => new { model = _model.Describe(), precision = _policy };

    public ModelGraph BuildTrainingStep(int batchSamples) => Rounded(_model.BuildTrainingStep(batchSamples), _policy);

    public ModelGraph BuildEvaluation(int batchSamples) => Rounded(_model.BuildEvaluation(batchSamples), Nearest);

    public ModelGraph BuildInference(int batchSamples) => Rounded(_model.BuildInference(batchSamples), Nearest);

    public void Initialize(ModelGraph graph, int parameter, int seed, long firstElement, Span<float> elements) =>
        _model.Initialize(graph, parameter, seed, firstElement, elements);

    public IMetric CreateMetric() => _model.CreateMetric();

    private PrecisionPolicy Nearest => _policy with { Rounding = RoundingKind.Nearest };

    private ModelGraph Rounded(ModelGraph graph, PrecisionPolicy policy)
    {
        ValueId[] weights = [.. graph.Parameters.Where(id => _model.IsTrained(graph.Graph[id].Name))];
        PrecisionResult result = MixedPrecision.Run(graph.Graph, policy, weights, SampleNumbersField ?? string.Empty);
        ImmutableArray<ValueId> Map(ImmutableArray<ValueId> ids) => [.. ids.Select(id => result.Mapped[id])];
        ControlInput[] controls = [.. graph.Controls.Select(control => control with { Input = result.Mapped[control.Input] })];
        return graph with
        {
            Graph = result.Graph,
            Parameters = Map(graph.Parameters),
            Predictions = Map(graph.Predictions),
            OptimizerStates = Map(graph.OptimizerStates),
            Controls = result.Step is { } step ? [.. controls, ControlInput.Step(step)] : [.. controls],
            ForwardNodes = graph.ForwardNodes < result.NodesBefore.Count ? result.NodesBefore[graph.ForwardNodes] : result.Graph.Nodes.Count,
            Layers =
            [
                .. graph.Layers.Select(layer => layer with
                {
                    Inner = [.. layer.Inner.Select(id => result.Mapped[id]), .. layer.Inner.Where(result.Rounded.ContainsKey).Select(id => result.Rounded[id])],
                }),
            ],
            Loss = graph.Loss is { } loss ? result.Mapped[loss] : null,
        };
    }
}
