using RduEmu.Emulator.Experiments;
using ScottPlot;

namespace RduEmu.Emulator.Plots;

/// <summary>The norms of repeated runs, as distances from the one in RDU order.</summary>
internal static class IndexAddPlot
{
    public static Plot Draw(IReadOnlyList<IndexAddRun> runs)
    {
        var plot = PlotFile.New();
        double[] x = [.. Enumerable.Range(1, runs.Count).Select(run => (double)run)];
        double origin = runs[0].Ordered;
        plot.Add.Scatter(x, runs.Select(run => run.Ordered - origin).ToArray()).LegendText = "RDU order";
        plot.Add.Scatter(x, runs.Select(run => run.Racing - origin).ToArray()).LegendText = "racing threads";
        plot.Title("index_add: norm of the input gradient, from the first run in RDU order");
        plot.XLabel("run");
        plot.YLabel("difference");
        plot.ShowLegend();
        return plot;
    }
}
