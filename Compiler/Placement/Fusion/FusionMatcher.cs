using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Placement.Fusion;

/// <summary>Operators that a rule puts together, in ascending order.</summary>
internal sealed record FusionMatch(FusionRule Rule, IReadOnlyList<int> Operators);

/// <summary>
/// Where rules match: rules in their order, operators in theirs; an operator is taken once. All operators of a match are of one phase,
/// and nothing outside lies between two of them, so that they can be one section.
/// </summary>
internal sealed class FusionMatcher
{
    /// <summary>Optional entries of a pattern that are tried in all combinations.</summary>
    private const int MaximumOptional = 8;

    private readonly MachineGraph _graph;
    private readonly string[] _types;
    private readonly int[] _producers;
    private readonly List<int>[] _consumers;
    private readonly bool[] _isTaken;

    private FusionMatcher(MachineGraph graph)
    {
        _graph = graph;
        _types = [.. graph.Operators.Select(op => FusionRules.TypeNameOf(op.Operator))];
        _producers = new int[graph.Tensors.Count];
        Array.Fill(_producers, -1);
        _consumers = [.. Enumerable.Range(0, graph.Operators.Count).Select(_ => new List<int>())];
        _isTaken = new bool[graph.Operators.Count];
        foreach (MachineOperator op in graph.Operators)
        {
            foreach (MachineInput input in op.Inputs)
            {
                int producer = _producers[input.Tensor];
                if (producer >= 0 && !_consumers[producer].Contains(op.Index))
                {
                    _consumers[producer].Add(op.Index);
                }
            }

            foreach (int output in op.Outputs)
            {
                _producers[output] = op.Index;
            }
        }
    }

    /// <param name="graph">The work.</param>
    /// <param name="rules">What to look for.</param>
    /// <param name="accept">Whether a match is wanted; others are left for the rules after it.</param>
    public static IReadOnlyList<FusionMatch> Run(MachineGraph graph, FusionRules rules, Func<FusionMatch, bool> accept, CancellationToken cancellation)
    {
        var matcher = new FusionMatcher(graph);
        var matches = new List<FusionMatch>();
        foreach (FusionRule rule in rules.Rules)
        {
            foreach (IReadOnlyList<FusionEntry> pattern in Variants(rule))
            {
                for (int i = 0; i < graph.Operators.Count; i++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    if (matcher.Match(pattern, i) is { } found && new FusionMatch(rule, found) is { } match && accept(match))
                    {
                        matches.Add(match);
                        foreach (int member in found)
                        {
                            matcher._isTaken[member] = true;
                        }
                    }
                }
            }
        }

        return matches;
    }

    /// <summary>The pattern with all optional entries, then with fewer and fewer; a skipped entry's parents get its children.</summary>
    private static IEnumerable<IReadOnlyList<FusionEntry>> Variants(FusionRule rule)
    {
        string[] optional = [.. rule.Pattern.Where(entry => !entry.IsRequired).Take(MaximumOptional).Select(entry => entry.Name)];
        foreach (int skipped in Enumerable.Range(0, 1 << optional.Length).OrderBy(int.PopCount))
        {
            var pattern = new List<FusionEntry>(rule.Pattern);
            for (int i = 0; i < optional.Length; i++)
            {
                if ((skipped >> i & 1) != 0)
                {
                    FusionEntry absent = pattern.Single(entry => entry.Name == optional[i]);
                    pattern.Remove(absent);
                    pattern = [.. pattern.Select(entry => !entry.Children.Contains(absent.Name) ? entry : entry with
                    {
                        Children = [.. entry.Children.Where(child => child != absent.Name).Concat(absent.Children).Distinct()],
                    })];
                }
            }

            if (pattern.Count > 0)
            {
                yield return pattern;
            }
        }
    }

    private int[]? Match(IReadOnlyList<FusionEntry> pattern, int first)
    {
        var chosen = new Dictionary<string, int>();
        if (!IsFit(pattern, pattern[0], first, chosen))
        {
            return null;
        }

        chosen.Add(pattern[0].Name, first);
        if (!Extend(pattern, chosen))
        {
            return null;
        }

        int[] members = [.. pattern.Where(entry => entry.IsIncluded).Select(entry => chosen[entry.Name]).Order()];
        return members.Length > 1 && IsConvex(members) ? members : null;
    }

    /// <summary>Chooses an operator for every entry, next to those chosen before; takes back what leads nowhere.</summary>
    private bool Extend(IReadOnlyList<FusionEntry> pattern, Dictionary<string, int> chosen)
    {
        FusionEntry? next = pattern.FirstOrDefault(entry => !chosen.ContainsKey(entry.Name)
            && (entry.Children.Any(chosen.ContainsKey) || pattern.Any(parent => parent.Children.Contains(entry.Name) && chosen.ContainsKey(parent.Name))));
        if (next is null)
        {
            return chosen.Count == pattern.Count;
        }

        FusionEntry? parent = pattern.FirstOrDefault(entry => entry.Children.Contains(next.Name) && chosen.ContainsKey(entry.Name));
        IEnumerable<int> candidates = parent is not null
            ? _consumers[chosen[parent.Name]]
            : _graph.Operators[chosen[next.Children.First(chosen.ContainsKey)]].Inputs.Select(input => _producers[input.Tensor]).Where(producer => producer >= 0).Distinct();
        foreach (int candidate in candidates)
        {
            if (!IsFit(pattern, next, candidate, chosen))
            {
                continue;
            }

            chosen.Add(next.Name, candidate);
            if (Extend(pattern, chosen))
            {
                return true;
            }

            chosen.Remove(next.Name);
            if (next.MatchFirstOption)
            {
                return false;
            }
        }

        return false;
    }

    private bool IsFit(IReadOnlyList<FusionEntry> pattern, FusionEntry entry, int index, Dictionary<string, int> chosen)
    {
        if (_isTaken[index] || !entry.OperatorTypes.Contains(_types[index]) || chosen.ContainsValue(index))
        {
            return false;
        }

        foreach (FusionEntry other in pattern)
        {
            if (chosen.TryGetValue(other.Name, out int known))
            {
                bool isLegal = _graph.Operators[known].Phase == _graph.Operators[index].Phase
                    && (!entry.Children.Contains(other.Name) || _consumers[index].Contains(known))
                    && (!other.Children.Contains(entry.Name) || _consumers[known].Contains(index));
                if (!isLegal)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>True if no way from a member to a member leads over an operator outside.</summary>
    private bool IsConvex(int[] members)
    {
        var outside = new HashSet<int>();
        foreach (int index in Enumerable.Range(members[0], members[^1] - members[0] + 1))
        {
            bool isMember = Array.BinarySearch(members, index) >= 0;
            bool afterOutside = _graph.Operators[index].Inputs.Any(input => outside.Contains(_producers[input.Tensor]));
            bool afterMember = _graph.Operators[index].Inputs.Any(input => Array.BinarySearch(members, _producers[input.Tensor]) >= 0);
            if (isMember && afterOutside)
            {
                return false;
            }

            if (!isMember && (afterOutside || afterMember))
            {
                outside.Add(index);
            }
        }

        return true;
    }
}
