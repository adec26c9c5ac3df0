using RduEmu.Emulator.Training;
using ScottPlot;
using ScottPlot.Plottables;

namespace RduEmu.Emulator.Plots;

/// <summary>Loss over the steps and, where there were measurements, the metric beside it.</summary>
internal static class TrainingPlot
{
    public static Plot Draw(string title, TrainingState state)
    {
        var plot = PlotFile.New();
        plot.Title(title);
        plot.XLabel("step");
        plot.YLabel("loss");
        Scatter loss = plot.Add.ScatterLine(state.Curve.Select(point => (double)point.Step).ToArray(), state.Curve.Select(point => (double)point.Loss).ToArray());
        loss.LegendText = "loss";
        if (state.Measured.Count > 0)
        {
            Scatter metric = plot.Add.Scatter(state.Measured.Select(one => (double)one.Step).ToArray(), state.Measured.Select(one => one.Evaluation.Main.Value).ToArray());
            metric.LegendText = state.Measured[0].Evaluation.Main.Title;
            metric.Axes.YAxis = plot.Axes.Right;
            plot.Axes.Right.Label.Text = metric.LegendText;
        }

        plot.ShowLegend();
        return plot;
    }
}
