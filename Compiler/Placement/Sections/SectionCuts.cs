using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Placement.Sections;

/// <summary>
/// Where sections end. For the whole graph (o3) the cuts with the smallest sum of the sections' estimated times, by dynamic programming
/// over the order of stages: a section that is too long does not fit or starves its stages, one that is too short pays for memory and
/// for being loaded. Repeating layers are planned once: runs of stages that look alike share their estimate.
/// </summary>
internal sealed class SectionCuts
{
    /// <summary>Stages of one section at most: longer pipelines than this have not paid for any model.</summary>
    public const int MaximumStages = 64;

    private readonly SectionPlanner _planner;
    private readonly ulong[] _signatures;
    private readonly Dictionary<(ulong High, ulong Low), long> _costs = [];

    private SectionCuts(SectionPlanner planner)
    {
        _planner = planner;
        _signatures = [.. Enumerable.Range(0, planner.Groups.Count).Select(Signature)];
    }

    /// <summary>A section of every run of groups with one number; of each group by itself where the run does not fit.</summary>
    public static List<MachineSection> Given(SectionPlanner planner, IReadOnlyList<int> numbers, CancellationToken cancellation)
    {
        var sections = new List<MachineSection>();
        for (int begin = 0, end; begin < numbers.Count; begin = end)
        {
            cancellation.ThrowIfCancellationRequested();
            for (end = begin + 1; end < numbers.Count && numbers[end] == numbers[begin];)
            {
                end++;
            }

            if (planner.Plan(begin, end, out _) is { } section)
            {
                sections.Add(section);
                continue;
            }

            for (int i = begin; i < end; i++)
            {
                sections.Add(Require(planner, i, i + 1));
            }
        }

        return sections;
    }

    /// <summary>The best cuts of the whole order.</summary>
    public static List<MachineSection> Best(SectionPlanner planner, CancellationToken cancellation)
    {
        var cuts = new SectionCuts(planner);
        int count = planner.Groups.Count;
        var best = new long[count + 1];
        var pieces = new int[count + 1];
        var from = new int[count + 1];
        Array.Fill(best, long.MaxValue);
        best[0] = 0;
        for (int begin = 0; begin < count; begin++)
        {
            cancellation.ThrowIfCancellationRequested();
            for (int end = begin + 1; end <= Math.Min(count, begin + MaximumStages); end++)
            {
                long cost = cuts.Cost(begin, end);
                if (cost < 0)
                {
                    // What does not fit does not fit with more.
                    break;
                }

                long all = best[begin] + cost;
                if (all < best[end] || all == best[end] && pieces[begin] + 1 < pieces[end])
                {
                    (best[end], pieces[end], from[end]) = (all, pieces[begin] + 1, begin);
                }
            }
        }

        var sections = new List<MachineSection>();
        for (int end = count; end > 0; end = from[end])
        {
            sections.Add(Require(planner, from[end], end));
        }

        sections.Reverse();
        return sections;
    }

    /// <exception cref="RduException">RDU0611: not even these groups fit together.</exception>
    public static MachineSection Require(SectionPlanner planner, int begin, int end) => planner.Plan(begin, end, out string reason)
        ?? throw new RduException(
            ErrorCatalogue.DoesNotFit, planner.Groups[begin].Name, "an operator that fits the chip", reason, "use a larger part, more tiles, or a smaller batch");

    /// <summary>Estimated cycles, or -1 if the groups are not a section.</summary>
    private long Cost(int begin, int end)
    {
        (ulong, ulong) key = KeyOf(begin, end);
        if (!_costs.TryGetValue(key, out long cost))
        {
            MachineSection? plan = _planner.Plan(begin, end, out _);
            _costs.Add(key, cost = plan?.EstimatedCycles ?? -1);
        }

        return cost;
    }

    private (ulong High, ulong Low) KeyOf(int begin, int end)
    {
        ulong high = 0xCBF29CE484222325;
        ulong low = (ulong)(end - begin);
        for (int i = begin; i < end; i++)
        {
            high = (high ^ _signatures[i]) * 0x100000001B3;
            low = Mix(low + _signatures[i]);
        }

        return (high, low);
    }

    /// <summary>All that the planner asks of a group; neighbours by their distance, so that equal layers have equal signatures.</summary>
    private ulong Signature(int index)
    {
        GroupFacts group = _planner.Groups[index];
        ulong hash = 1;
        void Add(long value) => hash = Mix(hash ^ (ulong)value);
        Add((long)group.Phase);
        Add((long)group.Work.Template);
        Add(group.Work.AccumulatesSamples ? 1 : 0);
        Add(group.Work.AccumulatesRows ? 1 : 0);
        Add(group.Gemm?.Batch ?? -1);
        Add(group.Gemm?.M ?? -1);
        Add(group.Gemm?.N ?? -1);
        Add(group.Gemm?.K ?? -1);
        Add(group.Elements);
        Add(group.ProgramStages);
        Add(group.OutputBytes);
        Add(group.Group.Parts);
        int slot = 0;
        foreach (MachineInput input in group.Inputs)
        {
            Add((long)input.Access);
            Add(input.Bytes);
            Add(input.RequestBytes);

            // A tensor from far away comes from the memory in any case; which inputs are one tensor is the distance of its other reader.
            Add(Near(index - _planner.ProducerOf(input.Tensor)));
            Add(_planner.ProducerOf(input.Tensor) < 0 ? 1 : 0);
            Add(PreviousReader(index, input.Tensor));
            Add(slot++);
        }

        foreach (int output in group.Outputs)
        {
            Add(Near(_planner.LastReaderOf(output) - index));
            Add(_planner.IsKept(output) ? 1 : 0);
        }

        return hash;
    }

    private long PreviousReader(int index, int tensor)
    {
        for (int distance = 1; distance < MaximumStages && index - distance >= 0; distance++)
        {
            if (_planner.Groups[index - distance].Inputs.Any(input => input.Tensor == tensor))
            {
                return distance;
            }
        }

        return -1;
    }

    private static long Near(int distance) => distance is > 0 and < MaximumStages ? distance : -1;

    private static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
