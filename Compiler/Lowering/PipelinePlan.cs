using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Lowering;

/// <summary>Stages that one worker runs one after the other on a tile.</summary>
/// <param name="Stages">In order.</param>
/// <param name="Items">Samples, or rows of a parameter.</param>
/// <param name="TileItems">Items of one tile.</param>
public sealed record PipelinePlan(IReadOnlyList<Stage> Stages, int Items, int TileItems);

/// <summary>Pipelines that do not read each other's results.</summary>
public sealed record SectionPlan(string Name, IReadOnlyList<PipelinePlan> Pipelines);

/// <summary>
/// Stages to sections. A section ends where a stage needs what another one sums over all samples, or writes a parameter that
/// another still reads; everything else goes on in the same section.
/// </summary>
internal static class Sectioning
{
    /// <summary>Rows of a parameter in one tile of its update: a multiple of the register tile's 6 and 12.</summary>
    private const int ParameterTileRows = 60;

    /// <summary>Samples of a tile at most: 96 rows of the widest layers are some 200 KB, in L2 together with a panel.</summary>
    private const int MaximumTileSamples = 96;

    public static IReadOnlyList<SectionPlan> Run(Graph graph, IReadOnlyList<Stage> stages, PlaceMap places, CompileOptions options)
    {
        int[] levels = options.Mode == CompileMode.O3 ? Levels(graph, stages, places) : [.. Enumerable.Range(0, stages.Count)];
        var sections = new List<SectionPlan>();
        foreach (int level in levels.Distinct().Order())
        {
            Stage[] members = [.. stages.Where((_, i) => levels[i] == level)];
            var pipelines = new List<PipelinePlan>();
            Stage[] samples = [.. members.Where(stage => !stage.IsWhole)];
            if (samples.Length > 0)
            {
                int items = graph[samples[0].Output].Type.Shape[0];
                pipelines.Add(new PipelinePlan(samples, items, TileSamples(items, options)));
            }

            pipelines.AddRange(WholePipelines(graph, [.. members.Where(stage => stage.IsWhole)], options));
            string name = options.Mode == CompileMode.O3 ? (samples.Length > 0 ? $"samples_{level}" : $"parameters_{level}") : members[0].Name;
            sections.Add(new SectionPlan(name, pipelines));
        }

        return sections;
    }

    /// <summary>A whole value as a matrix: rows are what an update's tiles cut.</summary>
    public static (int Rows, int Columns) MatrixOf(TensorType type) => type.Rank switch
    {
        0 => (1, 1),
        1 => (1, type.Shape[0]),
        _ => (type.Shape[0], checked((int)(type.CountElements / Math.Max(1, type.Shape[0])))),
    };

    private static int[] Levels(Graph graph, IReadOnlyList<Stage> stages, PlaceMap places)
    {
        var levels = new int[stages.Count];
        var writers = new Dictionary<ValueId, List<int>>();
        var readers = new Dictionary<ValueId, List<int>>();
        for (int i = 0; i < stages.Count; i++)
        {
            Stage stage = stages[i];
            foreach (ValueId input in stage.Inputs)
            {
                ValueId root = places.Resolve(input).Root;
                foreach (int writer in writers.GetValueOrDefault(root, []))
                {
                    bool together = !stage.IsWhole && !stages[writer].IsWhole || stage is Stage.ParameterStep && stages[writer].IsWhole;
                    levels[i] = Math.Max(levels[i], levels[writer] + (together ? 0 : 1));
                }

                if (!readers.TryGetValue(root, out List<int>? known))
                {
                    readers.Add(root, known = []);
                }

                known.Add(i);
            }

            ValueId output = places.Resolve(stage.Output).Root;
            if (graph[output].Role == ValueRole.Parameter)
            {
                foreach (int reader in readers.GetValueOrDefault(output, []))
                {
                    if (reader != i)
                    {
                        levels[i] = Math.Max(levels[i], levels[reader] + 1);
                    }
                }
            }

            if (!writers.TryGetValue(output, out List<int>? list))
            {
                writers.Add(output, list = []);
            }

            list.Add(i);
        }

        // A gradient and the step that takes it belong together: the later of the two levels.
        for (int i = 0; i < stages.Count; i++)
        {
            if (stages[i] is Stage.ParameterStep step && GradientOf(step, stages) is { } gradient)
            {
                levels[gradient] = levels[i] = Math.Max(levels[gradient], levels[i]);
            }
        }

        return levels;
    }

    /// <summary>The stage that computes the step's gradient, if that is a sum over samples.</summary>
    private static int? GradientOf(Stage.ParameterStep step, IReadOnlyList<Stage> stages)
    {
        for (int i = 0; i < stages.Count; i++)
        {
            if (stages[i] is Stage.SampleContract or Stage.SampleSum && step.Program.Inputs.Contains(stages[i].Output))
            {
                return i;
            }
        }

        return null;
    }

    private static IEnumerable<PipelinePlan> WholePipelines(Graph graph, IReadOnlyList<Stage> stages, CompileOptions options)
    {
        var chains = new List<List<Stage>>();
        foreach (Stage stage in stages)
        {
            List<Stage>? chain = stage is Stage.ParameterStep step
                ? chains.Find(candidate => candidate[0] is Stage.SampleContract or Stage.SampleSum && step.Program.Inputs.Contains(candidate[0].Output))
                : null;
            if (chain is null)
            {
                chains.Add(chain = []);
            }

            chain.Add(stage);
        }

        foreach (List<Stage> chain in chains)
        {
            int rows = chain[0] is Stage.ScatterUpdate or Stage.SampleSum ? 1 : MatrixOf(graph[chain[0].Output].Type).Rows;
            yield return new PipelinePlan(chain, rows, ParameterTile(rows, options));
        }
    }

    private static int TileSamples(int samples, CompileOptions options)
    {
        if (options.TileSamples > 0)
        {
            return options.TileSamples;
        }

        int perWorker = (samples + options.Workers - 1) / options.Workers;
        if (options.Workers > 1 && samples < 12 * options.Workers)
        {
            // Too few for a tile each: the workers share one and split its columns.
            return Math.Max(1, samples);
        }

        return Math.Max(1, Math.Min(MaximumTileSamples, RoundUp(perWorker, 12)));
    }

    private static int ParameterTile(int rows, CompileOptions options)
    {
        if (rows <= ParameterTileRows)
        {
            return Math.Max(1, options.Workers > 1 && rows >= 24 ? RoundUp((rows + options.Workers - 1) / options.Workers, 12) : rows);
        }

        return ParameterTileRows;
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;
}
