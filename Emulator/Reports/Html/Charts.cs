using System.Collections.Immutable;
using System.Text;
using static RduEmu.Emulator.Reports.Csv;

namespace RduEmu.Emulator.Reports.Html;

/// <summary>A point of the throughput over the batch.</summary>
/// <param name="SamplesPerSecond">Of inference, batches following each other.</param>
/// <param name="Microseconds">Of the inference of one batch alone.</param>
/// <param name="TrainingSamplesPerSecond">Of training steps.</param>
public readonly record struct CurvePoint(int Batch, double SamplesPerSecond, double Microseconds, double TrainingSamplesPerSecond);

/// <summary>The charts, as SVG.</summary>
internal static class Charts
{
    private const int Width = 1160;
    private const int HalfWidth = 560;
    private const int HalfHeight = 340;
    private const int Left = 64;
    private const int Bottom = 44;
    private const int Right = 26;

    /// <summary>Sections one after the other, a row for each kind of work, as wide as their time.</summary>
    public static string Timeline(ProgramReport report)
    {
        const int RowHeight = 30;
        const int Label = 92;
        string[] kinds = ["Forward", "Backward", "Optimizer"];
        double all = Math.Max(1, report.Timing.Rdu.Count);
        double scale = (Width - Label - 10) / all;
        var svg = new StringBuilder($"<svg viewBox=\"0 0 {Width} {kinds.Length * RowHeight + 34}\" width=\"{Width}\" role=\"img\" aria-label=\"timeline\">");
        for (int row = 0; row < kinds.Length; row++)
        {
            int y = row * RowHeight;
            svg.Append($"<text x=\"0\" y=\"{y + 19}\" class=\"soft\">{kinds[row]}</text><line class=\"grid\" x1=\"{Label}\" y1=\"{y + RowHeight - 2}\" x2=\"{Width - 10}\" y2=\"{y + RowHeight - 2}\"/>");
            foreach (SectionRow section in report.Sections.Where(section => section.Type == kinds[row]))
            {
                long loads = section.ProgramLoadCycles + section.ArgumentLoadCycles + section.LaunchCycles;
                double x = Label + (section.StartCycles * scale);
                string tip = HtmlReport.Text($"section {section.Id}: {section.Name}\n{HtmlReport.Grouped(section.LatencyCycles)} cycles, {Fixed(section.LatencySeconds * 1e6, 1)} us, {section.Iterations} iterations\nPCU {Summary.Percent(section.PcuUtilization)}, PMU {Summary.Percent(section.PmuUtilization)}, {Fixed(section.TotalGigabytesPerSecond, 1)} GB/s\nbottleneck: {section.Bottleneck}");
                svg.Append($"<rect class=\"load\" x=\"{Fixed(x, 2)}\" y=\"{y + 3}\" width=\"{Fixed(Math.Max(0.2, loads * scale), 2)}\" height=\"{RowHeight - 8}\" data-tip=\"{tip}\"/>")
                    .Append($"<rect class=\"{section.Type}\" data-section=\"{section.Id}\" x=\"{Fixed(x + (loads * scale), 2)}\" y=\"{y + 3}\" width=\"{Fixed(Math.Max(0.4, (section.ExecutionCycles * scale) - 0.4), 2)}\" height=\"{RowHeight - 8}\" data-tip=\"{tip}\"/>");
            }
        }

        int axis = kinds.Length * RowHeight + 4;
        for (int tick = 0; tick <= 10; tick++)
        {
            double cycles = all * tick / 10;
            double x = Label + (cycles * scale);
            string anchor = tick == 10 ? "end" : "middle";
            svg.Append($"<line class=\"axis\" x1=\"{Fixed(x, 1)}\" y1=\"{axis - 4}\" x2=\"{Fixed(x, 1)}\" y2=\"{axis + 2}\"/><text class=\"soft\" text-anchor=\"{anchor}\" x=\"{Fixed(x, 1)}\" y=\"{axis + 17}\">{Engineering(cycles)}</text>");
        }

        return svg.Append("</svg><div class=\"legend\"><span><i style=\"background:var(--forward)\"></i>forward</span><span><i style=\"background:var(--backward)\"></i>backward</span><span><i style=\"background:var(--optimizer)\"></i>optimizer</span><span><i style=\"background:var(--load)\"></i>program and argument load, launch</span><span>axis in modelled cycles; a click shows the section's floor plan</span></div>\n").ToString();
    }

    /// <summary>What each section reaches, beside what its memory traffic and the PCUs allow.</summary>
    public static string Roofline(ProgramReport report)
    {
        double peak = report.Spec.PeakOperationsPerSecond * report.Timing.Tiles / report.Spec.Chip.Tiles;
        double bandwidth = report.Timing.Memory.Value * report.Spec.ClockHertz;
        (double X, double Y, SectionRow Row)[] points =
        [
            .. report.Sections.Where(row => row is { Operations: > 0, MemoryBytes: > 0 })
                .Select(row => (row.Operations / (double)row.MemoryBytes, row.Operations / row.LatencySeconds, row)),
        ];
        double left = Math.Floor(Math.Log10(Math.Min(0.1, points.Select(point => point.X).DefaultIfEmpty(1).Min())));
        double right = Math.Ceiling(Math.Log10(Math.Max(10 * peak / bandwidth, points.Select(point => point.X).DefaultIfEmpty(1).Max())));
        double top = Math.Ceiling(Math.Log10(peak));
        double bottom = Math.Floor(Math.Log10(Math.Min(peak / 1e4, points.Select(point => point.Y).DefaultIfEmpty(peak).Min())));
        var scale = new LogScale(left, right, bottom, top);
        StringBuilder svg = Frame(scale, "operations per byte of memory traffic", "operations/s", "roofline");
        double knee = peak / bandwidth;
        double start = Math.Max(left, bottom - Math.Log10(bandwidth));
        svg.Append($"<path class=\"roof\" d=\"M{scale.X(Math.Pow(10, start))} {scale.Y(bandwidth * Math.Pow(10, start))} L{scale.X(knee)} {scale.Y(peak)} L{scale.X(Math.Pow(10, right))} {scale.Y(peak)}\"/>")
            .Append($"<text class=\"soft\" text-anchor=\"end\" x=\"{HalfWidth - Right - 4}\" y=\"{Fixed(scale.YOf(peak) - 6, 0)}\">{Fixed(peak / 1e12, 0)} TFLOPS, {Fixed(bandwidth / 1e9, 0)} GB/s sustained</text>");
        double longest = Math.Max(1, report.Sections.Select(row => row.LatencyCycles).DefaultIfEmpty(1).Max());
        foreach ((double x, double y, SectionRow row) in points)
        {
            double radius = 3 + (7 * Math.Sqrt(row.LatencyCycles / longest));
            string tip = HtmlReport.Text($"section {row.Id}: {row.Name}\n{Fixed(x, 2)} operations/byte, {Fixed(y / 1e12, 3)} TFLOPS\nbottleneck: {row.Bottleneck}");
            svg.Append($"<circle class=\"{row.Type}\" opacity=\"0.72\" cx=\"{scale.X(x)}\" cy=\"{scale.Y(y)}\" r=\"{Fixed(radius, 1)}\" data-section=\"{row.Id}\" data-tip=\"{tip}\"/>");
        }

        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>Time by what bounds it.</summary>
    public static string Shares(ProgramReport report)
    {
        double all = Math.Max(1, report.Timing.Rdu.Count);
        (string Name, double Share)[] bars =
        [
            .. report.Sections.GroupBy(row => Summary.Kind(row.Bottleneck))
                .Select(group => (group.Key, group.Sum(row => row.LatencyCycles) / all))
                .OrderByDescending(bar => bar.Item2).ThenBy(bar => bar.Key, StringComparer.Ordinal).Take(8),
        ];
        const int BarHeight = 38;
        var svg = new StringBuilder($"<svg viewBox=\"0 0 {HalfWidth} {Math.Max(1, bars.Length) * BarHeight + 10}\" width=\"{HalfWidth}\" role=\"img\" aria-label=\"shares\">");
        for (int i = 0; i < bars.Length; i++)
        {
            double width = bars[i].Share * (HalfWidth - 90);
            svg.Append($"<text x=\"0\" y=\"{i * BarHeight + 12}\">bound by {HtmlReport.Text(bars[i].Name)}</text><rect class=\"Forward\" x=\"0\" y=\"{i * BarHeight + 17}\" width=\"{Fixed(Math.Max(1, width), 1)}\" height=\"13\" rx=\"3\"/><text class=\"soft\" x=\"{Fixed(width + 8, 1)}\" y=\"{i * BarHeight + 28}\">{Summary.Percent(bars[i].Share)}</text>");
        }

        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>Inference and training steps over the batch.</summary>
    public static string Curve(ImmutableArray<CurvePoint> curve)
    {
        double top = Math.Ceiling(Math.Log10(curve.Max(point => point.SamplesPerSecond)));
        double bottom = Math.Floor(Math.Log10(curve.Min(point => Math.Min(point.SamplesPerSecond, point.TrainingSamplesPerSecond))));
        var scale = new LogScale(0, 5, Math.Min(top - 2, bottom), top);
        StringBuilder svg = Frame(scale, "batch in samples", "samples/s", "throughput over the batch");
        Line(svg, scale, "Forward", curve, point => point.SamplesPerSecond, point => $"inference, {Fixed(point.Microseconds, 1)} us for one batch alone");
        Line(svg, scale, "Backward", curve, point => point.TrainingSamplesPerSecond, _ => "training");
        return svg.Append("</svg><div class=\"legend\"><span><i style=\"background:var(--forward)\"></i>inference</span><span><i style=\"background:var(--backward)\"></i>training steps</span></div>\n").ToString();
    }

    private static void Line(
        StringBuilder svg, LogScale scale, string kind, ImmutableArray<CurvePoint> curve, Func<CurvePoint, double> rate, Func<CurvePoint, string> what)
    {
        svg.Append($"<path class=\"curve {kind}\" d=\"");
        for (int i = 0; i < curve.Length; i++)
        {
            svg.Append($"{(i == 0 ? "M" : " L")}{scale.X(curve[i].Batch)} {scale.Y(rate(curve[i]))}");
        }

        svg.Append("\"/>");
        foreach (CurvePoint point in curve)
        {
            svg.Append($"<circle class=\"{kind}\" cx=\"{scale.X(point.Batch)}\" cy=\"{scale.Y(rate(point))}\" r=\"4\" data-tip=\"batch {point.Batch}: {HtmlReport.Grouped((long)rate(point))} samples/s, {what(point)}\"/>");
        }
    }

    private static StringBuilder Frame(LogScale scale, string horizontal, string vertical, string label)
    {
        var svg = new StringBuilder($"<svg viewBox=\"0 0 {HalfWidth} {HalfHeight}\" width=\"{HalfWidth}\" role=\"img\" aria-label=\"{label}\">");
        for (double power = scale.Left; power <= scale.Right; power++)
        {
            string x = scale.X(Math.Pow(10, power));
            svg.Append($"<line class=\"grid\" x1=\"{x}\" y1=\"10\" x2=\"{x}\" y2=\"{HalfHeight - Bottom}\"/><text class=\"soft\" text-anchor=\"middle\" x=\"{x}\" y=\"{HalfHeight - Bottom + 16}\">{Engineering(Math.Pow(10, power))}</text>");
        }

        for (double power = scale.Low; power <= scale.High; power++)
        {
            string y = scale.Y(Math.Pow(10, power));
            svg.Append($"<line class=\"grid\" x1=\"{Left}\" y1=\"{y}\" x2=\"{HalfWidth - Right}\" y2=\"{y}\"/><text class=\"soft\" text-anchor=\"end\" x=\"{Left - 6}\" y=\"{Fixed(scale.YOf(Math.Pow(10, power)) + 4, 1)}\">{Engineering(Math.Pow(10, power))}</text>");
        }

        return svg.Append($"<text class=\"soft\" text-anchor=\"middle\" x=\"{(Left + HalfWidth) / 2}\" y=\"{HalfHeight - 8}\">{horizontal}</text><text class=\"soft\" text-anchor=\"middle\" transform=\"translate(12 {(HalfHeight - Bottom) / 2}) rotate(-90)\">{vertical}</text>");
    }

    private static string Engineering(double value) => value switch
    {
        >= 1e15 => $"{Trim(value / 1e15)}P",
        >= 1e12 => $"{Trim(value / 1e12)}T",
        >= 1e9 => $"{Trim(value / 1e9)}G",
        >= 1e6 => $"{Trim(value / 1e6)}M",
        >= 1e3 => $"{Trim(value / 1e3)}k",
        _ => Trim(value),
    };

    private static string Trim(double value) => value.ToString(value < 0.1 ? "0.######" : "0.##", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Two logarithmic axes, by powers of ten.</summary>
    private readonly record struct LogScale(double Left, double Right, double Low, double High)
    {
        public string X(double value) => Fixed(Charts.Left + ((Math.Log10(value) - Left) / Math.Max(1, Right - Left) * (HalfWidth - Charts.Right - Charts.Left)), 1);

        public string Y(double value) => Fixed(YOf(value), 1);

        public double YOf(double value) => HalfHeight - Bottom - ((Math.Log10(value) - Low) / Math.Max(1, High - Low) * (HalfHeight - Bottom - 10));
    }
}
