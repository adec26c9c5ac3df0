using RduEmu.Compiler.Placement.Machine;
using RduEmu.Compiler.Placement.Sections;

namespace RduEmu.Compiler.Placement.Places;

/// <summary>
/// Places of a section's units by annealing in integers: two units of a kind change places, or one moves to a free site; what makes the
/// cost worse by less than the round's threshold is kept (Dueck and Scheuer, "Threshold accepting", J. Comp. Physics 90, 1990). The cost
/// is the half perimeter of every vector net times its vectors in an iteration. The same seed gives the same places everywhere.
/// </summary>
internal sealed class Annealer
{
    private const int Rounds = 24;
    private const int MovesPerUnit = 4;

    /// <summary>Vectors of one net that count: the widest nets are not to drown all others.</summary>
    private const long MaximumWeight = 1 << 20;

    private readonly Site[] _sites;
    private readonly bool[] _isFixed;
    private readonly UnitKind[] _kinds;
    private readonly int[] _occupants;
    private readonly int _columns;
    private readonly int _rows;
    private readonly int[] _pins;
    private readonly int[] _pinStarts;
    private readonly long[] _weights;
    private readonly int[] _netsOf;
    private readonly int[] _netStarts;
    private readonly int[] _visited;
    private int _visit;

    private Annealer(Netlist netlist, RduResources chip)
    {
        _rows = chip.TileRows * chip.GridRows;
        _columns = chip.TileColumns * chip.GridColumns;
        _sites = FirstPlaces(netlist, chip);
        _isFixed = [.. netlist.Units.Select(unit => unit.Kind == UnitKind.Agcu)];
        _kinds = [.. netlist.Units.Select(unit => unit.Kind)];
        _occupants = new int[_rows * _columns];
        Array.Fill(_occupants, -1);
        for (int i = 0; i < _sites.Length; i++)
        {
            if (!_isFixed[i])
            {
                _occupants[IndexOf(_sites[i])] = i;
            }
        }

        Net[] nets = [.. netlist.Nets.Where(net => net.Network == Network.Vector && net.BytesPerIteration > 0)];
        _weights = [.. nets.Select(net => Math.Clamp(PlannerModel.CeilDiv(net.BytesPerIteration, net.IsOnce ? 64L * chip.VectorLinkBytesPerCycle : chip.VectorLinkBytesPerCycle), 1, MaximumWeight))];
        _pinStarts = new int[nets.Length + 1];
        for (int i = 0; i < nets.Length; i++)
        {
            _pinStarts[i + 1] = _pinStarts[i] + 1 + nets[i].Sinks.Length;
        }

        _pins = [.. nets.SelectMany(net => net.Sinks.Prepend(net.Source))];
        _netStarts = new int[_sites.Length + 1];
        foreach (int pin in _pins)
        {
            _netStarts[pin + 1]++;
        }

        for (int i = 0; i < _sites.Length; i++)
        {
            _netStarts[i + 1] += _netStarts[i];
        }

        _netsOf = new int[_pins.Length];
        int[] filled = [.. _netStarts];
        for (int net = 0; net < nets.Length; net++)
        {
            for (int pin = _pinStarts[net]; pin < _pinStarts[net + 1]; pin++)
            {
                _netsOf[filled[_pins[pin]]++] = net;
            }
        }

        _visited = new int[nets.Length];
    }

    /// <returns>A site for each unit, and the cost before and after.</returns>
    public static (Site[] Sites, long InitialCost, long Cost) Run(Netlist netlist, RduResources chip, int seed, CancellationToken cancellation)
    {
        var annealer = new Annealer(netlist, chip);
        long initial = annealer.Cost();
        Site[] first = [.. annealer._sites];
        long cost = annealer.Improve(initial, seed, cancellation);
        return cost <= initial ? (annealer._sites, initial, cost) : (first, initial, initial);
    }

    /// <summary>The AGCUs of the chip: in each tile half of them on the west edge, half on the east edge, evenly over its rows.</summary>
    public static Site PortSite(RduResources chip, int port)
    {
        int tile = port / chip.AgcusPerTile % chip.Tiles;
        int local = port % chip.AgcusPerTile;
        int perSide = (chip.AgcusPerTile + 1) / 2;
        int row = (2 * (local / 2) + 1) * chip.GridRows / (2 * perSide);
        int column = (local & 1) == 0 ? 0 : chip.GridColumns - 1;
        return new Site(tile / chip.TileColumns * chip.GridRows + row, tile % chip.TileColumns * chip.GridColumns + column);
    }

    private int IndexOf(Site site) => site.Row * _columns + site.Column;

    /// <summary>Along the pipeline: units in the order of their stages over the columns of the grid, up one and down the next.</summary>
    private Site[] FirstPlaces(Netlist netlist, RduResources chip)
    {
        var free = new Dictionary<UnitKind, List<Site>> { [UnitKind.Pcu] = [], [UnitKind.Pmu] = [] };
        for (int column = 0; column < _columns; column++)
        {
            for (int i = 0; i < _rows; i++)
            {
                var site = new Site((column & 1) == 0 ? i : _rows - 1 - i, column);
                free[RduResources.IsPcu(site) ? UnitKind.Pcu : UnitKind.Pmu].Add(site);
            }
        }

        var places = new Site[netlist.Units.Count];
        foreach (UnitKind kind in free.Keys)
        {
            int[] ordered = [.. Enumerable.Range(0, places.Length).Where(i => netlist.Units[i].Kind == kind).OrderBy(i => netlist.Units[i].Order)];
            for (int i = 0; i < ordered.Length; i++)
            {
                places[ordered[i]] = free[kind][(int)((long)i * free[kind].Count / ordered.Length)];
            }
        }

        int port = 0;
        for (int i = 0; i < places.Length; i++)
        {
            if (netlist.Units[i].Kind == UnitKind.Agcu)
            {
                places[i] = PortSite(chip, port++ % (chip.Tiles * chip.AgcusPerTile));
            }
        }

        return places;
    }

    private long Improve(long cost, int seed, CancellationToken cancellation)
    {
        int[] movable = [.. Enumerable.Range(0, _sites.Length).Where(i => !_isFixed[i])];
        if (movable.Length < 2 || _weights.Length == 0)
        {
            return cost;
        }

        var draws = new PlacementDraws(seed);
        long threshold = Math.Max(1, cost / _weights.Length / 2);
        for (int round = 0; round < Rounds; round++)
        {
            cancellation.ThrowIfCancellationRequested();

            // The window closes as the threshold falls: far moves are seldom good in an almost finished placement.
            int radius = Math.Max(2, Math.Max(_rows, _columns) * (Rounds - round) / (2 * Rounds));
            for (int move = 0; move < movable.Length * MovesPerUnit; move++)
            {
                int unit = movable[draws.Below(movable.Length)];
                int row = _sites[unit].Row + draws.Below(2 * radius + 1) - radius;
                int column = _sites[unit].Column + draws.Below(2 * radius + 1) - radius;

                // The next column has the other kind.
                column += ((row + column) & 1) == ((_sites[unit].Row + _sites[unit].Column) & 1) ? 0 : 1;
                if (row >= 0 && row < _rows && column >= 0 && column < _columns)
                {
                    cost += Try(unit, new Site(row, column), threshold);
                }
            }

            threshold = round == Rounds - 4 ? 0 : threshold * 3 / 4;
        }

        return cost;
    }

    /// <summary>Moves a unit if that is good enough; what stands there changes places with it.</summary>
    private long Try(int unit, Site to, long threshold)
    {
        Site from = _sites[unit];
        int other = _occupants[IndexOf(to)];
        if (other == unit || other >= 0 && _kinds[other] != _kinds[unit])
        {
            return 0;
        }

        _visit++;
        long before = CostOf(unit) + (other >= 0 ? CostOf(other) : 0);
        Move(unit, other, from, to);
        _visit++;
        long delta = CostOf(unit) + (other >= 0 ? CostOf(other) : 0) - before;
        if (delta < threshold || delta <= 0)
        {
            return delta;
        }

        Move(unit, other, to, from);
        return 0;
    }

    private void Move(int unit, int other, Site from, Site to)
    {
        _sites[unit] = to;
        _occupants[IndexOf(to)] = unit;
        _occupants[IndexOf(from)] = other;
        if (other >= 0)
        {
            _sites[other] = from;
        }
    }

    private long Cost()
    {
        long cost = 0;
        for (int net = 0; net < _weights.Length; net++)
        {
            cost += CostOfNet(net);
        }

        return cost;
    }

    /// <summary>Cost of the unit's nets, each once in a visit.</summary>
    private long CostOf(int unit)
    {
        long cost = 0;
        for (int i = _netStarts[unit]; i < _netStarts[unit + 1]; i++)
        {
            int net = _netsOf[i];
            if (_visited[net] != _visit)
            {
                _visited[net] = _visit;
                cost += CostOfNet(net);
            }
        }

        return cost;
    }

    private long CostOfNet(int net)
    {
        Site first = _sites[_pins[_pinStarts[net]]];
        (int top, int bottom, int left, int right) = (first.Row, first.Row, first.Column, first.Column);
        for (int pin = _pinStarts[net] + 1; pin < _pinStarts[net + 1]; pin++)
        {
            Site site = _sites[_pins[pin]];
            top = Math.Min(top, site.Row);
            bottom = Math.Max(bottom, site.Row);
            left = Math.Min(left, site.Column);
            right = Math.Max(right, site.Column);
        }

        return _weights[net] * (bottom - top + right - left);
    }
}
