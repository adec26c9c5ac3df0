using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Parameters;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using RduEmu.Kernels.Devices.Host;

namespace RduEmu.Perf.Benchmarks;

/// <summary>Rates beside a benchmark's time: GFLOP/s, GB/s, and the time that the machine needs at least by the time taken.</summary>
internal sealed class RateColumn(string name, string legend, Func<Work, double, string> text) : IColumn
{
    private static readonly Dictionary<BenchmarkCase, Work> Known = [];

    public string Id => name;

    public string ColumnName => name;

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => legend;

    /// <summary>The columns against these ceilings, which were measured in this process.</summary>
    public static IColumn[] All(IReadOnlyDictionary<int, MachineCeiling> ceilings) =>
    [
        new RateColumn("GFLOP/s", "operations by the mean time", (work, seconds) => Number(work.Operations / seconds / 1e9)),
        new RateColumn("GB/s", "bytes that must be moved by the mean time", (work, seconds) => work.Bytes > 0 ? Number(work.Bytes / seconds / 1e9) : "-"),
        new RateColumn("Ceiling", "FMA peak and triad bandwidth of as many threads", (work, _) => Ceiling(ceilings[work.Threads])),
        new RateColumn("OfPeak", "share of the FMA peak", (work, seconds) => Share(work.Operations / seconds / 1e9 / ceilings[work.Threads].PeakGflops)),
        new RateColumn("OfTriad", "share of the triad bandwidth; above 100% in the caches", (work, seconds) => work.Bytes > 0 ? Share(work.Bytes / seconds / 1e9 / ceilings[work.Threads].BandwidthGBs) : "-"),
    ];

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => GetValue(summary, benchmarkCase, summary.Style);

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) =>
        summary[benchmarkCase]?.ResultStatistics is { } statistics ? text(WorkOf(benchmarkCase), statistics.Mean * 1e-9) : "-";

    private static Work WorkOf(BenchmarkCase benchmarkCase)
    {
        if (!Known.TryGetValue(benchmarkCase, out Work work))
        {
            Type type = benchmarkCase.Descriptor.Type;
            object benchmark = Activator.CreateInstance(type)!;
            foreach (ParameterInstance parameter in benchmarkCase.Parameters.Items)
            {
                type.GetProperty(parameter.Name)!.SetValue(benchmark, parameter.Value);
            }

            Known.Add(benchmarkCase, work = ((IMeasuredWork)benchmark).Work);
        }

        return work;
    }

    private static string Ceiling(MachineCeiling ceiling) => $"{Number(ceiling.PeakGflops)} GFLOP/s, {Number(ceiling.BandwidthGBs)} GB/s";

    private static string Number(double value) => value.ToString("F1", CultureInfo.InvariantCulture);

    private static string Share(double value) => value.ToString("P0", CultureInfo.InvariantCulture);
}
