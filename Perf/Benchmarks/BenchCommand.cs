using System.CommandLine;

namespace RduEmu.Perf.Benchmarks;

internal static class BenchCommand
{
    public static Command Create() => new("bench", "x");
}
