using RduEmu.Emulator.Fabric;
using RduEmu.Emulator.Machine.Spec;
using RduEmu.Emulator.Machine.Time;

namespace RduEmu.Emulator.Machine.Units;

/// <summary>
/// Time of a step's exchanges between RDUs, from what goes over each link. As in <see cref="CollectiveModel"/> an RDU's links inside the node
/// work side by side and both ways at once, and what goes to other nodes shares the RDU's port; the RDU with most to move decides, and
/// each round of exchanges waits one latency.
/// </summary>
public sealed class TrafficModel(RduSpec spec)
{
    /// <param name="traffic">Of one step.</param>
    /// <param name="rounds">Exchanges that follow each other on an RDU.</param>
    public Cycles StepTime(IReadOnlyList<LinkTraffic> traffic, long rounds)
    {
        if (traffic.Count == 0)
        {
            return Cycles.Zero;
        }

        Cycles longest = Cycles.Zero;
        foreach (int socket in traffic.SelectMany(link => new[] { link.From, link.To }).Distinct())
        {
            Cycles inside = spec.LinkBandwidth.CyclesFor(Most(traffic.Where(link => link.IsInNode), socket));
            Cycles outside = spec.NodeBandwidth.CyclesFor(Most(traffic.Where(link => !link.IsInNode), socket));
            longest = Cycles.Max(longest, inside + outside);
        }

        bool leavesNode = traffic.Any(link => !link.IsInNode);
        return longest + (spec.FromNanoseconds(leavesNode ? spec.Link.NodeLatencyNanoseconds : spec.Link.LatencyNanoseconds) * rounds);
    }

    /// <summary>What the RDU sends or takes, whichever is more.</summary>
    private static Bytes Most(IEnumerable<LinkTraffic> traffic, int socket)
    {
        long sent = 0;
        long taken = 0;
        foreach (LinkTraffic link in traffic)
        {
            sent += link.From == socket ? link.Bytes : 0;
            taken += link.To == socket ? link.Bytes : 0;
        }

        return new Bytes(Math.Max(sent, taken));
    }
}
