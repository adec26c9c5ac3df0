using System.CommandLine;
using RduEmu.Emulator.Validation;
using RduEmu.Kernels.Errors;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu validate</c>: published runs beside what the machine model says of them.</summary>
internal static class ValidateCommand
{
    public static Command Create()
    {
        Option<string?> cases = new("--cases") { Description = "a YAML file of cases; left out: the published ones" };
        Option<string?> only = new("--only") { Description = "cases whose name contains this" };
        Option<string?> document = new("--document") { Description = "write the table as Markdown to this file" };
        Option<string?> reports = new("--reports") { Description = "write the report of each case's program into a folder of its own below this one" };
        Option<bool> json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };
        Command command = new("validate", "published runs beside what the machine model says of them") { cases, only, document, reports, json };
        command.SetAction(parsed => Run(parsed.GetValue(cases), parsed.GetValue(only), parsed.GetValue(document), parsed.GetValue(reports), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string? path, string? only, string? document, string? reports, bool json)
    {
        ValidationCase[] cases = [.. (path is null ? CaseFile.Published() : CaseFile.Read(path)).Where(item => only is null || item.Name.Contains(only, StringComparison.Ordinal))];
        if (cases.Length == 0)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, only is null ? "--cases" : "--only", "at least one case", "none", "name another file or another part of a name");
        }

        if (document is not null)
        {
            Receipts.AtomicFile.RequireWritable(document);
        }

        var output = new Output(json);
        using var interruption = new Interruption();
        CaseResult[] results = ProgressBar.Run(output.Progress, "validating", report =>
        {
            var validator = new Validator(reports);
            var done = new List<CaseResult>();
            foreach (ValidationCase item in cases)
            {
                interruption.Token.ThrowIfCancellationRequested();
                done.Add(validator.Run(item, interruption.Token));
                report(done.Count, cases.Length, () => item.Name);
            }

            return done.ToArray();
        });
        Table table = new Table().Border(TableBorder.Simple).AddColumns("case", "quantity", "modelled", "published", "error");
        foreach (int column in new[] { 2, 3, 4 })
        {
            table.Columns[column].RightAligned();
        }

        foreach (CaseResult result in results)
        {
            table.AddRow(
                Markup.Escape(result.Case.Name), result.Case.Quantity, ValidationDocument.Number(result.Modelled), ValidationDocument.Number(result.Case.Value),
                ValidationDocument.Percent(result.RelativeError));
        }

        output.Text.Write(table);
        foreach (string line in ValidationDocument.Verdict(results))
        {
            output.WriteLine(line);
        }

        if (document is not null)
        {
            Receipts.AtomicFile.Write(document, ValidationDocument.Write(results));
        }

        if (json)
        {
            Output.WriteJson(new
            {
                Cases = results.Select(result => new
                {
                    result.Case.Name,
                    result.Case.Quantity,
                    result.Modelled,
                    Published = result.Case.Value,
                    result.RelativeError,
                    result.Case.Source,
                }),
                MedianAbsoluteError = ValidationDocument.Median(results),
                WorstFactor = results.Max(result => result.Factor),
            });
        }

        return (int)ExitCode.Done;
    }
}
