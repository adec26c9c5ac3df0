using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Receipts;
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
    /// <summary>What the RDUs share.</summary>
    public ParallelKind Parallel { get; init; }
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
    long Step, string Section, string Stage, int Tile, string Tensor, long Element, IReadOnlyList<string> Bits, long Ulps);

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

    public CheckResult Run(CheckVariant variant, CancellationToken cancellation)
    {
        using var course = new Course(this, variant);
        for (int step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            course.Step(step);
        }

        string weights = course.Session.WeightDigests().All;
        Prediction[] predictions = course.Predict(cancellation);
        return new CheckResult(variant, weights, Prediction.Digest(predictions));
    }

    /// <summary>
    /// Runs both variants side by side and compares what every stage writes, step by step, and after each step the parameters; then
    /// the predictions. Where a stage differs both run once more, to that step, and its value is compared element by element.
    /// </summary>
    /// <returns>Null if they do not differ this time.</returns>
    public FirstDifference? Compare(CheckVariant first, CheckVariant second, CancellationToken cancellation)
    {
        using var a = new Course(this, first, new StageRecorder());
        using var b = new Course(this, second, new StageRecorder());

        // RDUs that share a graph have graphs of their own, with other values: there parameters are compared.
        (int Left, int Right)[] pairs = first.Parallel == second.Parallel ? Pairs(a.Recorder!.Stages, b.Recorder!.Stages) : [];
        for (int step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            a.Step(step);
            b.Step(step);
            foreach ((int left, int right) in pairs)
            {
                if (a.Recorder!.Stages[left].Digest != b.Recorder!.Stages[right].Digest)
                {
                    return Locate(first, second, step, left, right, cancellation);
                }
            }

            if (DifferingParameter(a, b, step) is { } difference)
            {
                return difference;
            }
        }

        Prediction[] leftOutputs = a.Predict(cancellation);
        Prediction[] rightOutputs = b.Predict(cancellation);
        for (int i = 0; i < leftOutputs.Length; i++)
        {
            if (Differing(leftOutputs[i].Elements, rightOutputs[i].Elements) is { } element)
            {
                int tile = element / leftOutputs[i].Width / second.BatchSamples;
                return Describe(steps, "inference", leftOutputs[i].Name, tile, leftOutputs[i].Name, element, leftOutputs[i].Elements, rightOutputs[i].Elements);
            }
        }

        return null;
    }

    /// <summary>The first element of a stage's value that differs, by running both once more.</summary>
    private FirstDifference? Locate(CheckVariant first, CheckVariant second, int step, int leftStage, int rightStage, CancellationToken cancellation)
    {
        using var a = new Course(this, first, new StageRecorder());
        using var b = new Course(this, second, new StageRecorder());
        StageRecorder.RecordedStage left = a.Recorder!.Stages[leftStage];
        StageRecorder.RecordedStage right = b.Recorder!.Stages[rightStage];
        left.Keep();
        right.Keep();
        for (int i = 0; i <= step; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            a.Step(i);
            b.Step(i);
        }

        float[] leftElements = [.. left.Kept.Select(BitConverter.Int32BitsToSingle)];
        float[] rightElements = [.. right.Kept.Select(BitConverter.Int32BitsToSingle)];
        if (Differing(leftElements, rightElements) is not { } element)
        {
            return null;
        }

        ProbePoint point = right.Point;
        return Describe(step, point.Section, point.Stage, element / Math.Max(1, point.AllColumns) / point.TileRows, point.Value.Name, element, leftElements, rightElements);
    }

    /// <summary>Stages of two variants that write the same value: all, one by one, unless they were compiled in other modes or parts.</summary>
    private static (int Left, int Right)[] Pairs(IReadOnlyList<StageRecorder.RecordedStage> left, IReadOnlyList<StageRecorder.RecordedStage> right)
    {
        static string KeyOf(ProbePoint point) => $"{point.Value.Id} {point.Value.Name} {point.Rows} {point.FirstColumn} {point.Columns}";
        if (left.Select(stage => KeyOf(stage.Point)).SequenceEqual(right.Select(stage => KeyOf(stage.Point))))
        {
            return [.. Enumerable.Range(0, left.Count).Select(i => (i, i))];
        }

        // A value of the training graph may have a namesake in the graph for predictions: only what is unique is compared.
        Dictionary<string, int> unique = right.Select((stage, i) => (Key: KeyOf(stage.Point), i)).GroupBy(pair => pair.Key).Where(group => group.Count() == 1).ToDictionary(group => group.Key, group => group.First().i);
        HashSet<string> twice = [.. left.GroupBy(stage => KeyOf(stage.Point)).Where(group => group.Count() > 1).Select(group => group.Key)];
        return
        [
            .. left.Select((stage, i) => (Key: KeyOf(stage.Point), i)).Where(pair => unique.ContainsKey(pair.Key) && !twice.Contains(pair.Key))
                .Select(pair => (pair.i, unique[pair.Key])),
        ];
    }

    private static FirstDifference? DifferingParameter(Course a, Course b, int step)
    {
        foreach (ValueId parameter in a.Session.Parameters)
        {
            float[] left = a.Session.ReadParameter(parameter);
            float[] right = b.Session.ReadParameter(b.Session.Parameters[a.Session.Parameters.IndexOf(parameter)]);
            if (Differing(left, right) is { } element)
            {
                (string section, string stage, int tileRows) = a.Session.WriterOf(parameter);
                TensorType type = a.Session.Graph[parameter].Type;
                int row = type.Rank < 2 ? 0 : (int)(element / (type.CountElements / type.Shape[0]));
                return Describe(step, section, stage, row / tileRows, a.Session.Graph[parameter].Name, element, left, right);
            }
        }

        return null;
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

    /// <summary>All elements of one prediction, of all samples.</summary>
    private sealed record Prediction(string Name, IReadOnlyList<int> SampleShape, float[] Elements)
    {
        public int Width => SampleShape.Aggregate(1, (product, extent) => product * extent);

        public static string Digest(Prediction[] predictions)
        {
            using var digest = new Digest();
            foreach (Prediction prediction in predictions)
            {
                int samples = prediction.Elements.Length / prediction.Width;
                digest.Begin(prediction.Name, prediction.Width == 1 ? [samples] : [samples, .. prediction.SampleShape]);
                digest.Append(prediction.Elements);
            }

            return digest.ToString();
        }
    }

    /// <summary>One variant on its way.</summary>
    private sealed class Course : IDisposable
    {
        private readonly ModelCheck _check;
        private readonly CheckVariant _variant;
        private readonly IModelData _data;
        private readonly Batch _batch;
        private readonly Batch _piece;
        private readonly float _rate;

        public Course(ModelCheck check, CheckVariant variant, StageRecorder? recorder = null)
        {
            _check = check;
            _variant = variant;
            _data = check.Open();
            TrainingCourse course = _data.Suited(check.Choices);
            _rate = course.Rate;
            _batch = _data.Training.CreateBatch(course.BatchSamples);
            _piece = _data.Training.CreateBatch(course.BatchSamples);
            Recorder = recorder ?? (variant.Injection is null ? null : new StageRecorder());
            var target = new ExecutionTarget(variant.Device, variant.Threads, variant.Mode, variant.TileSamples) { Probe = Recorder is null ? null : Recorder.Add };
            Session = new ModelSession(
                check.Model, target, new SessionPurpose(TrainingSamples: course.BatchSamples, InferenceSamples: variant.BatchSamples), new BatchSplit(variant.Sockets, Kind: variant.Parallel));
            if (variant.Injection is { } injection)
            {
                Recorder!.Inject(injection);
            }

            // The first run has NaN in its scratch and the usual order of tiles; the others what must not matter either.
            if (variant.Run == 0)
            {
                Session.PoisonScratch(0xFF);
            }
            else
            {
                Session.PoisonScratchRandomly(variant.Run);
                Session.ScrambleTiles(variant.Run);
            }

            Session.Initialize(check.Seed, _data.FirstValues);
        }

        public ModelSession Session { get; }

        public StageRecorder? Recorder { get; }

        public void Step(int step)
        {
            Recorder?.Begin(step);
            _check.Disturb?.Invoke(Session, _variant, step);
            Fill(_data.Training, _batch, _piece);
            Session.Step(_batch, new StepMoment(step, _rate));
        }

        public Prediction[] Predict(CancellationToken cancellation)
        {
            using IModelData data = _check.Open();
            IBatchSource source = data.Test ?? data.Training;
            source.Rewind(0);
            int samples = _check.PredictedSamples;
            Batch all = source.CreateBatch(samples);
            Fill(source, all, source.CreateBatch(samples));
            Batch batch = source.CreateBatch(_variant.BatchSamples);
            float[][] buffers = Session.PredictionBuffers();
            Prediction[] result =
            [
                .. Session.PredictionTypes.Select((type, i) =>
                {
                    int[] shape = [.. type.Shape.Skip(1)];
                    return new Prediction(i == 0 ? "scores" : $"scores.{i}", shape, new float[samples * shape.Aggregate(1, (product, extent) => product * extent)]);
                }),
            ];
            for (int first = 0; first < samples; first += _variant.BatchSamples)
            {
                cancellation.ThrowIfCancellationRequested();
                batch.CopyFrom(all, first);
                batch.ClearTail();
                Session.Predict(batch, buffers);
                for (int i = 0; i < result.Length; i++)
                {
                    buffers[i].AsSpan(0, batch.CountSamples * result[i].Width).CopyTo(result[i].Elements.AsSpan(first * result[i].Width));
                }
            }

            return result;
        }

        public void Dispose()
        {
            Session.Dispose();
            _data.Dispose();
        }

        /// <summary>A whole batch; a source that ends begins again, so that few samples do for many steps.</summary>
        private static void Fill(IBatchSource source, Batch batch, Batch piece)
        {
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

    private IModel Model => model;

    private CourseChoices Choices => choices;

    private int Seed => seed;

    private int PredictedSamples => predictedSamples;

    private IModelData Open() => open();
}
