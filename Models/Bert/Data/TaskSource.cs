using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Numerics;
using RduEmu.Models.Training;

namespace RduEmu.Models.Bert.Data;

/// <summary>
/// Sequences [CLS] first [SEP] second [SEP] and padding, whose class or span is known. For training in an order of the seed and the
/// epoch, for a test as they come. What is too long loses the end of its longer segment; an answer that is lost is at [CLS].
/// </summary>
public sealed class TaskSource : IBatchSource
{
    private const int ShuffleStream = 0x5441_5348;

    private readonly IReadOnlyList<TaskSample> _samples;
    private readonly SpecialPieces _special;
    private readonly int _tokens;
    private readonly int? _seed;
    private int[] _order = [];
    private int _epoch;
    private int _next;

    /// <param name="name">For people.</param>
    /// <param name="samples">What is read.</param>
    /// <param name="special">What sequences are put together with.</param>
    /// <param name="tokens">Tokens of a sequence.</param>
    /// <param name="seed">Of the order; null for a test.</param>
    public TaskSource(string name, IReadOnlyList<TaskSample> samples, SpecialPieces special, int tokens, int? seed)
    {
        Name = name;
        _samples = samples;
        _special = special;
        _tokens = tokens;
        _seed = seed;
        Rewind(0);
    }

    public string Name { get; }

    public Batch CreateBatch(int capacitySamples)
    {
        TensorType floats = TensorType.Samples(capacitySamples, _tokens);
        TensorType integers = floats with { Element = ElementType.Int32 };
        TensorType one = TensorType.Samples(capacitySamples, 1);
        TensorType two = TensorType.Samples(capacitySamples, 2, 1);
        return new Batch(
            capacitySamples,
            new BatchField(BertGraph.TokenIds, integers),
            new BatchField(BertGraph.PositionIds, integers, isData: false),
            new BatchField(BertGraph.TypeIds, integers),
            new BatchField(BertGraph.AttentionMask, floats),
            new BatchField(BertGraph.ClassLabels, one with { Element = ElementType.Int32 }, padding: -1),
            new BatchField(BertGraph.ClassWeights, one, isData: false),
            new BatchField(BertGraph.SpanLabels, two with { Element = ElementType.Int32 }, padding: -1),
            new BatchField(BertGraph.SpanWeights, two, isData: false),
            new BatchField(BertGraph.SampleNumbers, one with { Element = ElementType.Int32 }, isData: false));
    }

    public void Read(Batch batch)
    {
        batch.CountSamples = Math.Min(batch.CapacitySamples, _samples.Count - _next);
        for (int b = 0; b < batch.CountSamples; b++)
        {
            Fill(batch, b, _samples[_order[_next + b]], (int)((long)_epoch * _samples.Count + _next + b));
        }

        if (batch.CountSamples > 0)
        {
            batch[BertGraph.ClassWeights].Floats.AsSpan().Fill(1f / batch.CountSamples);
            batch[BertGraph.SpanWeights].Floats.AsSpan().Fill(1f / (2 * batch.CountSamples));
        }

        _next += batch.CountSamples;
    }

    public void Rewind(int epoch)
    {
        _epoch = epoch;
        _next = 0;
        _order = [.. Enumerable.Range(0, _samples.Count)];
        for (int i = _order.Length - 1; i > 0 && _seed is { } seed; i--)
        {
            int c0 = i, c1 = epoch, c2 = 0, c3 = 0;
            Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, seed, ShuffleStream);
            int j = (int)((uint)c0 * (ulong)(i + 1) >> 32);
            (_order[i], _order[j]) = (_order[j], _order[i]);
        }
    }

    public void Dispose()
    {
    }

    private void Fill(Batch batch, int b, TaskSample sample, int number)
    {
        bool hasSecond = sample.Second.Length > 0;
        int room = _tokens - (hasSecond ? 3 : 2);
        int first = Math.Min(sample.First.Length, hasSecond ? Math.Max(room / 2, room - sample.Second.Length) : room);
        int second = Math.Min(sample.Second.Length, room - first);
        Span<int> tokens = batch[BertGraph.TokenIds].Integers.AsSpan(b * _tokens, _tokens);
        Span<int> types = batch[BertGraph.TypeIds].Integers.AsSpan(b * _tokens, _tokens);
        Span<int> positions = batch[BertGraph.PositionIds].Integers.AsSpan(b * _tokens, _tokens);
        Span<float> mask = batch[BertGraph.AttentionMask].Floats.AsSpan(b * _tokens, _tokens);
        tokens.Fill(_special.Padding);
        types.Clear();
        tokens[0] = _special.Classification;
        sample.First.AsSpan(0, first).CopyTo(tokens[1..]);
        tokens[1 + first] = _special.Separator;
        int length = 2 + first;
        if (hasSecond)
        {
            sample.Second.AsSpan(0, second).CopyTo(tokens[length..]);
            tokens[length + second] = _special.Separator;
            types.Slice(length, second + 1).Fill(1);
            length += second + 1;
        }

        for (int t = 0; t < _tokens; t++)
        {
            positions[t] = t;
            mask[t] = t < length ? 0f : BertGraph.Masked;
        }

        bool isThere = hasSecond && sample.End < second;
        batch[BertGraph.ClassLabels].Integers[b] = sample.Class;
        batch[BertGraph.SpanLabels].Integers[2 * b] = isThere ? 2 + first + sample.Start : 0;
        batch[BertGraph.SpanLabels].Integers[2 * b + 1] = isThere ? 2 + first + sample.End : 0;
        batch[BertGraph.SampleNumbers].Integers[b] = number;
    }
}

/// <summary>A task's samples, to train on and kept apart.</summary>
/// <param name="configuration">The model.</param>
/// <param name="text">The samples.</param>
/// <param name="tokens">Tokens of a sequence.</param>
/// <param name="seed">Of the run.</param>
public sealed class TaskData(BertConfiguration configuration, TaskText text, int tokens, int seed) : IModelData
{
    /// <summary>As google-research/bert fine-tunes.</summary>
    private const int Epochs = 3;

    public IBatchSource Training { get; } = new TaskSource($"{text.Name}: {text.Training.Count} samples", text.Training, text.Special, tokens, seed);

    public IBatchSource? Test { get; } = new TaskSource(text.Name, text.HeldOut, text.Special, tokens, seed: null);

    public bool IsEndless => false;

    /// <summary>Without choices three epochs; warm-up over a tenth of the steps, then down to zero.</summary>
    public TrainingCourse Suited(CourseChoices choices)
    {
        int batch = choices.BatchSamples ?? configuration.BatchSamples;
        long steps = choices.Steps ?? Math.Max(1, (choices.Epochs ?? Epochs) * (text.Training.Count / batch));
        int warmUp = (int)Math.Min(10_000, Math.Max(1, steps / 10));
        return new TrainingCourse(
            batch, steps, choices.Epochs, configuration.Rate,
            new LearningRatePolicy(warmUp, warmUp, (int)Math.Min(int.MaxValue, steps - warmUp)) { DecayPower = 1, LowestRate = 0 });
    }

    public void Dispose()
    {
    }
}
