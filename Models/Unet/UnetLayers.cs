using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Recomputation;

namespace RduEmu.Models.Unet;

/// <summary>Layers of a UNet as nodes, with their parameters; the parameters are listed in the order in which they are made.</summary>
/// <param name="builder">The graph so far.</param>
/// <param name="isTraining">True if normalisations use the batch's statistics and update the running ones.</param>
internal sealed class UnetLayers(GraphBuilder builder, bool isTraining)
{
    /// <summary>PyTorch's default: torch.nn.BatchNorm2d(eps=1e-5, momentum=0.1).</summary>
    private const float Epsilon = 1e-5f;

    private const float Decay = 0.9f;

    private readonly List<ValueId> _parameters = [];
    private readonly List<ValueId> _trained = [];
    private readonly Dictionary<float, ValueId> _scalars = [];

    public GraphBuilder Builder => builder;

    /// <summary>Everything that is kept from step to step: weights, and running statistics.</summary>
    public IReadOnlyList<ValueId> Parameters => _parameters;

    /// <summary>What has a gradient.</summary>
    public IReadOnlyList<ValueId> Trained => _trained;

    /// <summary>What was built as layers, in order.</summary>
    public List<ForwardLayer> Layers { get; } = [];

    /// <summary>Builds a layer: all that it makes but its result can be computed again.</summary>
    public ValueId Layer(string name, Func<ValueId> build)
    {
        int first = builder.CountValues;
        ValueId result = build();
        Layers.Add(new ForwardLayer(name, [.. Enumerable.Range(first, builder.CountValues - first).Select(i => new ValueId(i)).Where(id => id != result)]));
        return result;
    }

    /// <summary>A whole value [1]; equal ones are one.</summary>
    public ValueId Scalar(float value)
    {
        if (!_scalars.TryGetValue(value, out ValueId id))
        {
            _scalars.Add(value, id = builder.Constant(FormattableString.Invariant($"constant {value}"), TensorType.Whole(1), value));
        }

        return id;
    }

    /// <summary>A convolution with a bias, if it has one.</summary>
    public ValueId Convolve(string name, ValueId x, int features, int taps, ConvolutionWindow window, bool hasBias)
    {
        ValueId filter = Trainable($"{name}.weight", TensorType.Whole(features, taps, taps, builder[x].LastExtent));
        ValueId y = builder.Apply(new ImageConvolution(window), x, filter);
        return hasBias ? Bias(name, y) : y;
    }

    /// <summary>A transposed convolution 2x2 with stride 2 and a bias.</summary>
    public ValueId Expand(string name, ValueId x, int features)
    {
        TensorType type = builder[x];
        ValueId filter = Trainable($"{name}.weight", TensorType.Whole(type.LastExtent, 2, 2, features));
        var op = new ImageConvolutionTransposed(ConvolutionWindow.Strided(2), 2 * type.Shape[1], 2 * type.Shape[2]);
        return Bias(name, builder.Apply(op, x, filter));
    }

    public ValueId Relu(ValueId x) => builder.Apply(new Relu(), x);

    /// <summary>Batch normalisation over all pixels of all images.</summary>
    public ValueId Normalize(string name, ValueId x)
    {
        TensorType statistics = TensorType.Whole(builder[x].LastExtent);
        ValueId gamma = Trainable($"{name}.weight", statistics);
        ValueId beta = Trainable($"{name}.bias", statistics);
        ValueId runningMean = Kept($"{name}.running_mean", statistics);
        ValueId runningVariance = Kept($"{name}.running_var", statistics);
        ValueId epsilon = Scalar(Epsilon);
        if (!isTraining)
        {
            ValueId fixedDeviation = builder.Apply(new ReciprocalDeviation(), runningVariance, epsilon);
            return builder.Apply(new BatchNormalize(OfBatch: false), x, runningMean, fixedDeviation, gamma, beta);
        }

        long rows = builder[x].CountElements / builder[x].LastExtent;
        ValueId count = Scalar(rows);
        ValueId mean = builder.Apply(new BatchMean(), x, count);
        ValueId variance = builder.Apply(new BatchVariance(), x, mean, count);
        ValueId deviation = builder.Apply(new ReciprocalDeviation(), variance, epsilon);
        ValueId decay = Scalar(Decay);
        builder.Update(runningMean, builder.Apply(new RunningStatistic(), runningMean, mean, decay, Scalar(1f)));
        builder.Update(
            runningVariance,
            builder.Apply(new RunningStatistic(), runningVariance, variance, decay, Scalar((float)((double)rows / Math.Max(1, rows - 1)))));
        return builder.Apply(new BatchNormalize(OfBatch: true), x, mean, deviation, gamma, beta, count);
    }

    private ValueId Bias(string name, ValueId x) =>
        builder.Apply(new AddBias(), x, Trainable($"{name}.bias", TensorType.Whole(builder[x].LastExtent)));

    private ValueId Trainable(string name, TensorType type)
    {
        ValueId id = Kept(name, type);
        _trained.Add(id);
        return id;
    }

    private ValueId Kept(string name, TensorType type)
    {
        ValueId id = builder.Parameter(name, type);
        _parameters.Add(id);
        return id;
    }
}
