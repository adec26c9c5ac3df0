using System.Diagnostics;

namespace RduEmu.Perf.Peers;

/// <summary>
/// Times two things in turns - ours, peer, ours, peer - so that whatever else the machine does falls on both alike.
/// </summary>
/// <param name="Rounds">Turns of each.</param>
/// <param name="TurnSeconds">How long a turn is measured.</param>
internal sealed record Turns(int Rounds, double TurnSeconds)
{
    /// <summary>Before a turn the workers of the other side, which spin for a while after their last run, must have gone to sleep.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(30);

    /// <returns>The median seconds of one call of each.</returns>
    public double[] Medians(params Action[] sides) => [.. Seconds(sides).Select(Median)];

    /// <returns>The seconds of one call, of each side by turn.</returns>
    public double[][] Seconds(params Action[] sides)
    {
        var seconds = new double[sides.Length][];
        for (int side = 0; side < sides.Length; side++)
        {
            seconds[side] = new double[Rounds];
        }

        for (int round = 0; round < Rounds; round++)
        {
            for (int side = 0; side < sides.Length; side++)
            {
                Thread.Sleep(Pause);
                _ = SecondsPerCall(sides[side], TurnSeconds / 4);
                seconds[side][round] = SecondsPerCall(sides[side], TurnSeconds);
            }
        }

        return seconds;
    }

    private static double SecondsPerCall(Action call, double atLeastSeconds)
    {
        long begin = Stopwatch.GetTimestamp();
        int calls = 0;
        double elapsed;
        do
        {
            call();
            calls++;
            elapsed = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        }
        while (elapsed < atLeastSeconds);
        return elapsed / calls;
    }

    public static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
