using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Lowering;

/// <summary>
/// The legal form of sections, as a check. They hold the stages, each once, in an order that <see cref="StageSpec"/> allows. In
/// a section no pipeline writes what another one reads or writes, because they run side by side. A pipeline has stages over the
/// same items, all of samples or all whole; its tiles are not empty; what one of its stages takes from another of them it takes
/// row by row, because the other rows belong to other tiles. A batch or a table may be empty, so items may be none.
/// </summary>
public static class SectionSpec
{
    /// <param name="stages">What was cut into sections.</param>
    /// <param name="places">Which values lie in others.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU0401, naming the first rule that is broken and where: a fault of the compiler.</exception>
    public static void Check(Graph graph, IReadOnlyList<Stage> stages, IReadOnlyList<SectionPlan> sections, PlaceMap places)
    {
        Stage[] inOrder = [.. sections.SelectMany(section => section.Pipelines).SelectMany(pipeline => pipeline.Stages)];
        var counts = new Dictionary<Stage, int>(ReferenceEqualityComparer.Instance);
        foreach (Stage stage in inOrder)
        {
            counts[stage] = counts.GetValueOrDefault(stage) + 1;
        }

        foreach (Stage stage in stages)
        {
            int count = counts.GetValueOrDefault(stage);
            StageSpec.Require(count == 1, "the sections", $"the stage {stage.Name} once", $"{count} times");
        }

        StageSpec.Require(inOrder.Length == stages.Count, "the sections", $"{stages.Count} stages", $"{inOrder.Length}");
        StageSpec.Check(graph, inOrder, places);
        foreach (SectionPlan section in sections)
        {
            CheckPipelinesApart(graph, section, places);
            foreach (PipelinePlan pipeline in section.Pipelines)
            {
                CheckPipeline(graph, section.Name, pipeline, places);
            }
        }
    }

    private static void CheckPipelinesApart(Graph graph, SectionPlan section, PlaceMap places)
    {
        var writes = new Dictionary<ValueId, List<(int Begin, int End, int Pipeline, Stage By)>>();
        for (int i = 0; i < section.Pipelines.Count; i++)
        {
            foreach (Stage stage in section.Pipelines[i].Stages)
            {
                foreach (ValueId output in stage.Outputs)
                {
                    (ValueId root, int begin, int end) = WrittenColumns.ColumnsOf(graph, places, output, stage);
                    if (!writes.TryGetValue(root, out var known))
                    {
                        writes.Add(root, known = []);
                    }

                    known.Add((begin, end, i, stage));
                }
            }
        }

        // That two of them write the same columns is refused for the whole step already.
        for (int i = 0; i < section.Pipelines.Count; i++)
        {
            foreach (Stage stage in section.Pipelines[i].Stages)
            {
                foreach (ValueId input in stage.Inputs)
                {
                    (ValueId root, int begin, int end) = WrittenColumns.ColumnsOf(graph, places, input);
                    foreach ((int otherBegin, int otherEnd, int other, Stage by) in writes.GetValueOrDefault(root, []))
                    {
                        StageSpec.Require(
                            other == i || begin >= otherEnd || otherBegin >= end,
                            $"{section.Name}, {stage.Name}", $"{graph[input].Name} left alone by other pipelines", $"{by.Name} writes it");
                    }
                }
            }
        }
    }

    private static void CheckPipeline(Graph graph, string section, PipelinePlan pipeline, PlaceMap places)
    {
        StageSpec.Require(pipeline.Stages.Count > 0, section, "pipelines with stages", "none");
        string where = $"{section}, {pipeline.Stages[0].Name}";
        StageSpec.Require(pipeline.Items >= 0, where, "items of at least 0", $"{pipeline.Items}");
        StageSpec.Require(pipeline.TileItems > 0, where, "tiles of at least 1", $"{pipeline.TileItems}");
        var written = new HashSet<ValueId>();
        foreach (Stage stage in pipeline.Stages)
        {
            StageSpec.Require(stage.IsWhole == pipeline.Stages[0].IsWhole, where, "stages of samples or whole ones", stage.Name);
            int items = stage.CountItems(graph);
            StageSpec.Require(items == pipeline.Items, $"{where}, {stage.Name}", $"{pipeline.Items} items", $"{items}");
            foreach (ValueId input in stage.Inputs.Where(input => written.Contains(places.Resolve(input).Root)))
            {
                StageSpec.Require(stage.ReadsItemByItem(input), $"{where}, {stage.Name}", $"{graph[input].Name} read row by row", "another tile's rows");
            }

            written.UnionWith(stage.Outputs.Select(output => places.Resolve(output).Root));
        }

        // A zeroed gradient and what is added to it are one tile: any row may take any contribution.
        StageSpec.Require(
            !pipeline.Stages[0].NeedsOneTile || pipeline.TileItems >= pipeline.Items, where, "one tile", $"tiles of {pipeline.TileItems}");
    }
}
