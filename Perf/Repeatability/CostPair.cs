using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Memory;

namespace RduEmu.Perf.Repeatability;

/// <summary>One computation in RDU order and in the fastest order we know, on the same operands and threads.</summary>
internal abstract class CostPair : IDisposable
{
    public abstract string Operator { get; }

    public abstract string Shape { get; }

    public abstract int Threads { get; }

    /// <summary>What the other side is.</summary>
    public abstract string Rival { get; }

    /// <summary>The product's own kernel.</summary>
    public abstract void Ordered();

    /// <summary>The rival.</summary>
    public abstract void Unordered();

    /// <summary>The largest difference of the two results by the largest result: both must compute the same but for rounding.</summary>
    public abstract double RelativeDifference();

    public abstract void Dispose();

    /// <summary>Largest |a - b| by largest |a|.</summary>
    protected static double Difference(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double difference = 0;
        double largest = 0;
        for (int i = 0; i < a.Length; i++)
        {
            difference = Math.Max(difference, Math.Abs((double)a[i] - b[i]));
            largest = Math.Max(largest, Math.Abs(a[i]));
        }

        return largest > 0 ? difference / largest : difference;
    }

    /// <summary>Numbers in ±0.5, the same in every run.</summary>
    protected static unsafe HostArena Draw(long elements)
    {
        var arena = new HostArena(elements * sizeof(float));
        var random = new Random(1);
        var at = (float*)arena.Start;
        for (long i = 0; i < elements; i++)
        {
            at[i] = random.NextSingle() - 0.5f;
        }

        return arena;
    }

    /// <summary>Work of a team as a function.</summary>
    protected sealed class TeamAction(Action<int> action) : ITeamWork
    {
        public void Run(int worker) => action(worker);
    }
}
