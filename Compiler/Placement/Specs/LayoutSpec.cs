using RduEmu.Compiler.Placement.Machine;
using RduEmu.Compiler.Placement.Places;

namespace RduEmu.Compiler.Placement.Specs;

/// <summary>
/// The legal form of a layout: units of a section, all of them, each on a site of its kind that no other holds; PMUs hold what their
/// owner keeps; a route is a tree from its source to its sinks; every stream and transfer has routes of data, tokens and credits; loads
/// of links are what the routes add up to.
/// </summary>
public static class LayoutSpec
{
    /// <exception cref="Kernels.Errors.RduException">RDU0612, naming the first rule that is broken and where.</exception>
    public static void Check(RduResources chip, MachineSection section, SectionLayout layout)
    {
        CheckCapacities(chip, section);
        CheckUnits(chip, section, layout);
        CheckRoutes(section, layout);
        CheckConnections(section, layout);
        CheckLoads(section, layout);
    }

    private static void CheckCapacities(RduResources chip, MachineSection section)
    {
        Require(section, section.Pcus <= chip.Tiles * chip.PcusPerTile, $"at most {chip.Tiles * chip.PcusPerTile} PCUs", $"{section.Pcus}");
        Require(section, section.Pmus <= chip.Tiles * chip.PmusPerTile, $"at most {chip.Tiles * chip.PmusPerTile} PMUs", $"{section.Pmus}");
        foreach (StagePlan stage in section.Stages)
        {
            Holds(stage.Name, stage.WeightBytes, stage.WeightPmus);
            Holds(stage.Name, stage.AccumulatorBytes, stage.AccumulatorPmus);
        }

        foreach (StreamPlan stream in section.Streams)
        {
            Holds($"stream {stream.Index}", stream.BufferBytes, stream.Pmus);
        }

        foreach (DramTransfer transfer in section.DramTransfers.Where(transfer => transfer.Timing == DramTiming.PerIteration))
        {
            Holds($"transfer {transfer.Index}", transfer.Bytes * transfer.DepthIterations, transfer.BufferPmus);
        }

        void Holds(string what, long bytes, int pmus) => PlacedSpec.Require(
            bytes <= pmus * chip.PmuBytes, $"{section.Name}, {what}", $"at most {pmus * chip.PmuBytes} bytes in {pmus} PMUs", $"{bytes}");
    }

    private static void CheckUnits(RduResources chip, MachineSection section, SectionLayout layout)
    {
        Require(section, layout.GridRows == chip.TileRows * chip.GridRows && layout.GridColumns == chip.TileColumns * chip.GridColumns, "the grid of the chip", $"{layout.GridRows} x {layout.GridColumns}");
        var taken = new Dictionary<Site, int>();
        var counts = new Dictionary<(UnitRole, int), int>();
        var ports = new HashSet<Site>(Enumerable.Range(0, chip.Tiles * chip.AgcusPerTile).Select(port => Annealer.PortSite(chip, port)));
        for (int i = 0; i < layout.Units.Count; i++)
        {
            PlacedUnit unit = layout.Units[i];
            string where = $"{section.Name}, unit {i}";
            PlacedSpec.Require(unit.Index == i, where, $"index {i}", $"{unit.Index}");
            bool isInside = unit.Site.Row >= 0 && unit.Site.Row < layout.GridRows && unit.Site.Column >= 0 && unit.Site.Column < layout.GridColumns;
            PlacedSpec.Require(isInside, where, $"a site of {layout.GridRows} x {layout.GridColumns}", $"{unit.Site}");
            PlacedSpec.Require(unit.Kind == KindOf(unit.Role), where, $"{KindOf(unit.Role)}", $"{unit.Kind}");
            counts[(unit.Role, unit.Owner)] = counts.GetValueOrDefault((unit.Role, unit.Owner)) + 1;
            if (unit.Kind == UnitKind.Agcu)
            {
                PlacedSpec.Require(ports.Contains(unit.Site), where, "a site with an AGCU", $"{unit.Site}");
                continue;
            }

            PlacedSpec.Require(RduResources.IsPcu(unit.Site) == (unit.Kind == UnitKind.Pcu), where, $"a site with a {unit.Kind}", $"{unit.Site}");
            PlacedSpec.Require(taken.TryAdd(unit.Site, i), where, "a site of its own", $"{unit.Site}, which unit {taken.GetValueOrDefault(unit.Site)} has");
        }

        foreach (StagePlan stage in section.Stages)
        {
            Count(UnitRole.Compute, stage.Index, stage.Pcus);
            Count(UnitRole.Weights, stage.Index, stage.WeightPmus);
            Count(UnitRole.Accumulator, stage.Index, stage.AccumulatorPmus);
        }

        foreach (StreamPlan stream in section.Streams)
        {
            Count(UnitRole.StreamBuffer, stream.Index, stream.Pmus);
        }

        foreach (DramTransfer transfer in section.DramTransfers)
        {
            Count(UnitRole.DramBuffer, transfer.Index, transfer.BufferPmus);
            Require(section, counts.GetValueOrDefault((UnitRole.Port, transfer.Index)) > 0, $"a port for transfer {transfer.Index}", "none");
        }

        void Count(UnitRole role, int owner, int expected) => Require(
            section, counts.GetValueOrDefault((role, owner)) == expected, $"{expected} units {role} of {owner}", $"{counts.GetValueOrDefault((role, owner))}");
    }

    private static UnitKind KindOf(UnitRole role) => role switch
    {
        UnitRole.Compute => UnitKind.Pcu,
        UnitRole.Port => UnitKind.Agcu,
        _ => UnitKind.Pmu,
    };

    private static void CheckRoutes(MachineSection section, SectionLayout layout)
    {
        int switches = layout.GridRows * layout.GridColumns;
        foreach (Route route in layout.Routes)
        {
            string where = $"{section.Name}, route {route.Index}";
            PlacedSpec.Require(route.Sinks.Count > 0, where, "a sink", "none");
            int source = SwitchOf(layout, route.Source);
            var entered = new HashSet<int> { source };

            // Links are in ascending order, not in that of the way: walk until nothing more is reached.
            var open = new List<int>(route.Links);
            for (int before = -1; open.Count > 0 && open.Count != before;)
            {
                before = open.Count;
                open.RemoveAll(link =>
                {
                    int to = EndOf(link, layout.GridColumns);
                    if (link < 0 || link >= switches * 4 || !entered.Contains(link / 4))
                    {
                        return false;
                    }

                    PlacedSpec.Require(to >= 0 && to < switches && entered.Add(to), where, "a tree inside the grid", $"link {link} to a switch that it has or does not exist");
                    return true;
                });
            }

            PlacedSpec.Require(open.Count == 0, where, "links that begin where others end", $"link {open.FirstOrDefault()} by itself");
            int hops = 0;
            foreach (int sink in route.Sinks)
            {
                PlacedSpec.Require(entered.Contains(SwitchOf(layout, sink)), where, $"a way to unit {sink}", "none");
                hops = Math.Max(hops, layout.Units[route.Source].Site.DistanceTo(layout.Units[sink].Site));
            }

            PlacedSpec.Require(route.Hops == hops, where, $"{hops} hops", $"{route.Hops}");
        }
    }

    private static int SwitchOf(SectionLayout layout, int unit) => layout.Units[unit].Site.Row * layout.GridColumns + layout.Units[unit].Site.Column;

    /// <summary>The switch at the end of a link; -1 beyond the west or east edge.</summary>
    private static int EndOf(int link, int columns)
    {
        int at = link / 4;
        return (Direction)(link & 3) switch
        {
            Direction.East => at % columns == columns - 1 ? -1 : at + 1,
            Direction.West => at % columns == 0 ? -1 : at - 1,
            Direction.South => at + columns,
            _ => at - columns,
        };
    }

    /// <summary>Data reach every buffer and every stage; where a token goes, a credit comes back.</summary>
    private static void CheckConnections(MachineSection section, SectionLayout layout)
    {
        var receives = new HashSet<int>();
        var sends = new HashSet<int>();
        var tokens = new Dictionary<(int, int), int>();
        foreach (Route route in layout.Routes)
        {
            if (route.Network == Network.Vector)
            {
                sends.Add(route.Source);
                receives.UnionWith(route.Sinks);
            }
            else if (route.Network == Network.Control)
            {
                foreach (int sink in route.Sinks)
                {
                    tokens[(route.Source, sink)] = tokens.GetValueOrDefault((route.Source, sink)) + 1;
                }
            }
        }

        foreach (PlacedUnit unit in layout.Units)
        {
            bool isBuffer = unit.Role is UnitRole.StreamBuffer or UnitRole.DramBuffer;
            PlacedSpec.Require(!isBuffer || receives.Contains(unit.Index), $"{section.Name}, unit {unit.Index}", "a route to the buffer", "none");
            PlacedSpec.Require(!isBuffer || sends.Contains(unit.Index), $"{section.Name}, unit {unit.Index}", "a route from the buffer", "none");
            PlacedSpec.Require(
                unit.Role != UnitRole.Compute || receives.Contains(unit.Index) || sends.Contains(unit.Index), $"{section.Name}, unit {unit.Index}", "a route to or from the PCU", "none");
        }

        foreach (((int from, int to), int count) in tokens)
        {
            PlacedSpec.Require(
                tokens.GetValueOrDefault((to, from)) == count, $"{section.Name}, units {from} and {to}", $"{count} ways back for credits", $"{tokens.GetValueOrDefault((to, from))}");
        }

        Require(section, tokens.Count >= Math.Min(1, section.Streams.Count), "tokens for the streams", "none");
    }

    private static void CheckLoads(MachineSection section, SectionLayout layout)
    {
        var sums = new Dictionary<(Network, int), (long Bytes, int Routes)>();
        foreach (Route route in layout.Routes)
        {
            foreach (int link in route.Links)
            {
                (long bytes, int routes) = sums.GetValueOrDefault((route.Network, link));
                sums[(route.Network, link)] = (bytes + (route.IsOnce ? 0 : route.BytesPerIteration), routes + 1);
            }
        }

        Require(section, sums.Count == layout.LinkLoads.Count, $"loads of {sums.Count} links", $"{layout.LinkLoads.Count}");
        foreach (LinkLoad load in layout.LinkLoads)
        {
            (long bytes, int routes) = sums.GetValueOrDefault((load.Network, load.Link));
            Require(section, load.BytesPerIteration == bytes && load.Routes == routes, $"{bytes} bytes of {routes} routes on {load.Network} link {load.Link}", $"{load.BytesPerIteration} of {load.Routes}");
        }
    }

    private static void Require(MachineSection section, bool holds, string expected, string got) => PlacedSpec.Require(holds, section.Name, expected, got);
}
