using System.Collections.Immutable;
using RduEmu.Emulator.Receipts;
using RduEmu.Emulator.Reports.Html;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Reports;

/// <summary>The files of a report: a function of the report alone, so the same run writes the same bytes.</summary>
public static class ReportFolder
{
    public const string Summary = "summary.json";
    public const string Sections = "section_report.csv";

    /// <param name="folder">Made if it does not exist.</param>
    /// <exception cref="RduException">RDU0501.</exception>
    public static IReadOnlyList<string> Write(ProgramReport report, ImmutableArray<CurvePoint> curve, string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.OutputNotWritten, folder, "a folder", error.Message, "name a folder that can be made");
        }

        (string Name, byte[] Content)[] files =
        [
            (Summary, Reports.Summary.Write(report)),
            (Sections, CsvReports.Sections(report)),
            ("stage_report.csv", CsvReports.Stages(report)),
            ("bandwidth_report.csv", CsvReports.Bandwidths(report)),
            ("paths_report.csv", CsvReports.Paths(report)),
            .. report.Timing.Traffic.Length > 0 ? new[] { ("traffic_report.csv", CsvReports.Traffic(report)) } : [],
            ("trace.json", PerfettoTrace.Write(report)),
            ("report.html", HtmlReport.Write(report, curve)),
        ];
        foreach ((string name, byte[] content) in files)
        {
            AtomicFile.Write(Path.Combine(folder, name), content);
        }

        return [.. files.Select(file => file.Name)];
    }
}
