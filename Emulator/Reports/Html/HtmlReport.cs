using System.Collections.Immutable;
using System.Net;
using System.Reflection;
using System.Text;
using System.Text.Json;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.Machine.Simulation;
using static RduEmu.Emulator.Reports.Csv;

namespace RduEmu.Emulator.Reports.Html;

/// <summary>
/// The report as one page that needs nothing else: key numbers, insights, timeline, floor plan, roofline, tables, and where there is
/// one the throughput over the batch. Charts are SVG made here; only the choice of the floor plan and sorting are script.
/// </summary>
internal static class HtmlReport
{
    /// <summary>Layouts that are drawn: the ones that take the most time. More would only make the file large.</summary>
    private const int DrawnLayouts = 24;

    private static readonly JsonSerializerOptions Web = new(JsonSerializerDefaults.Web);

    public static byte[] Write(ProgramReport report, ImmutableArray<CurvePoint> curve)
    {
        ProgramTiming timing = report.Timing;
        var page = new StringBuilder();
        string title = Text($"{report.Title} on {report.Spec.Name}");
        page.Append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .Append($"<title>{title}: modelled cycles</title>\n<style>\n").Append(Resource("report.css")).Append("</style></head>\n<body><main>\n")
            .Append($"<h1>{title}</h1>\n<p class=\"sub\">{Text(report.Spec.Title)}; mode {timing.Program.Options.Mode.ToString().ToLowerInvariant()}, {timing.Tiles} tiles, {timing.Sockets} {(timing.Sockets == 1 ? "socket" : "sockets")}. All times are modelled cycles at {report.Spec.Chip.ClockMegahertz} MHz, none is measured.</p>\n");
        Facts(page, report);
        page.Append("<section class=\"card\"><h2>Insights</h2><ul class=\"insights\">\n");
        foreach (string sentence in Summary.Sentences(report))
        {
            page.Append($"<li>{Text(sentence)}</li>\n");
        }

        page.Append("</ul></section>\n");
        page.Append("<section class=\"card\"><h2>Timeline of the sections</h2>\n").Append(Charts.Timeline(report)).Append("</section>\n");
        Floor(page, report);
        page.Append("<div class=\"two\"><section class=\"card\"><h2>Roofline</h2>\n").Append(Charts.Roofline(report)).Append("</section>\n");
        page.Append(curve.IsEmpty
            ? "<section class=\"card\"><h2>Where the time goes</h2>\n" + Charts.Shares(report)
            : "<section class=\"card\"><h2>Throughput over the batch (modelled)</h2>\n" + Charts.Curve(curve));
        page.Append("</section></div>\n");
        Tables.Append(page, report);
        page.Append($"<footer>RduEmu. Machine description {Text(report.Spec.Name)}, sha256 {report.Spec.Digest[..16]}…; every number of it carries its source or is marked as inferred.</footer>\n")
            .Append("</main><div id=\"tip\"></div>\n<script type=\"application/json\" id=\"data\">").Append(Data(report)).Append("</script>\n<script>\n")
            .Append(Resource("report.js")).Append("</script>\n</body></html>\n");
        return Encoding.UTF8.GetBytes(page.ToString());
    }

    public static string Text(string text) => WebUtility.HtmlEncode(text);

    private static void Facts(StringBuilder page, ProgramReport report)
    {
        ProgramTiming timing = report.Timing;
        double peak = report.Spec.PeakOperationsPerSecond * timing.Tiles / report.Spec.Chip.Tiles / 1e12;
        (string Value, string Name)[] facts =
        [
            (Grouped(timing.Step.Count), "cycles of one step"),
            ($"{Fixed(timing.Seconds * 1e3, 3)} ms", "one step"),
            (Grouped((long)Math.Round(timing.SamplesPerSecond)), "samples/s"),
            ($"{report.Sections.Length}", "sections"),
            ($"{Fixed(Summary.Teraflops(report), 2)} TFLOPS", $"of {Fixed(peak, 0)} at the peak"),
            ($"{Fixed(Summary.Gigabytes(report), 1)} GB/s", report.Spec.Hbm is null ? "DDR traffic" : "HBM traffic"),
        ];
        page.Append("<div class=\"facts\">");
        foreach ((string value, string name) in facts)
        {
            page.Append($"<div class=\"fact\"><b>{Text(value)}</b><span>{Text(name)}</span></div>");
        }

        page.Append("</div>\n");
    }

    private static void Floor(StringBuilder page, ProgramReport report)
    {
        page.Append("<section class=\"card\"><h2>Floor plan</h2>\n<div class=\"tools\"><label>section <select id=\"section\">");
        int first = Summary.Largest(report)?.Id ?? 0;
        foreach (SectionRow row in report.Sections)
        {
            string name = row.Name.Length > 60 ? $"{row.Name[..59]}…" : row.Name;
            page.Append($"<option value=\"{row.Id}\"{(row.Id == first ? " selected" : string.Empty)}>{row.Id} {row.Type} {Text(name)}</option>");
        }

        page.Append("</select></label><label class=\"screen\">colour by <select id=\"colour\"><option value=\"stage\">stage</option><option value=\"load\">load</option></select></label></div>\n")
            .Append("<div class=\"plan\"><div id=\"floor\"></div><div><div class=\"legend\"><span>squares are PCUs, circles PMUs, triangles AGCUs; grey ones are free; lines are links, thicker with more traffic</span></div>\n<div class=\"legend\" id=\"stages\"></div></div></div></section>\n");
    }

    private static string Data(ProgramReport report)
    {
        PlacedProgram program = report.Timing.Program;
        HashSet<int> drawn = [.. report.Sections.GroupBy(row => row.Layout).OrderByDescending(group => group.Sum(row => row.LatencyCycles)).ThenBy(group => group.Key).Take(DrawnLayouts).Select(group => group.Key)];
        var names = new List<string>();
        var known = new Dictionary<string, int>();
        int Name(string name)
        {
            if (!known.TryGetValue(name, out int index))
            {
                known.Add(name, index = names.Count);
                names.Add(name);
            }

            return index;
        }

        ILookup<int, StageRow> stages = report.Stages.ToLookup(row => row.Section);
        var sections = report.Sections.Select(row => new
        {
            row.Layout,
            Stages = stages[row.Id].Select(stage => Name(stage.Name)).ToArray(),
            Load = stages[row.Id].Select(stage => Math.Round(stage.BusyCycles / (double)Math.Max(1, row.LatencyCycles), 3)).ToArray(),
        }).ToArray();
        var first = new MachineSection?[program.Layouts.Count];
        foreach (PlacedSection section in program.Sections)
        {
            first[section.Layout] ??= section.Section;
        }

        var layouts = program.Layouts.Select((layout, index) => drawn.Contains(index)
            ? new
            {
                Rows = layout.GridRows,
                Columns = layout.GridColumns,
                TileRows = program.Resources.GridRows,
                TileColumns = program.Resources.GridColumns,
                Units = layout.Units.Select(unit => new object[] { (int)unit.Kind, unit.Role.ToString(), unit.Owner, StageOf(first[index]!, unit), unit.Site.Row, unit.Site.Column }).ToArray(),
                Links = layout.LinkLoads.Where(load => load.Network == Network.Vector).Select(load => new[] { load.Link, load.BytesPerIteration, load.Routes }).ToArray(),
            }
            : null).ToArray();
        return JsonSerializer.Serialize(new { Sections = sections, Names = names, Layouts = layouts }, Web);
    }

    /// <summary>The stage that a unit works for: of a buffer the one that reads it.</summary>
    private static int StageOf(MachineSection section, PlacedUnit unit) => unit.Role switch
    {
        UnitRole.StreamBuffer => section.Streams[unit.Owner].Consumer,
        UnitRole.DramBuffer or UnitRole.Port => section.DramTransfers[unit.Owner].Stages[0],
        _ => unit.Owner,
    };

    internal static string Grouped(long value) => value.ToString("N0", System.Globalization.CultureInfo.InvariantCulture);

    private static string Resource(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"resource {name} is missing");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
