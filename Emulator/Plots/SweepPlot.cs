using RduEmu.Emulator.Experiments;
using ScottPlot;
using ScottPlot.Plottables;

namespace RduEmu.Emulator.Plots;

/// <summary>Metric and throughput over what was varied, whose values stand at equal distances.</summary>
internal static class SweepPlot
{
    public static Plot Draw(string title, string varied, IReadOnlyList<SweepRun> runs)
    {
        var plot = PlotFile.New();
        double[] x = [.. Enumerable.Range(0, runs.Count).Select(i => (double)i)];
        Scatter metric = plot.Add.Scatter(x, runs.Select(run => run.Metric.Value).ToArray());
        metric.LegendText = runs[0].Metric.Title;
        Scatter speed = plot.Add.Scatter(x, runs.Select(run => run.SamplesPerSecond).ToArray());
        speed.LegendText = "samples/s";
        speed.Axes.YAxis = plot.Axes.Right;
        plot.Axes.Bottom.SetTicks(x, [.. runs.Select(run => $"{run.Value}")]);
        plot.Title(title);
        plot.XLabel(varied);
        plot.YLabel(runs[0].Metric.Title);
        plot.Axes.Right.Label.Text = "samples/s";
        plot.ShowLegend(Edge.Bottom);
        return plot;
    }
}
