using System.Text.Json.Serialization;
using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Training;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Checks;

/// <summary>One way of running the model.</summary>
/// <param name="Device">As <c>--device</c> takes it.</param>
/// <param name="Threads">Workers on the host, 1 elsewhere.</param>
/// <param name="BatchSamples">Samples that are scored at a time.</param>
/// <param name="Mode">How much became one section.</param>
/// <param name="Run">Which repetition.</param>
/// <param name="Sockets">RDUs that share a training batch.</param>
/// <param name="TileSamples">Samples of a tile on the host, or 0 to choose.</param>
/// <param name="Injection">A bit that is flipped on purpose.</param>
public sealed record CheckVariant(
    string Device, int Threads, int BatchSamples, CompileMode Mode, int Run, int Sockets = 1, int TileSamples = 0, Injection? Injection = null)
{
    /// <summary>Parts of a training batch that an RDU computes one after the other.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>What the RDUs share.</summary>
    public ParallelKind Parallel { get; init; }

    public override string ToString() =>
        $"{Device} with {Threads} threads, {Sockets} RDUs{(Sockets == 1 ? string.Empty : $" ({Parallel.ToString().ToLowerInvariant()} parallel)")}, {Accumulate} parts each, {Mode.ToString().ToLowerInvariant()}, "
        + $"{(TileSamples == 0 ? "automatic tiles" : $"tiles of {TileSamples}")}, batch {BatchSamples}, run {Run}{(Injection is null ? string.Empty : ", injected")}";
}

/// <summary>What a variant came to.</summary>
public sealed record CheckResult(CheckVariant Variant, string WeightsDigest, string OutputsDigest);

/// <summary>The first place in time where two variants differ.</summary>
/// <param name="Step">Training step, counted from 0; the number of steps for a difference in the scores.</param>
/// <param name="Section">The section that wrote the value.</param>
/// <param name="Stage">The stage that wrote it.</param>
/// <param name="Tile">Tile of the value's rows, 0 if it is not tiled.</param>
/// <param name="Tensor">Name of the value.</param>
/// <param name="Element">Element of it, row-major.</param>
/// <param name="Bits">Both bit patterns.</param>
/// <param name="Ulps">Floats between the two.</param>
public sealed record FirstDifference(
    long Step, string Section, string Stage, int Tile, string Tensor, long Element, IReadOnlyList<string> Bits, long Ulps)
{
    /// <summary>The stage by itself, with what it read in the first run and what it wrote in both.</summary>
    [JsonIgnore]
    public StageReplay? Replay { get; init; }
}

/// <summary>
/// Trains a model for some steps, then predicts a fixed set of samples in batches of the variant's size, on poisoned scratch; all
/// variants must come to the same bits.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="open">Opens its data; each variant reads its own.</param>
/// <param name="choices">Samples of a training step, if not what suits the data.</param>
/// <param name="seed">Of the first values.</param>
/// <param name="steps">Training steps.</param>
/// <param name="predictedSamples">Samples that are predicted after training.</param>
public sealed class ModelCheck(IModel model, Func<IModelData> open, CourseChoices choices, int seed, int steps, int predictedSamples)
{
    /// <summary>For tests: called before each step, to break one variant on purpose.</summary>
    public Action<ModelSession, CheckVariant, int>? Disturb { get; init; }

    internal IModel Model => model;

    internal CourseChoices Choices => choices;

    internal int Seed => seed;

    internal int Steps => steps;

    internal int PredictedSamples => predictedSamples;

    public CheckResult Run(CheckVariant variant, CancellationToken cancellation)
    {
        using var course = new CheckCourse(this, variant);
        for (int step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            course.Step(step);
        }

        string weights = course.Session.WeightDigests().All;
        return new CheckResult(variant, weights, Prediction.Digest(course.Predict(cancellation)));
    }

    /// <summary>
    /// Runs both variants side by side and compares what every stage writes, step by step, and after each step the parameters; then
    /// the predictions. Where something differs both run once more, to that step, and the value is compared element by element.
    /// </summary>
    /// <returns>Null if they do not differ this time.</returns>
    public FirstDifference? Compare(CheckVariant first, CheckVariant second, CancellationToken cancellation)
    {
        using var a = new CheckCourse(this, first, new StageRecorder());
        using var b = new CheckCourse(this, second, new StageRecorder());
        var locator = new DifferenceLocator(this, first, second, cancellation);
        IReadOnlyList<StagePair> pairs = StagePair.Of(a, b);
        for (int step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            a.Step(step);
            b.Step(step);
            foreach (StagePair pair in pairs)
            {
                if (a.Recorder!.Stages[pair.Left].Digest != b.Recorder!.Stages[pair.Right].Digest)
                {
                    return locator.InStage(step, pair);
                }
            }

            if (DifferingParameter(a.Session, b.Session) is { } parameter)
            {
                return locator.InParameter(step, parameter);
            }
        }

        return ComparePredictions(a, b, pairs, locator, cancellation);
    }

    /// <summary>Batch by batch what the stages write, where both predict the same batches; then the predictions themselves.</summary>
    private static FirstDifference? ComparePredictions(
        CheckCourse a, CheckCourse b, IReadOnlyList<StagePair> pairs, DifferenceLocator locator, CancellationToken cancellation)
    {
        var leftDigests = new List<long[]>();
        var rightDigests = new List<long[]>();
        Prediction[] left = a.Predict(cancellation, digests: leftDigests);
        Prediction[] right = b.Predict(cancellation, digests: rightDigests);
        for (int batch = 0; locator.HasEqualBatches && batch < leftDigests.Count; batch++)
        {
            if (pairs.Any(pair => leftDigests[batch][pair.Left] != rightDigests[batch][pair.Right]))
            {
                return locator.InBatch(batch);
            }
        }

        for (int i = 0; i < left.Length; i++)
        {
            if (BitsOf.FirstUnequal(left[i].Elements, right[i].Elements) is { } element)
            {
                return locator.InPrediction(left[i], right[i], element);
            }
        }

        return null;
    }

    internal IModelData Open() => open();

    /// <summary>Floats between two, counted along the number line; NaN is as far as can be.</summary>
    public static long UlpsBetween(float a, float b)
    {
        static long Ordered(float x)
        {
            int bits = BitConverter.SingleToInt32Bits(x);
            return bits < 0 ? -(long)(bits & int.MaxValue) : bits;
        }

        return float.IsNaN(a) || float.IsNaN(b) ? long.MaxValue : Math.Abs(Ordered(a) - Ordered(b));
    }

    private static string? DifferingParameter(ModelSession a, ModelSession b)
    {
        foreach ((ValueId left, ValueId right) in a.Parameters.Zip(b.Parameters))
        {
            if (BitsOf.FirstUnequal(a.ReadParameter(left), b.ReadParameter(right)) is not null)
            {
                return a.Graph[left].Name;
            }
        }

        return null;
    }
}
