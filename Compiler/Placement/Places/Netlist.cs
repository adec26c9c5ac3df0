using RduEmu.Compiler.Placement.Machine;
using RduEmu.Compiler.Placement.Sections;

namespace RduEmu.Compiler.Placement.Places;

/// <summary>A connection before it has a way: one unit to others.</summary>
internal sealed record Net(Network Network, int Source, int[] Sinks, long BytesPerIteration, bool IsOnce);

/// <summary>A unit before it has a place.</summary>
internal readonly record struct Unit(UnitKind Kind, UnitRole Role, int Owner, int Ordinal, int Order);

/// <summary>
/// A section as units and nets. Copies of a stage share the PMUs of its buffers evenly: with more copies than PMUs each PMU multicasts
/// to its copies, with fewer each copy reads several. Tokens go along every stream on the control network, credits come back; indices
/// and addresses go to the ports on the scalar network.
/// </summary>
internal sealed class Netlist
{
    /// <summary>Ports of one transfer at most.</summary>
    private const int MaximumPorts = 4;

    private readonly MachineSection _section;
    private readonly List<Unit> _units = [];
    private readonly List<Net> _nets = [];
    private readonly int[][] _compute;
    private readonly int[][] _weights;
    private readonly int[][] _accumulators;

    private Netlist(MachineSection section, RduResources chip)
    {
        _section = section;
        _compute = new int[section.Stages.Count][];
        _weights = new int[section.Stages.Count][];
        _accumulators = new int[section.Stages.Count][];
        foreach (StagePlan stage in section.Stages)
        {
            _compute[stage.Index] = Add(UnitKind.Pcu, UnitRole.Compute, stage.Index, stage.Pcus, stage.Index);
            _weights[stage.Index] = Add(UnitKind.Pmu, UnitRole.Weights, stage.Index, stage.WeightPmus, stage.Index);
            _accumulators[stage.Index] = Add(UnitKind.Pmu, UnitRole.Accumulator, stage.Index, stage.AccumulatorPmus, stage.Index);
        }

        foreach (StagePlan stage in section.Stages)
        {
            ConnectStage(stage);
        }

        foreach (StreamPlan stream in section.Streams)
        {
            int[] buffer = Add(UnitKind.Pmu, UnitRole.StreamBuffer, stream.Index, stream.Pmus, stream.Consumer);
            Spread(Network.Vector, Out(stream.Producer), buffer, stream.BytesPerIteration, isOnce: false);
            Spread(Network.Vector, buffer, In(stream.Consumer), stream.BytesPerIteration, isOnce: false);
            Tokens(Out(stream.Producer)[0], In(stream.Consumer)[0]);
        }

        foreach (DramTransfer transfer in section.DramTransfers)
        {
            ConnectTransfer(transfer, chip);
        }
    }

    public IReadOnlyList<Unit> Units => _units;

    public IReadOnlyList<Net> Nets => _nets;

    public static Netlist Of(MachineSection section, RduResources chip) => new(section, chip);

    /// <summary>A layout stage has no PCUs: its data come to, and leave, the PMUs that reorder them.</summary>
    private int[] In(int stage) => _compute[stage].Length == 0
        ? _accumulators[stage]
        : [.. _compute[stage].Where((_, i) => i % _section.Stages[stage].PcusInSeries == 0)];

    private int[] Out(int stage) => _accumulators[stage].Length > 0
        ? _accumulators[stage]
        : LastOf(stage);

    private int[] LastOf(int stage)
    {
        int series = _section.Stages[stage].PcusInSeries;
        return [.. _compute[stage].Where((_, i) => i % series == series - 1)];
    }

    private int[] Add(UnitKind kind, UnitRole role, int owner, int count, int order)
    {
        var indices = new int[count];
        for (int i = 0; i < count; i++)
        {
            indices[i] = _units.Count;
            _units.Add(new Unit(kind, role, owner, i, order));
        }

        return indices;
    }

    private void ConnectStage(StagePlan stage)
    {
        int[] compute = _compute[stage.Index];
        long perCopy = PlannerModel.CeilDiv(stage.Elements * sizeof(float), Math.Max(1, stage.ParallelCopies));
        for (int i = 0; i + 1 < compute.Length; i++)
        {
            if (i % stage.PcusInSeries != stage.PcusInSeries - 1)
            {
                _nets.Add(new Net(Network.Vector, compute[i], [compute[i + 1]], perCopy, IsOnce: false));
            }
        }

        if (compute.Length > 0)
        {
            Spread(Network.Vector, _weights[stage.Index], In(stage.Index), stage.WeightBytes, isOnce: false);
            Spread(Network.Vector, LastOf(stage.Index), _accumulators[stage.Index], stage.AccumulatorBytes, isOnce: false);
        }
    }

    private void ConnectTransfer(DramTransfer transfer, RduResources chip)
    {
        int[] buffer = Add(UnitKind.Pmu, UnitRole.DramBuffer, transfer.Index, transfer.BufferPmus, transfer.Stages[0]);
        bool isOnce = transfer.Timing != DramTiming.PerIteration;
        long pieces = PlannerModel.CeilDiv(transfer.Bytes, chip.PmuBytes);
        int[] ports = Add(UnitKind.Agcu, UnitRole.Port, transfer.Index, (int)Math.Clamp(pieces, 1, Math.Min(MaximumPorts, chip.AgcusPerTile)), transfer.Stages[0]);
        if (transfer.Direction == DramDirection.Store)
        {
            int[] from = Out(transfer.Stages[0]);
            if (buffer.Length > 0)
            {
                Spread(Network.Vector, from, buffer, transfer.Bytes, isOnce);
                from = buffer;
            }

            Spread(Network.Vector, from, ports, transfer.Bytes, isOnce);
            Tokens(Out(transfer.Stages[0])[0], ports[0]);
        }
        else
        {
            if (buffer.Length > 0)
            {
                Spread(Network.Vector, ports, buffer, transfer.Bytes, isOnce);
            }

            foreach (int stage in transfer.Stages)
            {
                int[] to = isOnce ? (_weights[stage].Length > 0 ? _weights[stage] : In(stage)) : In(stage);
                Spread(Network.Vector, buffer.Length > 0 ? buffer : ports, to, transfer.Bytes, isOnce);
                Tokens(ports[0], In(stage)[0]);
            }
        }

        // Addresses: one word for each request, from the stage that makes them; tokens of its iterations where they are many.
        long requests = PlannerModel.CeilDiv(transfer.Bytes, Math.Max(1, transfer.RequestBytes));
        _nets.Add(new Net(Network.Scalar, In(transfer.Stages[0])[0], ports, checked(requests * sizeof(int)), isOnce));
    }

    private void Tokens(int producer, int consumer)
    {
        _nets.Add(new Net(Network.Control, producer, [consumer], 1, IsOnce: false));
        _nets.Add(new Net(Network.Control, consumer, [producer], 1, IsOnce: false));
    }

    private void Spread(Network network, int[] sources, int[] sinks, long bytes, bool isOnce)
    {
        if (sources.Length == 0 || sinks.Length == 0)
        {
            return;
        }

        long each = PlannerModel.CeilDiv(bytes, sources.Length);
        for (int i = 0; i < sources.Length; i++)
        {
            int[] own = sinks.Length <= sources.Length ? [sinks[i % sinks.Length]] : [.. sinks.Where((_, sink) => sink % sources.Length == i)];
            _nets.Add(new Net(network, sources[i], own, each, isOnce));
        }
    }
}
