using System.CommandLine;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Receipts;
using RduEmu.Emulator.Reports;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Errors;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>--profile</c> and <c>--trace</c>: where the time of a run on the host goes.</summary>
internal sealed class ProfileOptions
{
    private readonly Option<bool> _profile = new("--profile") { Description = "time by section and stage on the host, with its share of what the machine can do" };
    private readonly Option<string?> _trace = new("--trace") { Description = "write what every worker did to this file, as Chrome trace events for Perfetto" };

    public IReadOnlyList<Option> All => [_profile, _trace];

    /// <summary>A profile to be filled, or null if none was asked for.</summary>
    /// <exception cref="RduException">RDU0201: not on the host, or on several RDUs. RDU0501: the trace cannot be written.</exception>
    public HostProfile? Read(ParseResult parsed, string device, int threads, int sockets = 1)
    {
        if (!parsed.GetValue(_profile) && parsed.GetValue(_trace) is null)
        {
            return null;
        }

        string option = parsed.GetValue(_profile) ? "--profile" : "--trace";
        if (device != "host")
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, option, "the device host", device, "use --device host");
        }

        if (sockets > 1)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, option, "one RDU", $"{sockets}", "leave --sockets out");
        }

        if (parsed.GetValue(_trace) is { } path)
        {
            AtomicFile.RequireWritable(path);
        }

        return new HostProfile(threads);
    }

    /// <summary>Prints and writes what was asked for.</summary>
    /// <param name="steps">Steps that were recorded.</param>
    public HostProfileReport Write(ParseResult parsed, Output output, HostProfile profile, CompiledProgram program, string title, int steps)
    {
        if (parsed.GetValue(_trace) is { } path)
        {
            AtomicFile.Write(path, HostProfileReport.Trace(profile, title));
            output.WriteFacts(("trace", path));
        }

        var report = new HostProfileReport(program, profile, MachineCeiling.Measure(profile.Workers), steps);
        if (parsed.GetValue(_profile))
        {
            Print(output, report);
        }

        return report;
    }

    private static void Print(Output output, HostProfileReport report)
    {
        Table sections = Sized("section", "us", "busy", "MFLOP", "GFLOP/s", "of the peak");
        foreach (HostSectionRow row in report.Sections)
        {
            double gflops = row.Operations / row.Seconds / 1e9;
            sections.AddRow(
                Markup.Escape(row.Name), Output.Number(row.Seconds * 1e6, 1), Percent(row.BusyShare), Output.Number(row.Operations / 1e6, 1),
                Output.Number(gflops, 1), Percent(gflops / report.Ceiling.PeakGflops));
        }

        double busy = report.Stages.Sum(row => row.BusySeconds + row.WaitSeconds);
        Table stages = Sized("stage", "us", "share", "waits us", "GFLOP/s", "GB/s", "roofline");
        foreach (HostStageRow row in report.Stages.OrderByDescending(row => row.BusySeconds + row.WaitSeconds))
        {
            stages.AddRow(
                Markup.Escape(row.Name), Output.Number(row.BusySeconds * 1e6, 1), Percent((row.BusySeconds + row.WaitSeconds) / busy),
                Output.Number(row.WaitSeconds * 1e6, 1), Output.Number(row.GflopsPerWorker, 1), Output.Number(row.GBPerSecondPerWorker, 1), Percent(row.RooflineShare));
        }

        output.Text.Write(sections);
        output.Text.Write(stages);
        output.WriteLine(
            $"Mean of {report.Steps} steps. busy: share of the workers' time. Stages: time of all workers together; waits: for each other, behind the stage; "
            + "rates of one worker, of bytes those of the operands wherever they lie; roofline: share of what arithmetic and memory allow. "
            + $"{report.Ceiling.Processor}, {report.Ceiling.Threads} threads: {Output.Number(report.Ceiling.PeakGflops, 0)} GFLOP/s, {Output.Number(report.Ceiling.BandwidthGBs, 1)} GB/s.");
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

    private static string Percent(double share) => double.IsFinite(share) ? $"{Output.Number(share * 100, 0)}%" : "-";
}
