using RduEmu.Compiler.Graphs;
using RduEmu.Models.Metrics;
using RduEmu.Models.Training;

namespace RduEmu.Models.Unet;

/// <summary>A UNet with its images' extents, as trainers and checks take it.</summary>
/// <param name="configuration">The network.</param>
/// <param name="training">Rows and columns of the images that are trained on.</param>
/// <param name="whole">Rows and columns of the images that are measured and predicted.</param>
/// <param name="seed">Of dropout.</param>
/// <param name="picture">Takes pictures of what is measured; see <see cref="SegmentationMetric"/>.</param>
public sealed class UnetModel(
    UnetConfiguration configuration, (int Height, int Width) training, (int Height, int Width) whole, int seed, Action<long, byte[]>? picture = null) : IModel
{
    public UnetConfiguration Configuration { get; } = configuration;

    public string Name => "unet";

    public string Preset => Configuration.Name;

    public string Summary => FormattableString.Invariant(
        $"{CountParameters(Configuration):N0} parameters, {Configuration.Features} features, {Configuration.Channels} channels to {Configuration.Classes}");

    public string Optimizer => Configuration.Optimizer.ToString().ToLowerInvariant();

    public string? SampleNumbersField => UnetGraph.NumberField;

    public int EvaluationBatchSamples => 1;

    /// <summary>What is trained: filters, biases, gammas and betas; not running statistics.</summary>
    public static long CountParameters(UnetConfiguration configuration)
    {
        // The extents do not matter; the smallest that valid convolutions leave something of is 188.
        ModelGraph graph = UnetGraph.BuildInference(configuration, 1, configuration.IsPadded ? 16 : 188, configuration.IsPadded ? 16 : 188);
        return graph.Parameters.Select(id => graph.Graph[id]).Where(value => IsTrainedName(value.Name)).Sum(value => value.Type.CountElements);
    }

    public object Describe() => new
    {
        Configuration.Channels,
        Configuration.Classes,
        Configuration.Features,
        Configuration.Normalizes,
        Upsampling = Configuration.Upsampling.ToString(),
        Configuration.IsPadded,
        Loss = Configuration.Loss.ToString(),
        TrainingExtents = new[] { training.Height, training.Width },
        Extents = new[] { whole.Height, whole.Width },
    };

    public ModelGraph BuildTrainingStep(int batchSamples) =>
        UnetGraph.BuildTrainingStep(Configuration, batchSamples, training.Height, training.Width, seed);

    public ModelGraph BuildInference(int batchSamples) => UnetGraph.BuildInference(Configuration, batchSamples, whole.Height, whole.Width);

    public void Initialize(ModelGraph graph, int parameter, int seed, long firstElement, Span<float> elements)
    {
        Value value = graph.Graph[graph.Parameters[parameter]];
        bool isTransposed = Configuration.Upsampling == UnetUpsampling.Transposed && value.Name.StartsWith("up", StringComparison.Ordinal);
        UnetInitializer.Fill(value.Name, value.Type, isTransposed, seed, parameter, firstElement, elements);
    }

    public IMetric CreateMetric() => new SegmentationMetric(Configuration.Classes, picture);

    public bool IsTrained(string parameter) => IsTrainedName(parameter);

    private static bool IsTrainedName(string name) => !name.Contains(".running_", StringComparison.Ordinal);
}
