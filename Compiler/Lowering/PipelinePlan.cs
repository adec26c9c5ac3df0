using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering.Stages;

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
    /// <summary>Rows of a parameter in one tile of its update: a multiple of the register tiles of 4 and 12; each tile reads all samples.</summary>
    private const int ParameterTileRows = 132;

    /// <summary>
    /// Samples of a tile at most: rows of the widest layers are some 130 KB, in L2 together with a panel. A contraction is at 98%
    /// of the peak with 64, 96 and 128; smaller tiles balance better.
    /// </summary>
    private const int MaximumTileSamples = 64;

    /// <summary>The widest value of a tile at most, so that it and what is made of it share L2; a sample that is larger is a tile by itself.</summary>
    private const long MaximumTileBytes = 256 * 1024;

    /// <summary>Tiles are multiples of this many samples: from 4 on a register tile of one panel has sums enough to hide the latency of an FMA.</summary>
    private const int TileGranule = 4;

    public static IReadOnlyList<SectionPlan> Run(Graph graph, IReadOnlyList<Stage> stages, PlaceMap places, CompileOptions options)
    {
        int[] alone = [.. Enumerable.Range(0, stages.Count)];
        (int[] levels, int[] chains) = options.Mode == CompileMode.O3 ? StageLevels.Run(graph, stages, places) : (alone, alone);
        var sections = new List<SectionPlan>();
        ILookup<int, int> ofLevel = alone.ToLookup(i => levels[i]);
        ILookup<int, int> ofChain = alone.ToLookup(i => chains[i]);
        foreach (IGrouping<int, int> level in ofLevel.OrderBy(group => group.Key))
        {
            Stage[] members = [.. level.Select(i => stages[i])];
            var pipelines = new List<PipelinePlan>();

            // Parts of a batch may differ in samples: each number of them is a pipeline.
            Stage[][] samples = [.. members.Where(stage => !stage.IsWhole).GroupBy(stage => stage.CountItems(graph)).Select(group => group.ToArray())];
            foreach (Stage[] alike in samples)
            {
                int items = alike[0].CountItems(graph);
                pipelines.Add(new PipelinePlan(alike, items, TileSamples(graph, alike, items, options)));
            }

            var exchanges = new List<PipelinePlan>();
            foreach (int chain in level.Where(i => stages[i].IsWhole).Select(i => chains[i]).Distinct())
            {
                Stage[] whole = [.. ofChain[chain].Select(i => stages[i])];
                int rows = whole[0].CountItems(graph);
                (whole[0] is ExchangeStage ? exchanges : pipelines).Add(new PipelinePlan(whole, rows, whole[0].NeedsOneTile ? Math.Max(1, rows) : ParameterTile(rows, whole[0].RowGranule, options)));
            }

            if (exchanges.Count > 0)
            {
                // Exchanges are made before pipelines run: they are a section of their own.
                sections.Add(new SectionPlan($"exchange_{level.Key}", exchanges));
            }

            if (pipelines.Count == 0)
            {
                continue;
            }

            string name = options.Mode == CompileMode.O3 ? (samples.Length > 0 ? $"samples_{level.Key}" : $"parameters_{level.Key}") : members[0].Name;
            sections.Add(new SectionPlan(name, pipelines));
        }

        return sections;
    }

    /// <summary>A value as a matrix: a row for each sample; of a whole value its first axis, by whose rows an update's tiles cut it.</summary>
    public static (int Rows, int Columns) MatrixOf(TensorType type) => type.Rank switch
    {
        0 => (1, 1),
        1 => type.HasSamples ? (type.Shape[0], 1) : (1, type.Shape[0]),
        _ => (type.Shape[0], CountOf(type, 1, type.Rank)),
    };

    /// <summary>Rows of a value for each item: the axes between the first and the last of a value with samples; 1 of a whole value.</summary>
    public static int RowsPerItem(TensorType type) => type.HasSamples && type.Rank > 2 ? Math.Max(1, CountOf(type, 1, type.Rank - 1)) : 1;

    /// <summary>Columns of a row: the last axis of a value with samples; of a whole value all axes but the first.</summary>
    public static int ColumnsPerRow(TensorType type) => type.HasSamples && type.Rank > 2 ? type.Shape[type.Rank - 1] : MatrixOf(type).Columns;

    /// <summary>Rows of a value over all its items.</summary>
    public static int CountRows(TensorType type) => checked(MatrixOf(type).Rows * RowsPerItem(type));

    private static int CountOf(TensorType type, int firstAxis, int endAxis)
    {
        int count = 1;
        for (int axis = firstAxis; axis < endAxis; axis++)
        {
            count = checked(count * type.Shape[axis]);
        }

        return count;
    }

    private static int TileSamples(Graph graph, Stage[] stages, int samples, CompileOptions options)
    {
        if (options.TileSamples > 0)
        {
            return options.TileSamples;
        }

        TensorType[] types = [.. stages.Select(stage => graph[stage.Output].Type)];
        int rowsPerSample = types.Max(RowsPerItem);
        bool isUneven = rowsPerSample > 1 && samples < 4 * options.Workers && samples % options.Workers != 0;
        if (options.Workers > 1 && (isUneven || (long)samples * rowsPerSample < 12 * options.Workers))
        {
            // Too few for a tile each: the workers share one and split its columns.
            return Math.Max(1, samples);
        }

        // As many tiles for each worker, of one size: 2048 samples on two workers are 16 tiles of 64 for each.
        long widestBytes = Math.Max(1, types.Max(type => MatrixOf(type).Columns)) * (long)sizeof(float);
        int most = (int)Math.Clamp(MaximumTileBytes / widestBytes, 1, MaximumTileSamples);
        int tilesEach = (samples + options.Workers * most - 1) / (options.Workers * most);
        int tiles = Math.Max(1, options.Workers * tilesEach);
        return Math.Max(1, RoundUp((samples + tiles - 1) / tiles, rowsPerSample == 1 ? TileGranule : 1));
    }

    private static int ParameterTile(int rows, int granule, CompileOptions options)
    {
        int most = ParameterTileRows / granule * granule;
        if (rows <= most)
        {
            return Math.Max(1, options.Workers > 1 && rows >= 2 * granule ? RoundUp((rows + options.Workers - 1) / options.Workers, granule) : rows);
        }

        return most;
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;
}
