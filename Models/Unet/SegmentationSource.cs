using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Numerics;
using RduEmu.Models.Training;

namespace RduEmu.Models.Unet;

/// <summary>
/// Batches of images with their targets. What is trained on is shuffled in each epoch and varied, both drawn from Philox by the seed; what is
/// measured on stays as it is.
/// </summary>
public sealed class SegmentationSource : IBatchSource
{
    /// <summary>Second word of the key of the shuffles.</summary>
    private const int ShuffleStream = 0x5E7;

    private readonly UnetConfiguration _configuration;
    private readonly Func<long, SegmentationSample> _sampleAt;
    private readonly int? _count;
    private readonly int _seed;
    private readonly SegmentationAugmentation? _augmentation;
    private readonly int _height;
    private readonly int _width;
    private readonly BorderWeights? _borders;
    private int[] _order = [];
    private long _position;
    private int _epoch;

    /// <param name="configuration">The model that takes the images.</param>
    /// <param name="name">For people.</param>
    /// <param name="sampleAt">The sample of a number.</param>
    /// <param name="count">How many there are; null for no end.</param>
    /// <param name="seed">Of shuffles.</param>
    /// <param name="augmentation">How samples are varied; null if they stay as they are, and in their order.</param>
    /// <param name="height">Rows of a batch's images.</param>
    /// <param name="width">Columns of a batch's images.</param>
    public SegmentationSource(
        UnetConfiguration configuration, string name, Func<long, SegmentationSample> sampleAt, int? count, int seed,
        SegmentationAugmentation? augmentation, int height, int width)
    {
        _configuration = configuration;
        Name = name;
        _sampleAt = sampleAt;
        _count = count;
        _seed = seed;
        _augmentation = augmentation;
        _height = height;
        _width = width;
        _borders = configuration.Loss == SegmentationLoss.BorderCrossEntropy
            ? new BorderWeights(configuration.PredictedExtent(height), configuration.PredictedExtent(width))
            : null;
        Rewind(0);
    }

    public string Name { get; }

    public Batch CreateBatch(int capacitySamples)
    {
        int height = _configuration.PredictedExtent(_height);
        int width = _configuration.PredictedExtent(_width);
        return new Batch(
            capacitySamples,
            [
                new BatchField(UnetGraph.ImageField, TensorType.Samples(capacitySamples, _height, _width, _configuration.Channels)),
                new BatchField(UnetGraph.TargetField, TensorType.Samples(capacitySamples, height, width, 1)),
                new BatchField(UnetGraph.LabelField, TensorType.Samples(capacitySamples, height, width, 1) with { Element = ElementType.Int32 }, isData: false),
                new BatchField(UnetGraph.NumberField, TensorType.Samples(capacitySamples, 1) with { Element = ElementType.Int32 }, isData: false),
                .. _borders is null ? [] : (BatchField[])[new BatchField(UnetGraph.WeightField, TensorType.Samples(capacitySamples, height, width, 1), isData: false)],
            ]);
    }

    public void Read(Batch batch)
    {
        batch.CountSamples = 0;
        var foreground = new float[_height * _width];
        while (batch.CountSamples < batch.CapacitySamples && (_count is null || _position < _count))
        {
            long number = _count is { } count ? (long)_epoch * count + _position : _position;
            SegmentationSample sample = _sampleAt(_order.Length > 0 ? _order[_position] : _position);
            int at = batch.CountSamples;
            BatchField image = batch[UnetGraph.ImageField];
            Span<float> pixels = image.Floats.AsSpan(at * image.Width, image.Width);
            if (_augmentation is null)
            {
                sample.Image.CopyTo(pixels);
                sample.Foreground.CopyTo(foreground, 0);
            }
            else
            {
                _augmentation.Fill(sample, number, pixels, foreground);
            }

            CopyTarget(foreground, batch[UnetGraph.TargetField], batch[UnetGraph.LabelField], at);
            batch[UnetGraph.NumberField].Integers[at] = (int)number;
            if (_borders is not null)
            {
                BatchField label = batch[UnetGraph.LabelField];
                BatchField weight = batch[UnetGraph.WeightField];
                _borders.Fill(label.Integers.AsSpan(at * label.Width, label.Width), sample.ObjectClass, weight.Floats.AsSpan(at * weight.Width, weight.Width));
            }

            batch.CountSamples++;
            _position++;
        }
    }

    public void Rewind(int epoch)
    {
        _epoch = epoch;
        _position = 0;
        if (_count is { } count && _augmentation is not null)
        {
            _order = Shuffle(count, epoch);
        }
    }

    public void Dispose()
    {
    }

    /// <summary>The middle of the foreground: a prediction without padding lacks the edges.</summary>
    private void CopyTarget(float[] foreground, BatchField target, BatchField label, int at)
    {
        int height = target.Type.Shape[1];
        int width = target.Type.Shape[2];
        int top = (_height - height) / 2;
        int left = (_width - width) / 2;
        for (int row = 0; row < height; row++)
        {
            for (int column = 0; column < width; column++)
            {
                float value = foreground[(top + row) * _width + left + column];
                int element = at * target.Width + row * width + column;
                target.Floats[element] = value;
                label.Integers[element] = (int)value;
            }
        }
    }

    /// <summary>Fisher and Yates, by the seed and the epoch.</summary>
    private int[] Shuffle(int count, int epoch)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        for (int i = count - 1; i > 0; i--)
        {
            int c0 = i;
            int c1 = epoch;
            int c2 = 0;
            int c3 = 0;
            Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, _seed, ShuffleStream);
            int j = (int)((uint)c0 * (ulong)(i + 1) >> 32);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }
}
