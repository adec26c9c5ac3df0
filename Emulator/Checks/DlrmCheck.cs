using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Optimizers;
using RduEmu.Emulator.Dlrm;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Receipts;
using RduEmu.Models.Data;
using RduEmu.Models.Dlrm;

namespace RduEmu.Emulator.Checks;

/// <summary>One way of running the model.</summary>
/// <param name="Device">As <c>--device</c> takes it.</param>
/// <param name="Threads">Workers on the host, 1 elsewhere.</param>
/// <param name="BatchSamples">Samples that are scored at a time.</param>
/// <param name="Mode">How much became one section.</param>
/// <param name="Run">Which repetition.</param>
public sealed record CheckVariant(string Device, int Threads, int BatchSamples, CompileMode Mode, int Run);

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
    long Step, string Section, string Stage, int Tile, string Tensor, long Element, IReadOnlyList<string> Bits, long Ulps);

/// <summary>
/// Trains a DLRM for some steps, then scores a fixed set of samples in batches of the variant's size, on poisoned scratch; all
/// variants must come to the same bits.
/// </summary>
public sealed class DlrmCheck(DlrmConfiguration configuration, Func<DlrmConfiguration, ClickData> open, int seed, int steps, int scoredSamples)
{
    private static readonly byte[] PoisonPatterns = [0xFF, 0x00, 0x7F, 0x55];

    /// <summary>What a training step does with the gradients.</summary>
    public OptimizerKind Optimizer { get; init; }

    /// <summary>For tests: called before each step, to break one variant on purpose.</summary>
    public Action<DlrmSession, CheckVariant, int>? Disturb { get; init; }

    public CheckResult Run(CheckVariant variant, CancellationToken cancellation)
    {
        using var course = new Course(this, variant);
        for (int step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            course.Step(step);
        }

        string weights = course.Session.WeightDigests().All;
        using var digest = new Digest();
        digest.Begin("scores", scoredSamples);
        digest.Append(course.Score(cancellation));
        return new CheckResult(variant, weights, digest.ToString());
    }

    /// <summary>Runs both variants side by side and compares all parameters after each step, then the scores.</summary>
    /// <returns>Null if they do not differ this time.</returns>
    public FirstDifference? Compare(CheckVariant first, CheckVariant second, CancellationToken cancellation)
    {
        using var a = new Course(this, first);
        using var b = new Course(this, second);
        for (int step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            a.Step(step);
            b.Step(step);
            foreach (ValueId parameter in a.Session.Parameters)
            {
                float[] left = a.Session.ReadParameter(parameter);
                float[] right = b.Session.ReadParameter(parameter);
                if (Differing(left, right) is { } element)
                {
                    (string section, string stage, int tileRows) = a.Session.WriterOf(parameter);
                    TensorType type = a.Session.Program.Graph[parameter].Type;
                    int row = type.Rank < 2 ? 0 : (int)(element / type.Shape[1]);
                    return Describe(step, section, stage, row / tileRows, a.Session.Program.Graph[parameter].Name, element, left, right);
                }
            }
        }

        float[] leftScores = a.Score(cancellation);
        float[] rightScores = b.Score(cancellation);
        return Differing(leftScores, rightScores) is { } sample
            ? Describe(steps, "inference", "prediction", sample / second.BatchSamples, "prediction", sample, leftScores, rightScores)
            : null;
    }

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

    private static FirstDifference Describe(long step, string section, string stage, int tile, string tensor, long element, float[] a, float[] b) => new(
        step, section, stage, tile, tensor, element,
        [$"0x{BitConverter.SingleToInt32Bits(a[element]):X8}", $"0x{BitConverter.SingleToInt32Bits(b[element]):X8}"],
        UlpsBetween(a[element], b[element]));

    private static int? Differing(float[] a, float[] b)
    {
        for (int i = 0; i < a.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(a[i]) != BitConverter.SingleToInt32Bits(b[i]) && !(float.IsNaN(a[i]) && float.IsNaN(b[i])))
            {
                return i;
            }
        }

        return null;
    }

    /// <summary>One variant on its way.</summary>
    private sealed class Course : IDisposable
    {
        private readonly DlrmCheck _check;
        private readonly CheckVariant _variant;
        private readonly ClickData _data;
        private readonly ClickBatch _batch;
        private readonly float _rate;

        public Course(DlrmCheck check, CheckVariant variant)
        {
            _check = check;
            _variant = variant;
            _data = check.Open();
            DlrmConfiguration configuration = check.Configuration;
            int trainingBatch = _data.Example?.BatchSamples ?? configuration.BatchSamples;
            _rate = _data.Example?.LearningRate ?? configuration.LearningRate;
            _batch = new ClickBatch(configuration.Schema, trainingBatch);
            Session = new DlrmSession(configuration, new ExecutionTarget(variant.Device, variant.Threads, variant.Mode), trainingBatch, variant.BatchSamples, check.Optimizer);
            Session.PoisonScratch(PoisonPatterns[variant.Run % PoisonPatterns.Length]);
            Session.Initialize(check.Seed, _data.Example is null ? null : _data.Example.Parameter);
        }

        public DlrmSession Session { get; }

        public void Step(int step)
        {
            _check.Disturb?.Invoke(Session, _variant, step);
            Fill(_data.Training, _batch);
            Session.Step(_batch, _rate);
        }

        public float[] Score(CancellationToken cancellation)
        {
            using ClickData data = _check.Open();
            IClickSource source = data.Test ?? data.Training;
            source.Rewind(0);
            var all = new ClickBatch(source.Schema, _check.ScoredSamples);
            Fill(source, all);
            var batch = new ClickBatch(source.Schema, _variant.BatchSamples);
            var scores = new float[_variant.BatchSamples];
            var result = new float[_check.ScoredSamples];
            for (int first = 0; first < result.Length; first += _variant.BatchSamples)
            {
                cancellation.ThrowIfCancellationRequested();
                batch.CopyFrom(all, first);
                batch.ClearTail();
                Session.Score(batch, scores);
                scores.AsSpan(0, batch.CountSamples).CopyTo(result.AsSpan(first));
            }

            return result;
        }

        public void Dispose()
        {
            Session.Dispose();
            _data.Dispose();
        }

        /// <summary>A whole batch; a source that ends begins again, so that few samples do for many steps.</summary>
        private static void Fill(IClickSource source, ClickBatch batch)
        {
            var piece = new ClickBatch(batch.Schema, batch.CapacitySamples);
            batch.CountSamples = 0;
            while (batch.CountSamples < batch.CapacitySamples)
            {
                source.Read(piece);
                if (piece.CountSamples == 0)
                {
                    source.Rewind(0);
                    source.Read(piece);
                }

                batch.Append(piece);
            }
        }
    }

    private DlrmConfiguration Configuration => configuration;

    private int Seed => seed;

    private int ScoredSamples => scoredSamples;

    private ClickData Open() => open(configuration);
}
