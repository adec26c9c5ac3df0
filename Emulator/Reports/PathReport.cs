using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.Machine.Simulation;

namespace RduEmu.Emulator.Reports;

/// <summary>The longest way from each stage that nothing feeds on the chip to each stage that feeds nothing.</summary>
internal static class PathReport
{
    public static IEnumerable<PathRow> Of(int section, ProgramTiming timing, SectionRun run)
    {
        MachineSection plan = run.Placed.Section;
        SectionProgram program = timing.Simulated[run.Placed.Layout];
        int stages = plan.Stages.Count;
        ILookup<int, StreamPlan> outOf = plan.Streams.ToLookup(stream => stream.Producer);
        var fed = plan.Streams.Select(stream => stream.Consumer).ToHashSet();
        for (int source = 0; source < stages; source++)
        {
            if (fed.Contains(source))
            {
                continue;
            }

            // Streams go from lower to higher indices, so one pass in order finds the longest ways.
            var cost = new long[stages];
            var by = new StreamPlan?[stages];
            Array.Fill(cost, -1);
            cost[source] = Time(source);
            for (int stage = source; stage < stages; stage++)
            {
                if (cost[stage] < 0)
                {
                    continue;
                }

                foreach (StreamPlan stream in outOf[stage])
                {
                    long longer = cost[stage] + Time(stream.Consumer);
                    if (stream.Consumer > stage && longer > cost[stream.Consumer])
                    {
                        (cost[stream.Consumer], by[stream.Consumer]) = (longer, stream);
                    }
                }
            }

            for (int sink = source; sink < stages; sink++)
            {
                if (cost[sink] >= 0 && !outOf[sink].Any())
                {
                    yield return Row(sink, cost[sink], by);
                }
            }
        }

        long Time(int stage) => (program.Actors[stage].Service + program.Actors[stage].Latency).Count;

        PathRow Row(int sink, long latency, StreamPlan?[] by)
        {
            var buffers = new List<string>();
            var nodes = new List<string> { plan.Stages[sink].Name };
            int first = sink;
            while (by[first] is { } stream)
            {
                buffers.Add($"b{stream.Index}");
                first = stream.Producer;
                nodes.Add(plan.Stages[first].Name);
            }

            buffers.Reverse();
            nodes.Reverse();
            return new PathRow(
                section, buffers.Count == 0 ? "-" : string.Join(" > ", buffers), latency, string.Join(" > ", nodes), plan.Stages[first].Depth, plan.Stages[sink].Depth);
        }
    }
}
