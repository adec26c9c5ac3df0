using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Optimizers;
using RduEmu.Models.Data;
using RduEmu.Models.Metrics;
using RduEmu.Models.Training;

namespace RduEmu.Models.Dlrm;

/// <summary>A DLRM with its optimiser, as trainers and checks take it.</summary>
public sealed class DlrmModel(DlrmConfiguration configuration, OptimizerKind optimizer = OptimizerKind.Sgd) : IModel
{
    /// <summary>The optimisers that a DLRM is trained by, by the names of the command line.</summary>
    public static IReadOnlyDictionary<string, OptimizerKind> Optimizers { get; } = new Dictionary<string, OptimizerKind>
    {
        ["sgd"] = OptimizerKind.Sgd,
        ["adagrad"] = OptimizerKind.Adagrad,
        ["rowwise-adagrad"] = OptimizerKind.RowWiseAdagrad,
    };

    public DlrmConfiguration Configuration { get; } = configuration;

    public string Name => "dlrm";

    public string Preset => Configuration.Name;

    public string Summary =>
        FormattableString.Invariant($"{Configuration.DenseParameterCount:N0} weights, {Configuration.EmbeddingParameterCount:N0} in {Configuration.TableRows.Length} tables");

    public string Optimizer => Optimizers.First(pair => pair.Value == optimizer).Key;

    public string? SampleNumbersField => ClickBatch.NumberField;

    public int EvaluationBatchSamples => 2048;

    public object Describe() => new
    {
        Configuration.BottomLayers,
        Configuration.TopLayers,
        Configuration.TableRows,
        TableHotness = Configuration.TableRows.Select((_, table) => Configuration.HotnessOf(table)),
        Interaction = Configuration.Interaction.ToString(),
        Loss = Configuration.Loss.ToString(),
    };

    public ModelGraph BuildTrainingStep(int batchSamples)
    {
        DlrmGraph step = DlrmGraph.BuildTrainingStep(Configuration, batchSamples, optimizer);
        return new ModelGraph(step.Graph, step.Parameters, [step.Graph.Outputs[0]])
        {
            OptimizerStates = step.OptimizerStates,
            Controls = [ControlInput.Rate(step.Rate!.Value)],
            Loss = step.Graph.Outputs[1],
            LossDivisor = batchSamples,
        };
    }

    public ModelGraph BuildInference(int batchSamples)
    {
        DlrmGraph inference = DlrmGraph.BuildInference(Configuration, batchSamples);
        return new ModelGraph(inference.Graph, inference.Parameters, [inference.Graph.Outputs[0]]);
    }

    public void Initialize(ModelGraph graph, int parameter, int seed, long firstElement, Span<float> elements)
    {
        TensorType type = graph.Graph[graph.Parameters[parameter]].Type;
        bool isTable = parameter >= graph.Parameters.Length - Configuration.TableRows.Length;
        DlrmInitializer.Fill(type, isTable, seed, parameter, firstElement, elements);
    }

    public IMetric CreateMetric() => new ClickMetric();
}
