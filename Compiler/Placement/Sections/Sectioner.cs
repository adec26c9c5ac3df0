using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Placement.Sections;

/// <summary>Work --> sections, by mode: o0 each operator, o1 what rules fuse, o3 the whole graph.</summary>
internal static class Sectioner
{
    /// <summary>An operator is cut into this many parts at most.</summary>
    private const int MaximumParts = 256;

    /// <exception cref="RduException">RDU0611: an operator does not fit, not even in parts.</exception>
    public static IReadOnlyList<MachineSection> Run(MachineGraph graph, RduResources chip, PlacementOptions options, CancellationToken cancellation)
    {
        List<(StageGroup Group, int Section)> groups = options.Mode switch
        {
            CompileMode.O0 => [.. StageGrouping.Alone(graph, chip.PipelineStages).Select((group, i) => (group, i))],
            CompileMode.O1 => RuleSections.Run(graph, chip, options, cancellation),
            _ => [.. StageGrouping.Fuse(graph, chip.PipelineStages, (_, _) => true).Select(group => (group, 0))],
        };
        groups = WithParts(graph, groups, chip, options, cancellation);
        var planner = new SectionPlanner(graph, [.. groups.Select(entry => new GroupFacts(graph, entry.Group))], chip, options);
        List<MachineSection> sections = options.Mode == CompileMode.O3
            ? SectionCuts.Best(planner, cancellation)
            : SectionCuts.Given(planner, [.. groups.Select(entry => entry.Section)], cancellation);
        for (int i = 0; i < sections.Count; i++)
        {
            sections[i] = sections[i] with { Index = i };
        }

        return sections;
    }

    /// <summary>Groups that do not fit by themselves are cut into parts: a weight or a weight gradient larger than the scratchpads.</summary>
    private static List<(StageGroup Group, int Section)> WithParts(
        MachineGraph graph, List<(StageGroup Group, int Section)> groups, RduResources chip, PlacementOptions options, CancellationToken cancellation)
    {
        var planner = new SectionPlanner(graph, [.. groups.Select(entry => new GroupFacts(graph, entry.Group))], chip, options);
        var result = new List<(StageGroup, int)>();
        for (int i = 0; i < groups.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (planner.Plan(i, i + 1, out string reason) is not null)
            {
                result.Add(groups[i]);
                continue;
            }

            result.AddRange(Parts(graph, groups[i].Group, reason, chip, options).Select(part => (part, groups[i].Section)));
        }

        return result;
    }

    private static StageGroup[] Parts(MachineGraph graph, StageGroup group, string reason, RduResources chip, PlacementOptions options)
    {
        bool isProduct = graph.Operators[group.Operators[0]].Work.Template == TemplateKind.Systolic;
        for (int parts = 2; isProduct && parts <= MaximumParts; parts *= 2)
        {
            StageGroup[] cut = [.. Enumerable.Range(0, parts).Select(part => group with { Part = part, Parts = parts })];
            if (new SectionPlanner(graph, [new GroupFacts(graph, cut[0])], chip, options).Plan(0, 1, out reason) is not null)
            {
                return cut;
            }
        }

        throw new RduException(
            ErrorCatalogue.DoesNotFit, $"{graph.Operators[group.Operators[0]].Name} on {chip.Name}", "an operator that fits the chip", reason,
            "use a larger part, more tiles, or a smaller batch");
    }
}
