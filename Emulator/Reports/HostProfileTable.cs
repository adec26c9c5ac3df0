using System.Globalization;
using Spectre.Console;

namespace RduEmu.Emulator.Reports;

/// <summary>A profile of the host for people: sections, then stages by the time that they and the waits behind them take.</summary>
public static class HostProfileTable
{
    public static void Write(IAnsiConsole console, HostProfileReport report)
    {
        Table sections = Sized("section", "us", "busy", "MFLOP", "GFLOP/s", "of the peak");
        foreach (HostSectionRow row in report.Sections)
        {
            double gflops = row.Operations / row.Seconds / 1e9;
            sections.AddRow(
                Markup.Escape(row.Name), Number(row.Seconds * 1e6, 1), Percent(row.BusyShare), Number(row.Operations / 1e6, 1),
                Number(gflops, 1), Percent(gflops / report.Ceiling.PeakGflops));
        }

        double busy = report.Stages.Sum(row => row.BusySeconds + row.WaitSeconds);
        Table stages = Sized("stage", "us", "share", "waits us", "GFLOP/s", "GB/s", "roofline");
        foreach (HostStageRow row in report.Stages.OrderByDescending(row => row.BusySeconds + row.WaitSeconds))
        {
            stages.AddRow(
                Markup.Escape(row.Name), Number(row.BusySeconds * 1e6, 1), Percent((row.BusySeconds + row.WaitSeconds) / busy),
                Number(row.WaitSeconds * 1e6, 1), Number(row.GflopsPerWorker, 1), Number(row.GBPerSecondPerWorker, 1), Percent(row.RooflineShare));
        }

        console.Write(sections);
        console.Write(stages);
        console.WriteLine(
            $"Mean of {report.Steps} steps. busy: share of the workers' time. Stages: time of all workers together; waits: for each other, behind the stage; "
            + "rates of one worker, of bytes those of the operands wherever they lie; roofline: share of what arithmetic and memory allow. "
            + $"{report.Ceiling.Processor}, {report.Ceiling.Threads} threads: {Number(report.Ceiling.PeakGflops, 0)} GFLOP/s, {Number(report.Ceiling.BandwidthGBs, 1)} GB/s.");
    }

    private static Table Sized(string first, params ReadOnlySpan<string> others)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn(first);
        foreach (string other in others)
        {
            table.AddColumn(new TableColumn(other).RightAligned().NoWrap());
        }

        return table;
    }

    private static string Percent(double share) => double.IsFinite(share) ? $"{Number(share * 100, 0)}%" : "-";

    private static string Number(double value, int decimals) => value.ToString($"N{decimals}", CultureInfo.InvariantCulture);
}
