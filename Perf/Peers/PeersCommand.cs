using System.CommandLine;
using System.Globalization;
using RduEmu.Kernels.Errors;
using Spectre.Console;

namespace RduEmu.Perf.Peers;

/// <summary><c>peers</c>: the same models and weights in RduEmu and in ONNX Runtime, in one process, in turns.</summary>
internal static class PeersCommand
{
    public static Command Create()
    {
        var suites = new PeerOptions();
        Option<bool> json = new("--json") { Description = "one JSON object on stdout" };
        Option<FileInfo?> markdown = new("--markdown") { Description = "writes the table to a file as Markdown" };
        Option<FileInfo?> baseline = new("--baseline") { Description = "writes the ratios to a file that gate compares with" };
        Command command = new("peers", "RduEmu and ONNX Runtime side by side, in turns, outputs checked first") { json, markdown, baseline };
        suites.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            PeerReport report = suites.Measure(parsed, cancellation);
            if (parsed.GetValue(markdown) is { } file)
            {
                File.WriteAllText(file.FullName, report.ToMarkdown());
            }

            if (parsed.GetValue(baseline) is { } ratios)
            {
                File.WriteAllText(ratios.FullName, report.ToJson());
            }

            if (parsed.GetValue(json))
            {
                Console.Out.WriteLine(report.ToJson());
            }
            else
            {
                Print(report);
            }

            return Task.FromResult(0);
        });
        return command;
    }

    private static void Print(PeerReport report)
    {
        Table table = new Table().Border(TableBorder.Simple);
        table.AddColumn(new TableColumn("case").NoWrap());
        foreach (string heading in PeerReport.Headings)
        {
            table.AddColumn(new TableColumn(heading).RightAligned());
        }

        foreach (PeerCase line in report.Cases)
        {
            table.AddRow([Markup.Escape(line.Name), .. PeerReport.Cells(line)]);
        }

        AnsiConsole.Write(table);
        AnsiConsole.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"{report.Summary()}");
    }
}

/// <summary><c>gate</c>: the ratios of now beside those of a file; exit code 1 if one fell by more than the noise of both.</summary>
internal static class GateCommand
{
    private static readonly string[] Headings = ["ratio before", "now", "least allowed", "verdict"];

    public static Command Create()
    {
        var suites = new PeerOptions();
        Option<FileInfo> baseline = new("--baseline") { Description = "ratios written by peers --baseline", Required = true };
        Option<double> allowance = new("--allowance")
        {
            Description = "by how much a ratio may fall beyond its noise",
            DefaultValueFactory = _ => PeerGate.DefaultAllowance,
        };
        Command command = new("gate", "fails if a ratio to the peer has fallen") { baseline, allowance };
        suites.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            PeerReport before = PeerReport.Read(parsed.GetValue(baseline)!);
            PeerReport now = suites.Measure(parsed, cancellation);
            IReadOnlyList<GateLine> lines = PeerGate.Compare(before, now, parsed.GetValue(allowance));
            Table table = new Table().Border(TableBorder.Simple);
            table.AddColumn(new TableColumn("case").NoWrap());
            foreach (string heading in Headings)
            {
                table.AddColumn(new TableColumn(heading).RightAligned());
            }

            foreach (GateLine line in lines)
            {
                table.AddRow(
                    Markup.Escape(line.Name), PeerReport.Number(line.Before, "F3"), PeerReport.Number(line.Now, "F3"), PeerReport.Number(line.Least, "F3"),
                    line.Verdict);
            }

            AnsiConsole.Write(table);
            return Task.FromResult(lines.Any(line => line.HasFailed) ? 1 : 0);
        });
        return command;
    }
}

/// <summary>Which cases are run, how long, on how many threads.</summary>
internal sealed class PeerOptions
{
    private readonly Argument<string[]> _suites = new("suites")
    {
        Description = $"{string.Join(", ", PeerSuites.All.Keys)}; all if none is named",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string?> _filter = new("--filter") { Description = "only cases whose name has this in it" };
    private readonly Option<bool> _quick = new("--quick") { Description = "fewer and shorter turns" };
    private readonly Option<int> _threads = new("--threads") { Description = "threads of each side", DefaultValueFactory = _ => 2 };

    public void AddTo(Command command)
    {
        command.Arguments.Add(_suites);
        command.Options.Add(_filter);
        command.Options.Add(_quick);
        command.Options.Add(_threads);
    }

    public PeerReport Measure(ParseResult parsed, CancellationToken cancellation)
    {
        int threads = parsed.GetValue(_threads);
        if (threads < 1)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--threads", "at least 1", $"{threads}", "give a positive number of threads");
        }

        string[] named = parsed.GetValue(_suites) is { Length: > 0 } given ? given : [.. PeerSuites.All.Keys];
        foreach (string name in named.Where(name => !PeerSuites.All.ContainsKey(name)))
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "suites", string.Join(", ", PeerSuites.All.Keys), name, "name one of them, or none for all");
        }

        string? filter = parsed.GetValue(_filter);
        IEnumerable<PeerWork> works = named.SelectMany(name => PeerSuites.All[name]()).Where(work => filter is null || work.Name.Contains(filter, StringComparison.Ordinal));
        return PeerReport.Measure(works, parsed.GetValue(_quick) ? new Turns(5, 0.1) : new Turns(15, 0.3), threads, cancellation);
    }
}
