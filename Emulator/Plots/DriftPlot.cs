using RduEmu.Emulator.Experiments;
using ScottPlot;

namespace RduEmu.Emulator.Plots;

/// <summary>How far the embedding of each word moved between repetitions, the most frequent word first.</summary>
internal static class DriftPlot
{
    public static Plot Draw(IReadOnlyList<DriftResult> results)
    {
        var plot = PlotFile.New();
        foreach (DriftResult result in results)
        {
            double[] ranks = [.. Enumerable.Range(1, result.Norms.Count).Select(rank => (double)rank)];
            plot.Add.Scatter(ranks, result.Norms.ToArray()).LegendText = result.Way;
        }

        plot.Title("Drift of word embeddings between repetitions of one training");
        plot.XLabel("rank of the word");
        plot.YLabel("norm of the difference");
        plot.ShowLegend(Edge.Bottom);
        return plot;
    }
}
