using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Placement.Specs;

/// <summary>
/// Credits of a section: every buffer has a double buffer's room, its bytes are what it holds, and no stage can come to wait for itself.
/// Iteration i of a consumer waits for iteration i + lag - 1 of the producer; iteration i of a producer waits for iteration i - depth of
/// the consumer. A chain of such waits that comes back to its stage at the same or a later iteration never ends; there is one if, and
/// only if, the sums of lag - 1 and -depth along some cycle of stages are not negative.
/// </summary>
public static class CreditSpec
{
    /// <exception cref="RduException">RDU0602: the section deadlocks; the message says who waits for whom. RDU0612: a buffer breaks a rule.</exception>
    public static void Check(MachineSection section)
    {
        foreach (StreamPlan stream in section.Streams)
        {
            string where = $"{section.Name}, stream {stream.Index}";
            PlacedSpec.Require(IsStage(section, stream.Producer) && IsStage(section, stream.Consumer), where, "stages of the section", $"{stream.Producer} and {stream.Consumer}");
            PlacedSpec.Require(stream.LagIterations >= 1, where, "a lag of at least 1", $"{stream.LagIterations}");
            PlacedSpec.Require(stream.DepthIterations >= 2, where, "credits for at least two iterations", $"{stream.DepthIterations}");
        }

        if (FindCycle(section) is { } cycle)
        {
            throw new RduException(
                ErrorCatalogue.Deadlock, section.Name, "waits that end", cycle, "deepen the buffer that it names");
        }
    }

    /// <summary>The waits of a cycle that never ends, in words; null if there is none.</summary>
    public static string? FindCycle(MachineSection section)
    {
        var waits = new List<(int From, int To, long Weight, string Why)>();
        foreach (StreamPlan stream in section.Streams)
        {
            string consumer = section.Stages[stream.Consumer].Name;
            string producer = section.Stages[stream.Producer].Name;
            waits.Add((stream.Consumer, stream.Producer, stream.LagIterations - 1, $"{consumer} waits for {stream.LagIterations} pieces from {producer}"));
            waits.Add((stream.Producer, stream.Consumer, -stream.DepthIterations, $"{producer} waits for room after {stream.DepthIterations} pieces for {consumer}"));
        }

        // Bellman-Ford for the longest walk. Weights times so much, plus one, make a cycle of sum zero positive and leave negative ones so.
        long scale = waits.Count + 1;
        var distance = new long[section.Stages.Count];
        var reason = new int[section.Stages.Count];
        Array.Fill(reason, -1);
        int last = -1;
        for (int round = 0; round <= section.Stages.Count; round++)
        {
            last = -1;
            for (int i = 0; i < waits.Count; i++)
            {
                (int from, int to, long weight, _) = waits[i];
                if (distance[from] + weight * scale + 1 > distance[to])
                {
                    distance[to] = distance[from] + weight * scale + 1;
                    reason[to] = i;
                    last = to;
                }
            }

            if (last < 0)
            {
                return null;
            }
        }

        // Far enough back along the reasons one is on the cycle.
        for (int i = 0; i < section.Stages.Count; i++)
        {
            last = waits[reason[last]].From;
        }

        var words = new List<string>();
        int at = last;
        do
        {
            words.Add(waits[reason[at]].Why);
            at = waits[reason[at]].From;
        }
        while (at != last);
        words.Reverse();
        return string.Join(", ", words);
    }

    private static bool IsStage(MachineSection section, int index) => index >= 0 && index < section.Stages.Count;
}
