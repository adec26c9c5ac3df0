namespace RduEmu.Emulator.Robustness;

/// <summary>What came of many broken models.</summary>
/// <param name="Next">Number of the run to go on with: behind the last, or where it was stopped.</param>
/// <param name="Runs">How many there were.</param>
/// <param name="Outcomes">How many were compiled, and how many were refused by each error id.</param>
/// <param name="SlowestMilliseconds">The most processor time that one took.</param>
/// <param name="MostMemoryBytes">The most memory that one may have taken; what earlier ones left is in it.</param>
/// <param name="Findings">What must not be, each once.</param>
public sealed record FuzzReport(
    long Next, long Runs, IReadOnlyDictionary<string, long> Outcomes, double SlowestMilliseconds, long MostMemoryBytes, IReadOnlyList<FuzzFinding> Findings);

/// <param name="Run">Number of the first run that shows it: with the seed it makes the same model again.</param>
/// <param name="File">The model that was broken.</param>
/// <param name="What">Any other exception, more than a line, too slow, too much memory, or how the process ended.</param>
/// <param name="Times">How many runs show it.</param>
public sealed record FuzzFinding(long Run, string File, string What, long Times);

/// <summary>The limits that every broken model must stay in.</summary>
public static class FuzzLimits
{
    /// <summary>Processor time of one model: the machine may have other work.</summary>
    public const double MostMilliseconds = 5000;

    private const long MemoryBytes = 256L << 20;
    private const int MemoryPerFileByte = 4;

    /// <summary>Memory that a model of so many bytes may take.</summary>
    public static long MostBytes(long fileBytes) => MemoryPerFileByte * fileBytes + MemoryBytes;
}
