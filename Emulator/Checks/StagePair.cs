using RduEmu.Compiler.Lowering;

namespace RduEmu.Emulator.Checks;

/// <summary>Stages of two variants that write the same value, by their positions in both records.</summary>
internal readonly record struct StagePair(int Left, int Right)
{
    /// <summary>
    /// Those of two courses. Where they cut a training batch differently their steps have other graphs, whose values may have one name
    /// and not be the same: then only stages of the predictions are paired, if their graphs are whole.
    /// </summary>
    public static IReadOnlyList<StagePair> Of(CheckCourse a, CheckCourse b)
    {
        IReadOnlyList<StagePair> pairs = Of(a.Recorder!.Stages, b.Recorder!.Stages);
        return a.HasCutOf(b) ? pairs : !a.PredictsWhole || !b.PredictsWhole ? [] :
        [
            .. pairs.Where(pair => a.PredictionOf(a.Recorder.Stages[pair.Left]) >= 0 && b.PredictionOf(b.Recorder.Stages[pair.Right]) >= 0),
        ];
    }

    /// <summary>All, one by one, unless they were compiled in other modes or parts.</summary>
    private static IReadOnlyList<StagePair> Of(IReadOnlyList<StageRecorder.RecordedStage> left, IReadOnlyList<StageRecorder.RecordedStage> right)
    {
        static string KeyOf(StageRecorder.RecordedStage stage)
        {
            ProbePoint point = stage.Point;
            return $"{point.Value.Id} {point.Value.Name} {point.Rows} {point.FirstColumn} {point.Columns}";
        }

        if (left.Select(KeyOf).SequenceEqual(right.Select(KeyOf)))
        {
            return [.. Enumerable.Range(0, left.Count).Select(i => new StagePair(i, i))];
        }

        // A value of the training graph may have a namesake in the graph for predictions: only what is unique is compared.
        Dictionary<string, int> unique = right.Select((stage, i) => (Key: KeyOf(stage), i)).GroupBy(pair => pair.Key).Where(group => group.Count() == 1)
            .ToDictionary(group => group.Key, group => group.First().i);
        HashSet<string> twice = [.. left.GroupBy(KeyOf).Where(group => group.Count() > 1).Select(group => group.Key)];
        return
        [
            .. left.Select((stage, i) => (Key: KeyOf(stage), i)).Where(pair => unique.ContainsKey(pair.Key) && !twice.Contains(pair.Key))
                .Select(pair => new StagePair(pair.i, unique[pair.Key])),
        ];
    }
}
