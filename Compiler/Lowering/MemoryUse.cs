namespace RduEmu.Compiler.Lowering;

/// <summary>What a program's arena is for, and the least that it could be.</summary>
/// <param name="ParameterBytes">Weights, running statistics and what an optimiser keeps, of this program and those that it was compiled over.</param>
/// <param name="LiveBytes">Computed values at the moment at which most of them are alive.</param>
/// <param name="HelperBytes">Packed copies of weights, tables of integers, inputs, constants and outputs.</param>
public sealed record MemoryUse(long ParameterBytes, long LiveBytes, long HelperBytes)
{
    /// <summary>No arena that keeps every value from its first use to its last can be smaller.</summary>
    public long FloorBytes => ParameterBytes + LiveBytes;

    /// <summary>The most bytes that are alive at one moment.</summary>
    /// <param name="lives">First and last moment of each, both included, and its bytes.</param>
    public static long PeakOf(IEnumerable<(int First, int Last, long Bytes)> lives)
    {
        var changes = new SortedDictionary<int, long>();
        foreach ((int first, int last, long bytes) in lives)
        {
            changes[first] = changes.GetValueOrDefault(first) + bytes;
            changes[last + 1] = changes.GetValueOrDefault(last + 1) - bytes;
        }

        long now = 0;
        long peak = 0;
        foreach (long change in changes.Values)
        {
            now += change;
            peak = Math.Max(peak, now);
        }

        return peak;
    }
}
