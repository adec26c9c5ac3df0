using RduEmu.Emulator.Machine.Spec;
using RduEmu.Emulator.Machine.Time;

namespace RduEmu.Emulator.Machine.Units;

/// <summary>DDR or HBM behind the AGCUs. Channels are interleaved: every stream uses all of them.</summary>
public sealed class MemoryModel(RduSpec spec, BytesPerCycle bandwidth)
{
    public BytesPerCycle Bandwidth => bandwidth;

    public Cycles Latency => spec.MemoryLatency;

    /// <summary>What the channels move for a request: whole bursts.</summary>
    public Bytes Moved(Bytes amount, long requestBytes)
    {
        long burst = spec.Memory.BurstBytes;
        if (requestBytes <= 0 || requestBytes >= amount.Count)
        {
            return new Bytes(UnitModel.CeilDiv(amount.Count, burst) * burst);
        }

        long requests = UnitModel.CeilDiv(amount.Count, requestBytes);
        return new Bytes(checked(requests * UnitModel.CeilDiv(requestBytes, burst) * burst));
    }

    public Cycles CyclesFor(Bytes moved) => Bandwidth.CyclesFor(moved);

    /// <summary>So many AGCUs, over which a transfer is striped by address: their outstanding bursts limit them.</summary>
    public Cycles PortCycles(Bytes moved, long ports) => spec.AgcuBandwidth.Times(ports).CyclesFor(moved);
}
