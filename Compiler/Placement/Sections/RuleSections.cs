using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Fusion;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Placement.Sections;

/// <summary>
/// Sections of mode o1: what a rule matches is one section, every other operator one by itself. A match that does not fit the chip is
/// left alone, as is one under SAFE_GEMM that would be slower than its operators.
/// </summary>
internal sealed class RuleSections
{
    private readonly MachineGraph _graph;
    private readonly RduResources _chip;
    private readonly PlacementOptions _options;
    private readonly List<int>[] _readers;
    private readonly bool[] _isReturned;
    private readonly Dictionary<(MachineGraph Part, bool IsSafe), bool> _judged = [];

    private RuleSections(MachineGraph graph, RduResources chip, PlacementOptions options)
    {
        _graph = graph;
        _chip = chip;
        _options = options;
        _readers = [.. graph.Tensors.Select(_ => new List<int>())];
        _isReturned = new bool[graph.Tensors.Count];
        foreach (MachineOperator op in graph.Operators)
        {
            foreach (MachineInput input in op.Inputs)
            {
                _readers[input.Tensor].Add(op.Index);
            }
        }

        foreach (int output in graph.Outputs)
        {
            _isReturned[output] = true;
        }
    }

    /// <summary>Stage groups in an order in which they can run, with the number of the section that each belongs to.</summary>
    public static List<(StageGroup Group, int Section)> Run(MachineGraph graph, RduResources chip, PlacementOptions options, CancellationToken cancellation)
    {
        var rules = new RuleSections(graph, chip, options);
        List<FusionMatch> matches = [.. FusionMatcher.Run(graph, options.Rules, rules.IsWanted, cancellation)];
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            int[] sectionOf = SectionOf(graph, matches);
            if (OrderOf(graph, sectionOf, out int stuck) is { } order)
            {
                IReadOnlyList<StageGroup> groups = StageGrouping.Fuse(graph, chip.PipelineStages, (first, second) => sectionOf[first] == sectionOf[second]);
                return [.. groups.Select((group, i) => (group, Section: sectionOf[group.Operators[0]], i))
                    .OrderBy(entry => order[entry.Section]).ThenBy(entry => entry.i).Select(entry => (entry.group, order[entry.Section]))];
            }

            // Two matches that wait for each other: the later one gives way.
            matches.RemoveAt(stuck);
        }
    }

    /// <summary>Matches first, then each operator that is in none.</summary>
    private static int[] SectionOf(MachineGraph graph, List<FusionMatch> matches)
    {
        var sectionOf = new int[graph.Operators.Count];
        Array.Fill(sectionOf, -1);
        for (int i = 0; i < matches.Count; i++)
        {
            foreach (int index in matches[i].Operators)
            {
                sectionOf[index] = i;
            }
        }

        int next = matches.Count;
        for (int i = 0; i < sectionOf.Length; i++)
        {
            sectionOf[i] = sectionOf[i] < 0 ? next++ : sectionOf[i];
        }

        return sectionOf;
    }

    /// <summary>The place of each section in an order in which they can run; null, and a match to dissolve, if there is none.</summary>
    private static int[]? OrderOf(MachineGraph graph, int[] sectionOf, out int stuck)
    {
        int count = sectionOf.Max() + 1;
        var waits = new HashSet<int>[count];
        var readers = new List<int>[count];
        var first = new int[count];
        var producers = new Dictionary<int, int>();
        for (int i = 0; i < count; i++)
        {
            (waits[i], readers[i], first[i]) = ([], [], int.MaxValue);
        }

        foreach (MachineOperator op in graph.Operators)
        {
            int section = sectionOf[op.Index];
            first[section] = Math.Min(first[section], op.Index);
            foreach (int output in op.Outputs)
            {
                producers[output] = section;
            }
        }

        foreach (MachineOperator op in graph.Operators)
        {
            foreach (MachineInput input in op.Inputs)
            {
                if (producers.TryGetValue(input.Tensor, out int from) && from != sectionOf[op.Index] && waits[sectionOf[op.Index]].Add(from))
                {
                    readers[from].Add(sectionOf[op.Index]);
                }
            }
        }

        var order = new int[count];
        int done = 0;
        var ready = new SortedSet<(int First, int Section)>(Enumerable.Range(0, count).Where(i => waits[i].Count == 0).Select(i => (first[i], i)));
        while (ready.Count > 0)
        {
            (int First, int Section) next = ready.Min;
            ready.Remove(next);
            order[next.Section] = done++;
            foreach (int reader in readers[next.Section])
            {
                if (waits[reader].Remove(next.Section) && waits[reader].Count == 0)
                {
                    ready.Add((first[reader], reader));
                }
            }
        }

        int matches = sectionOf.GroupBy(section => section).Where(group => group.Count() > 1).Select(group => group.Key).DefaultIfEmpty(-1).Max();
        stuck = Enumerable.Range(0, matches + 1).Where(i => waits[i].Count > 0).DefaultIfEmpty(-1).Max();
        return done == count ? order : null;
    }

    /// <summary>Matches that are alike but for names and places (the layers of a transformer) are judged once.</summary>
    private bool IsWanted(FusionMatch match)
    {
        MachineGraph part = PartOf(match.Operators);
        bool isSafe = match.Rule.Heuristic == FusionHeuristic.SafeGemm;
        if (!_judged.TryGetValue((part, isSafe), out bool wanted))
        {
            _judged.Add((part, isSafe), wanted = IsWanted(part, isSafe));
        }

        return wanted;
    }

    private bool IsWanted(MachineGraph part, bool isSafe)
    {
        MachineSection? fused = Plan(part, StageGrouping.Fuse(part, _chip.PipelineStages, (_, _) => true));
        if (fused is null || !isSafe)
        {
            return fused is not null;
        }

        long alone = 0;
        for (int i = 0; i < part.Operators.Count; i++)
        {
            MachineSection? single = Plan(PartOf([i], part), [new StageGroup([0])]);
            alone += single?.EstimatedCycles ?? fused.EstimatedCycles;
        }

        return fused.EstimatedCycles <= alone;
    }

    /// <summary>Operators as a graph of their own, without names: what others read of it, it returns.</summary>
    private MachineGraph PartOf(IReadOnlyList<int> members, MachineGraph? of = null)
    {
        MachineGraph graph = of ?? _graph;
        var inside = new HashSet<int>(members);
        var numbers = new Dictionary<int, int>();
        var tensors = new List<MachineTensor>();
        int Number(int tensor)
        {
            if (!numbers.TryGetValue(tensor, out int number))
            {
                numbers.Add(tensor, number = tensors.Count);
                tensors.Add(graph.Tensors[tensor] with { Id = number, Name = string.Empty });
            }

            return number;
        }

        var operators = new List<MachineOperator>();
        foreach (MachineOperator op in members.Select(index => graph.Operators[index]))
        {
            operators.Add(op with
            {
                Index = operators.Count,
                Name = string.Empty,
                Nodes = [],
                Inputs = EquatableArray.Create<MachineInput>([.. op.Inputs.Select(input => input with { Tensor = Number(input.Tensor) })]),
                Outputs = EquatableArray.Create<int>([.. op.Outputs.Select(Number)]),
            });
        }

        IEnumerable<int> returned = members.SelectMany(index => graph.Operators[index].Outputs)
            .Where(tensor => of is not null || _isReturned[tensor] || _readers[tensor].Any(reader => !inside.Contains(reader)));
        return new MachineGraph(
            graph.Samples, graph.RowsPerSample, EquatableArray.Create<MachineTensor>([.. tensors]), EquatableArray.Create<MachineOperator>([.. operators]),
            EquatableArray.Create<int>([.. returned.Select(Number)]));
    }

    private MachineSection? Plan(MachineGraph part, IReadOnlyList<StageGroup> groups) =>
        new SectionPlanner(part, [.. groups.Select(group => new GroupFacts(part, group))], _chip, _options).Plan(0, groups.Count, out _);
}
