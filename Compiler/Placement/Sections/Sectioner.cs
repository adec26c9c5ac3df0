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
        IReadOnlyList<StageGroup> groups = options.Mode == CompileMode.O0
            ? StageGrouping.Alone(graph)
            : StageGrouping.Fuse(graph, chip.PipelineStages, (_, _) => true);
        var planner = new SectionPlanner(graph, [.. groups.Select(group => new GroupFacts(graph, group))], chip, options);
        SectionPlanner whole = WithParts(graph, planner, chip, options, cancellation);
        List<MachineSection> sections = options.Mode == CompileMode.O0 ? SectionCuts.Each(whole, cancellation) : SectionCuts.Best(whole, cancellation);
        for (int i = 0; i < sections.Count; i++)
        {
            sections[i] = sections[i] with { Index = i };
        }

        return sections;
    }

    /// <summary>Groups that do not fit by themselves are cut into parts: a weight or a weight gradient larger than the scratchpads.</summary>
    private static SectionPlanner WithParts(
        MachineGraph graph, SectionPlanner planner, RduResources chip, PlacementOptions options, CancellationToken cancellation)
    {
        var groups = new List<StageGroup>();
        bool isCut = false;
        for (int i = 0; i < planner.Groups.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            StageGroup group = planner.Groups[i].Group;
            if (planner.Plan(i, i + 1, out string reason) is not null)
            {
                groups.Add(group);
                continue;
            }

            groups.AddRange(Parts(graph, group, reason, chip, options));
            isCut = true;
        }

        return isCut ? new SectionPlanner(graph, [.. groups.Select(group => new GroupFacts(graph, group))], chip, options) : planner;
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
