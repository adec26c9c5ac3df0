using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Executables;

/// <summary>A layout in the pack of its program: units with their sites, routes, loads of links.</summary>
internal static class LayoutPack
{
    private const int Kinds = (int)UnitKind.Agcu + 1;
    private const int Roles = (int)UnitRole.Port + 1;
    private const int Networks = (int)Network.Control + 1;

    public static void Write(PackWriter pack, SectionLayout layout)
    {
        pack.Write(layout.Index);
        pack.Write(layout.GridRows);
        pack.Write(layout.GridColumns);
        pack.Write(layout.InitialCost);
        pack.Write(layout.Cost);
        pack.Write(layout.Units.Count);
        foreach (PlacedUnit unit in layout.Units)
        {
            pack.Write(unit.Index);
            pack.Write((int)unit.Kind);
            pack.Write((int)unit.Role);
            pack.Write(unit.Owner);
            pack.Write(unit.Ordinal);
            pack.Write(unit.Site.Row);
            pack.Write(unit.Site.Column);
        }

        pack.Write(layout.Routes.Count);
        foreach (Route route in layout.Routes)
        {
            pack.Write(route.Index);
            pack.Write((int)route.Network);
            pack.Write(route.Source);
            pack.WriteAscending(route.Sinks.AsSpan());
            pack.WriteAscending(route.Links.AsSpan());
            pack.Write(route.Hops);
            pack.Write(route.BytesPerIteration);
            pack.Write(route.IsOnce);
        }

        pack.Write(layout.LinkLoads.Count);
        foreach (LinkLoad load in layout.LinkLoads)
        {
            pack.Write((int)load.Network);
            pack.Write(load.Link);
            pack.Write(load.BytesPerIteration);
            pack.Write(load.Routes);
        }
    }

    public static SectionLayout Read(ref PackReader pack)
    {
        int index = pack.ReadInt();
        int rows = pack.ReadInt();
        int columns = pack.ReadInt();
        long initialCost = pack.ReadLong();
        long cost = pack.ReadLong();
        var units = new PlacedUnit[pack.ReadCount()];
        for (int i = 0; i < units.Length; i++)
        {
            units[i] = new PlacedUnit(
                pack.ReadInt(), (UnitKind)pack.ReadBelow(Kinds), (UnitRole)pack.ReadBelow(Roles), pack.ReadInt(), pack.ReadInt(),
                new Site(pack.ReadInt(), pack.ReadInt()));
        }

        var routes = new Route[pack.ReadCount()];
        for (int i = 0; i < routes.Length; i++)
        {
            routes[i] = new Route(
                pack.ReadInt(), (Network)pack.ReadBelow(Networks), pack.ReadInt(), pack.ReadAscending(), pack.ReadAscending(), pack.ReadInt(), pack.ReadLong(),
                pack.ReadBool());
        }

        var loads = new LinkLoad[pack.ReadCount()];
        for (int i = 0; i < loads.Length; i++)
        {
            loads[i] = new LinkLoad((Network)pack.ReadBelow(Networks), pack.ReadInt(), pack.ReadLong(), pack.ReadInt());
        }

        return new SectionLayout(
            index, rows, columns, new EquatableArray<PlacedUnit>(units), new EquatableArray<Route>(routes), new EquatableArray<LinkLoad>(loads), initialCost, cost);
    }
}
