using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Placement.Places;

/// <summary>The sides of a switch, in the order of link numbers.</summary>
internal enum Direction
{
    East,
    West,
    South,
    North,
}

/// <summary>
/// Nets to routes: along the source's row first, then along the columns of the sinks (dimension order, which cannot deadlock on a mesh:
/// Dally and Seitz, "Deadlock-free message routing", IEEE ToC 36, 1987). The ways to several sinks share what they have in common: a
/// multicast tree.
/// </summary>
internal static class Router
{
    public static (Route[] Routes, LinkLoad[] Loads) Run(Netlist netlist, IReadOnlyList<Site> sites, int rows, int columns)
    {
        int links = rows * columns * 4;
        var bytes = new long[3][];
        var counts = new int[3][];
        for (int network = 0; network < bytes.Length; network++)
        {
            bytes[network] = new long[links];
            counts[network] = new int[links];
        }

        var routes = new Route[netlist.Nets.Count];
        var used = new SortedSet<int>();
        for (int i = 0; i < routes.Length; i++)
        {
            Net net = netlist.Nets[i];
            used.Clear();
            int hops = 0;
            foreach (int sink in net.Sinks)
            {
                hops = Math.Max(hops, sites[net.Source].DistanceTo(sites[sink]));
                AddWay(used, sites[net.Source], sites[sink], columns);
            }

            foreach (int link in used)
            {
                bytes[(int)net.Network][link] += net.IsOnce ? 0 : net.BytesPerIteration;
                counts[(int)net.Network][link]++;
            }

            routes[i] = new Route(
                i, net.Network, net.Source, EquatableArray.Create<int>(net.Sinks), EquatableArray.Create<int>([.. used]), hops, net.BytesPerIteration, net.IsOnce);
        }

        var loads = new List<LinkLoad>();
        for (int network = 0; network < bytes.Length; network++)
        {
            for (int link = 0; link < links; link++)
            {
                if (counts[network][link] > 0)
                {
                    loads.Add(new LinkLoad((Network)network, link, bytes[network][link], counts[network][link]));
                }
            }
        }

        return (routes, [.. loads]);
    }

    /// <summary>Number of the link that leaves a switch to one side.</summary>
    public static int Link(Site from, Direction direction, int columns) => (from.Row * columns + from.Column) * 4 + (int)direction;

    private static void AddWay(SortedSet<int> used, Site from, Site to, int columns)
    {
        Site at = from;
        while (at.Column != to.Column)
        {
            bool east = at.Column < to.Column;
            used.Add(Link(at, east ? Direction.East : Direction.West, columns));
            at = at with { Column = at.Column + (east ? 1 : -1) };
        }

        while (at.Row != to.Row)
        {
            bool south = at.Row < to.Row;
            used.Add(Link(at, south ? Direction.South : Direction.North, columns));
            at = at with { Row = at.Row + (south ? 1 : -1) };
        }
    }
}
