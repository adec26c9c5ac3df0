using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Training.Sharded;

namespace RduEmu.Emulator.Checks;

/// <summary>
/// Runs two variants once more, to where they are known to differ, and says exactly where; with what the first one's stage read, it
/// makes a replay of that stage.
/// </summary>
internal sealed class DifferenceLocator(ModelCheck check, CheckVariant first, CheckVariant second, CancellationToken cancellation)
{
    /// <summary>The section of what no section writes.</summary>
    private const string NoSection = "inference";

    /// <summary>A value of a training step that a stage writes.</summary>
    /// <returns>Null if the two agree this time.</returns>
    public FirstDifference? InStage(int step, StagePair pair)
    {
        using CheckCourse a = Open(first);
        using CheckCourse b = Open(second);
        StageRecorder.RecordedStage left = a.Recorder!.Stages[pair.Left];
        StageRecorder.RecordedStage right = b.Recorder!.Stages[pair.Right];
        left.Keep();
        right.Keep();
        var inputs = new ConeInputs(a, left.Point.Graph, left.Point.Value.Id, Both(a, b));
        Go(a, b, step, inputs);
        ProbePoint point = right.Point;
        if (BitsOf.FirstUnequal(point.Value.Type.Element, [.. left.Kept], [.. right.Kept], point.AllColumns, point.FirstColumn, point.Columns) is not { } word)
        {
            return null;
        }

        var place = new ReplayPlace(Name, step, point.Section, point.Stage, TileOf(point, word), point.Value.Name, BitsOf.Element(point.Value.Type, word, left.Kept[(int)word], right.Kept[(int)word]));
        return Describe(
            place, left.Kept[(int)word], right.Kept[(int)word],
            inputs.Replay(place, point.FirstColumn, point.Columns, TensorOf(point, left.Kept), TensorOf(point, right.Kept)));
    }

    /// <summary>A parameter that was not seen to be written: by a stage without a probe, or by parts that are not those of the other.</summary>
    public FirstDifference? InParameter(int step, string parameter)
    {
        using CheckCourse a = Open(first);
        using CheckCourse b = Open(second);
        ConeInputs? inputs = first.Parallel != ParallelKind.Data ? null : a.Session.TrainingGraphs
            .SelectMany(graph => graph.Updates.Where(update => graph[update.Parameter].Name == parameter && graph[update.Value].Role == ValueRole.Computed).Select(update => (graph, update.Value)))
            .Select(found => new ConeInputs(a, found.graph, found.Value, Both(a, b))).FirstOrDefault();
        Go(a, b, step, inputs);
        static ValueId Find(CheckCourse course, string name) => course.Session.Parameters.First(id => course.Session.Graph[id].Name == name);
        float[] Read(CheckCourse course) => course.Session.ReadParameter(Find(course, parameter));
        float[] left = Read(a);
        float[] right = Read(b);
        if (BitsOf.FirstUnequal(left, right) is not { } element)
        {
            return null;
        }

        TensorType type = a.Session.Graph[Find(a, parameter)].Type;
        (string section, string stage, int tileRows) = a.Session.WriterOf(Find(a, parameter));
        int rowElements = type.Rank < 2 ? left.Length : left.Length / type.Shape[0];
        var place = new ReplayPlace(Name, step, section, stage, element / rowElements / tileRows, parameter, element);
        return Describe(
            place, BitConverter.SingleToInt32Bits(left[element]), BitConverter.SingleToInt32Bits(right[element]),
            inputs?.Replay(place, 0, checked((int)type.WordsOf(rowElements)), HostTensor.FromFloats(type, left), HostTensor.FromFloats(type, right)));
    }

    /// <summary>True if both predict the same batches.</summary>
    public bool HasEqualBatches => first.BatchSamples == second.BatchSamples;

    /// <summary>A batch of predictions in which some stage differs.</summary>
    public FirstDifference? InBatch(int batch) => InInference(batch * first.BatchSamples, isWholeBatch: true);

    /// <summary>A prediction: the first stage of the inference that differs for this sample, in whatever batches the two predict.</summary>
    public FirstDifference? InPrediction(Prediction left, Prediction right, int element)
    {
        int sample = element / left.Width;
        var nowhere = new ReplayPlace(Name, check.Steps, NoSection, left.Name, sample / second.BatchSamples, left.Name, element);
        return InInference(sample, isWholeBatch: false)
            ?? Describe(nowhere, BitConverter.SingleToInt32Bits(left.Elements[element]), BitConverter.SingleToInt32Bits(right.Elements[element]), null);
    }

    private FirstDifference? InInference(int sample, bool isWholeBatch)
    {
        using CheckCourse a = Open(first);
        using CheckCourse b = Open(second);
        bool isComparable = a.HasCutOf(b) || a.PredictsWhole && b.PredictsWhole;
        StageRecorder.RecordedStage[] stages = [.. a.Recorder!.Stages.Where(stage => isComparable && a.PredictionOf(stage) >= 0)];
        Dictionary<string, StageRecorder.RecordedStage> others = b.Recorder!.Stages.Where(stage => b.PredictionOf(stage) >= 0)
            .GroupBy(stage => NameOf(b, stage)).ToDictionary(group => group.Key, group => group.First());
        (StageRecorder.RecordedStage Left, StageRecorder.RecordedStage Right)[] pairs =
            [.. stages.Where(stage => others.ContainsKey(NameOf(a, stage))).Select(stage => (stage, others[NameOf(a, stage)]))];
        foreach ((StageRecorder.RecordedStage mine, StageRecorder.RecordedStage theirs) in pairs)
        {
            mine.Keep();
            theirs.Keep();
        }

        Go(a, b, check.Steps - 1, inputs: null);
        a.Predict(cancellation, sample);
        b.Predict(cancellation, sample);
        foreach ((StageRecorder.RecordedStage mine, StageRecorder.RecordedStage theirs) in pairs)
        {
            ProbePoint point = mine.Point;
            int[] words = [.. mine.Kept];
            int[] changed = isWholeBatch ? [.. theirs.Kept] : WithSample(words, point, theirs, sample);
            if (BitsOf.FirstUnequal(point.Value.Type.Element, words, changed, point.AllColumns, point.FirstColumn, point.Columns) is not { } word)
            {
                continue;
            }

            HashSet<ValueId> known = Whole(pairs.Select(pair => pair.Left.Point).Where(other => ReferenceEquals(other.Graph, point.Graph) && other.Value.Id != point.Value.Id));
            var inputs = new ConeInputs(a, point.Graph, point.Value.Id, known);
            inputs.ReadParameters();
            inputs.ReadInputs();
            var place = new ReplayPlace(Name, check.Steps, point.Section, point.Stage, TileOf(point, word), point.Value.Name, BitsOf.Element(point.Value.Type, word, words[word], changed[word]));
            return Describe(
                place, words[word], changed[word],
                inputs.Replay(place, point.FirstColumn, point.Columns, TensorOf(point, words), TensorOf(point, changed)));
        }

        return null;
    }

    private string Name => $"{check.Model.Name} {check.Model.Preset}";

    private CheckCourse Open(CheckVariant variant) => new(check, variant, new StageRecorder());

    /// <summary>Both do all steps up to this one.</summary>
    private void Go(CheckCourse a, CheckCourse b, int last, ConeInputs? inputs)
    {
        for (int step = 0; step <= last; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (step == last)
            {
                inputs?.ReadParameters();
            }

            a.Step(step);
            b.Step(step);
        }

        inputs?.ReadInputs();
    }

    /// <summary>Values of the first variant's graphs that both variants write whole: where a replayed stage may begin.</summary>
    private static Func<Graph, HashSet<ValueId>> Both(CheckCourse a, CheckCourse b)
    {
        IReadOnlyList<StagePair> pairs = StagePair.Of(a, b);
        return graph => Whole(pairs.Select(pair => a.Recorder!.Stages[pair.Left].Point).Where(point => ReferenceEquals(point.Graph, graph)));
    }

    private static HashSet<ValueId> Whole(IEnumerable<ProbePoint> points) =>
        [.. points.GroupBy(point => point.Value.Id).Where(group => group.Sum(point => point.Columns) == group.First().AllColumns).Select(group => group.Key)];

    private static string NameOf(CheckCourse course, StageRecorder.RecordedStage stage)
    {
        int graph = course.PredictionOf(stage);
        ProbePoint point = stage.Point;
        return $"{graph} {point.Value.Id} {point.Value.Name} {point.FirstColumn} {point.Columns}";
    }

    /// <summary>The first one's words with the second one's of one sample, which may stand elsewhere in its batch.</summary>
    private int[] WithSample(int[] words, ProbePoint point, StageRecorder.RecordedStage theirs, int sample)
    {
        int[] changed = [.. words];
        (int at, int count) = Share(point, sample, first.BatchSamples);
        (int from, _) = Share(theirs.Point, sample, second.BatchSamples);
        theirs.Kept.Skip(from).Take(count).ToArray().CopyTo(changed, at);
        return changed;
    }

    /// <summary>The words of one sample in a batch; of a value without samples all.</summary>
    private static (int First, int Count) Share(ProbePoint point, int sample, int batchSamples)
    {
        int all = checked(point.Rows * point.AllColumns);
        if (!point.Value.Type.HasSamples)
        {
            return (0, all);
        }

        int each = all / batchSamples;
        return (sample % batchSamples * each, each);
    }

    private static HostTensor TensorOf(ProbePoint point, IReadOnlyList<int> words) => HostTensor.FromWords(point.Value.Type, [.. words]);

    private static int TileOf(ProbePoint point, long word) => (int)(word / Math.Max(1, point.AllColumns) / point.TileRows);

    private FirstDifference Describe(ReplayPlace place, int a, int b, Func<string, string, StageReplay>? replay) => new(
        place.Step, place.Section, place.Stage, place.Tile, place.Tensor, place.Element, [$"0x{a:X8}", $"0x{b:X8}"],
        ModelCheck.UlpsBetween(BitConverter.Int32BitsToSingle(a), BitConverter.Int32BitsToSingle(b)))
    {
        Replay = replay?.Invoke(first.ToString(), second.ToString()),
    };

    /// <summary>What a stage reads, gathered while its variant runs: what other stages wrote, and inputs and parameters.</summary>
    private sealed class ConeInputs
    {
        private readonly CheckCourse _course;
        private readonly Graph _whole;
        private readonly GraphCone _cone;
        private readonly Dictionary<ValueId, HostTensor> _given = [];

        public ConeInputs(CheckCourse course, Graph whole, ValueId target, Func<Graph, HashSet<ValueId>> known)
            : this(course, whole, target, known(whole))
        {
        }

        public ConeInputs(CheckCourse course, Graph whole, ValueId target, HashSet<ValueId> known)
        {
            _course = course;
            _whole = whole;
            _cone = GraphCone.Of(whole, target, known);
            foreach (StageRecorder.RecordedStage stage in Writers())
            {
                stage.KeepOnce();
            }
        }

        /// <summary>Before the step, which may change them.</summary>
        public void ReadParameters() => Read(ValueRole.Parameter);

        /// <summary>After the step: inputs are as they were, and the stages have run.</summary>
        public void ReadInputs()
        {
            Read(ValueRole.Input);
            foreach (IGrouping<ValueId, StageRecorder.RecordedStage> group in Writers().GroupBy(stage => stage.Point.Value.Id))
            {
                ProbePoint any = group.First().Point;
                var words = new int[checked(any.Rows * any.AllColumns)];
                foreach (StageRecorder.RecordedStage stage in group)
                {
                    for (int row = 0; row < any.Rows; row++)
                    {
                        for (int column = stage.Point.FirstColumn; column < stage.Point.FirstColumn + stage.Point.Columns; column++)
                        {
                            words[row * any.AllColumns + column] = stage.Kept[row * any.AllColumns + column];
                        }
                    }
                }

                _given[OwnOf(group.Key)] = HostTensor.FromWords(any.Value.Type, words);
            }
        }

        /// <summary>Null where the stage takes what another RDU sends: it computes nothing, and cannot run by itself.</summary>
        public Func<string, string, StageReplay>? Replay(ReplayPlace place, int firstWord, int countWords, HostTensor left, HostTensor right) =>
            _cone.Graph.Nodes.Any(node => node.Operator is Exchange) ? null : (first, second) => new StageReplay(place, _cone.Graph, _cone.Target, firstWord, countWords, _given, new ReplaySide(first, left), new ReplaySide(second, right));

        private IEnumerable<StageRecorder.RecordedStage> Writers() => _course.Recorder!.Stages.Where(stage =>
            ReferenceEquals(stage.Point.Graph, _whole) && _whole[stage.Point.Value.Id].Role == ValueRole.Computed && _cone.Given.Any(given => given.Whole == stage.Point.Value.Id));

        private ValueId OwnOf(ValueId whole) => _cone.Given.First(given => given.Whole == whole).Own;

        private void Read(ValueRole role)
        {
            foreach ((ValueId whole, ValueId own) in _cone.Given.Where(given => _whole[given.Whole].Role == role))
            {
                _given[own] = _course.Session.Read(_whole, whole);
            }
        }
    }
}
