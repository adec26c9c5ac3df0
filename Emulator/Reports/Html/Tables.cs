using System.Text;
using static RduEmu.Emulator.Reports.Csv;

namespace RduEmu.Emulator.Reports.Html;

/// <summary>The sortable tables of the page.</summary>
internal static class Tables
{
    /// <summary>Rows of the stage table; the CSV has all of them.</summary>
    private const int MostStages = 400;

    public static void Append(StringBuilder page, ProgramReport report)
    {
        page.Append("<section class=\"card long\"><h2>Sections</h2><div class=\"scroll\"><table><thead><tr><th>id</th><th class=\"text\">type</th><th class=\"text\">name</th><th>cycles</th><th>share</th><th>iterations</th><th>PCU</th><th>PCU busy</th><th>PMU</th><th>read GB/s</th><th>write GB/s</th><th>samples/s</th><th>loads</th><th class=\"text\">bottleneck</th></tr></thead><tbody>\n");
        double all = Math.Max(1, report.Timing.Rdu.Count);
        foreach (SectionRow row in report.Sections)
        {
            Row(page, [
                ($"{row.Id}", false), (row.Type, true), (row.Name, true), (HtmlReport.Grouped(row.LatencyCycles), false), (Summary.Percent(row.LatencyCycles / all), false),
                ($"{row.Iterations}", false), (Summary.Percent(row.PcuUtilization), false), (Summary.Percent(row.PcuBusy), false), (Summary.Percent(row.PmuUtilization), false),
                (Fixed(row.ReadGigabytesPerSecond, 2), false), (Fixed(row.WriteGigabytesPerSecond, 2), false), (HtmlReport.Grouped((long)row.ThroughputSamplesPerSecond), false),
                (HtmlReport.Grouped(row.ProgramLoadCycles + row.ArgumentLoadCycles + row.LaunchCycles), false), ($"{row.Bottleneck}, {Summary.Percent(row.BottleneckShare)}", true),
            ]);
        }

        page.Append("</tbody></table></div></section>\n<section class=\"card long\"><h2>Stages</h2>");
        StageRow[] stages = [.. report.Stages.OrderByDescending(row => row.BusyCycles).ThenBy(row => row.Section).ThenBy(row => row.Id).Take(MostStages)];
        if (stages.Length < report.Stages.Length)
        {
            page.Append($"<p class=\"sub\">The {MostStages} busiest of {report.Stages.Length}; all are in stage_report.csv.</p>");
        }

        page.Append("<div class=\"scroll\"><table><thead><tr><th>section</th><th>stage</th><th>depth</th><th class=\"text\">template</th><th class=\"text\">name</th><th>cycles/iteration</th><th>iterations</th><th>PCUs</th><th>PMUs</th><th>busy</th><th>waits for input</th><th>for room</th><th>for resources</th></tr></thead><tbody>\n");
        foreach (StageRow row in stages)
        {
            Row(page, [
                ($"{row.Section}", false), ($"{row.Id}", false), ($"{row.Depth}", false), (row.Template, true), (row.Name, true), (HtmlReport.Grouped(row.LatencyCyclesPerIteration), false),
                ($"{row.Iterations}", false), ($"{row.Pcus}", false), ($"{row.Pmus}", false), (HtmlReport.Grouped(row.BusyCycles), false), (HtmlReport.Grouped(row.WaitedForInputCycles), false),
                (HtmlReport.Grouped(row.WaitedForRoomCycles), false), (HtmlReport.Grouped(row.WaitedForResourceCycles), false),
            ]);
        }

        page.Append("</tbody></table></div></section>\n");
        Traffic(page, report);
    }

    /// <summary>Links between RDUs, where there are several.</summary>
    private static void Traffic(StringBuilder page, ProgramReport report)
    {
        if (report.Timing.Traffic.Length == 0)
        {
            return;
        }

        page.Append("<section class=\"card long\"><h2>Links between RDUs, one step</h2><div class=\"scroll\"><table><thead><tr><th>from</th><th>to</th><th class=\"text\">network</th><th>messages</th><th>bytes</th></tr></thead><tbody>\n");
        foreach (Fabric.LinkTraffic link in report.Timing.Traffic)
        {
            Row(page, [($"{link.From}", false), ($"{link.To}", false), (link.IsInNode ? "links of the node" : "between nodes", true), (HtmlReport.Grouped(link.Messages), false), (HtmlReport.Grouped(link.Bytes), false)]);
        }

        page.Append("</tbody></table></div></section>\n");
    }

    private static void Row(StringBuilder page, ReadOnlySpan<(string Value, bool IsText)> cells)
    {
        page.Append("<tr>");
        foreach ((string value, bool isText) in cells)
        {
            string text = HtmlReport.Text(value);
            page.Append(isText ? $"<td class=\"text\" data-tip=\"{text}\">{text}</td>" : $"<td>{text}</td>");
        }

        page.Append("</tr>\n");
    }
}
