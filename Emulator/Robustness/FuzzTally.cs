using System.Text.RegularExpressions;

namespace RduEmu.Emulator.Robustness;

/// <summary>Adds up outcomes; findings that differ only in numbers and names are one.</summary>
internal sealed partial class FuzzTally
{
    private readonly Dictionary<string, long> _outcomes = [];
    private readonly Dictionary<string, FuzzFinding> _findings = [];
    private double _slowest;
    private long _mostBytes;

    public int Findings => _findings.Count;

    public void Add(string code, double milliseconds, long bytes)
    {
        _outcomes[code] = _outcomes.GetValueOrDefault(code) + 1;
        _slowest = Math.Max(_slowest, milliseconds);
        _mostBytes = Math.Max(_mostBytes, bytes);
    }

    public void AddFinding(long run, string file, string what)
    {
        string kind = Varying().Replace(what.Split(" for ")[0], "*");
        _findings[kind] = _findings.TryGetValue(kind, out FuzzFinding? known)
            ? known with { Times = known.Times + 1 }
            : new FuzzFinding(run, file, what, 1);
    }

    /// <param name="next">Number of the run to go on with.</param>
    public FuzzReport Report(long next) =>
        new(next, _outcomes.Values.Sum(), _outcomes, _slowest, _mostBytes, [.. _findings.Values.OrderBy(finding => finding.Run)]);

    [GeneratedRegex(@"'[^']*'|\[[^\]]*\]|-?\d+")]
    private static partial Regex Varying();
}
