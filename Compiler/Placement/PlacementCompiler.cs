using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Compiler.Placement.Places;
using RduEmu.Compiler.Placement.Sections;
using RduEmu.Compiler.Placement.Specs;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Placement;

/// <summary>
/// Graph --> work of a machine --> sections --> places --> routes. Sections that are alike but for their names (the layers of a
/// transformer) are placed once.
/// </summary>
public static class PlacementCompiler
{
    /// <param name="graph">What to place.</param>
    /// <param name="resources">The chip.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told after each section: how many are placed, and of how many.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU0401: the graph is not legal. RDU0611: it does not fit.</exception>
    public static PlacedProgram Compile(
        Graph graph, RduResources resources, PlacementOptions options, Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        GraphSpec.Check(graph);
        return Compile(MachineLowering.Run(graph, options.ElementBytes), resources, options, progress, cancellation);
    }

    /// <summary>Places work that was written down as such: what a published run asked of a machine.</summary>
    /// <exception cref="Kernels.Errors.RduException">RDU0611: it does not fit.</exception>
    public static PlacedProgram Compile(
        MachineGraph work, RduResources resources, PlacementOptions options, Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        RduResources chip = options.Tiles > 0 ? resources.WithTiles(options.Tiles) : resources;
        RequireMemory(work, chip);
        IReadOnlyList<MachineSection> sections = Sectioner.Run(work, chip, options, cancellation);
        var layouts = new List<SectionLayout>();
        var known = new Dictionary<MachineSection, int>();
        var placed = new PlacedSection[sections.Count];
        for (int i = 0; i < placed.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            MachineSection shape = ShapeOf(sections[i]);
            if (!known.TryGetValue(shape, out int layout))
            {
                known.Add(shape, layout = layouts.Count);
                layouts.Add(Layout(layout, sections[i], chip, options.Seed, cancellation));
            }

            placed[i] = new PlacedSection(sections[i], layout);
            progress?.Invoke(i + 1, placed.Length);
        }

        var program = new PlacedProgram(
            chip, options, work, EquatableArray.Create<PlacedSection>(placed), EquatableArray.Create<SectionLayout>([.. layouts]));
        PlacedSpec.Check(program);
        return program;
    }

    /// <summary>Parameters and inputs must lie in the memory outside; what sections leave there comes and goes.</summary>
    private static void RequireMemory(MachineGraph work, RduResources chip)
    {
        long bytes = work.Tensors.Where(tensor => tensor.Role != ValueRole.Computed).Sum(tensor => tensor.Bytes);
        if (bytes > chip.DramBytes)
        {
            throw new RduException(
                ErrorCatalogue.DoesNotFit, $"parameters and inputs on {chip.Name}", $"at most {chip.DramBytes} bytes outside the chip", $"{bytes}",
                "use a part with more memory, or divide the model");
        }
    }

    /// <summary>The section without all that its layout does not depend on.</summary>
    internal static MachineSection ShapeOf(MachineSection section) => section with
    {
        Index = 0,
        Name = string.Empty,
        Operators = [],
        Stages = EquatableArray.Create<StagePlan>([.. section.Stages.Select(stage => stage with { Name = string.Empty, Operators = [], Part = 0 })]),
        Streams = EquatableArray.Create<StreamPlan>([.. section.Streams.Select(stream => stream with { Tensor = 0 })]),
        DramTransfers = EquatableArray.Create<DramTransfer>([.. section.DramTransfers.Select(transfer => transfer with { Tensor = 0 })]),
    };

    private static SectionLayout Layout(int index, MachineSection section, RduResources chip, int seed, CancellationToken cancellation)
    {
        Netlist netlist = Netlist.Of(section, chip);
        (Site[] sites, long initial, long cost) = Annealer.Run(netlist, chip, seed, cancellation);
        int rows = chip.TileRows * chip.GridRows;
        int columns = chip.TileColumns * chip.GridColumns;
        (Route[] routes, LinkLoad[] loads) = Router.Run(netlist, sites, rows, columns);
        var units = new PlacedUnit[sites.Length];
        for (int i = 0; i < units.Length; i++)
        {
            Unit unit = netlist.Units[i];
            units[i] = new PlacedUnit(i, unit.Kind, unit.Role, unit.Owner, unit.Ordinal, sites[i]);
        }

        return new SectionLayout(
            index, rows, columns, EquatableArray.Create<PlacedUnit>(units), EquatableArray.Create<Route>(routes), EquatableArray.Create<LinkLoad>(loads), initial, cost);
    }
}
