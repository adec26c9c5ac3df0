using System.CommandLine;
using System.Globalization;
using RduEmu.Emulator.Receipts;
using RduEmu.Emulator.Reports;
using RduEmu.Kernels.Errors;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu diff</c>: two report folders or two receipts; exit code 1 if they differ.</summary>
internal static class DiffCommand
{
    private const int Listed = 40;

    public static Command Create()
    {
        Argument<string> first = new("A") { Description = "a report's folder, or a receipt" };
        Argument<string> second = new("B") { Description = "another one of the same kind" };
        Option<bool> json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };
        Command command = new("diff", "two reports or two receipts: what moved, by how much") { first, second, json };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(first), parsed.GetRequiredValue(second), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string first, string second, bool json)
    {
        if (Directory.Exists(first) != Directory.Exists(second))
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "B", Directory.Exists(first) ? "a folder, as A" : "a file, as A", second, "name two of one kind");
        }

        var output = new Output(json);
        bool isEqual = Directory.Exists(first) ? Reports(output, ReportComparison.Of(first, second), json) : Receipts(output, first, second, json);
        return (int)(isEqual ? ExitCode.Done : ExitCode.CheckFailed);
    }

    private static bool Reports(Output output, ReportComparison comparison, bool json)
    {
        SectionChange[] moved = [.. comparison.Sections.Where(section => section.First != section.Second).OrderByDescending(section => Math.Abs(section.Difference))];
        if (moved.Length > 0)
        {
            Table table = new Table().Border(TableBorder.Simple).AddColumns("type", "section", "A cycles", "B cycles", "B - A", "change");
            foreach (SectionChange change in moved.Take(Listed))
            {
                table.AddRow(
                    change.Type, Markup.Escape(change.Name), change.First is { } a ? Output.Number(a, 0) : "-", change.Second is { } b ? Output.Number(b, 0) : "-",
                    Signed(change.Difference), change is { First: > 0, Second: not null } ? Percent(change.Difference / (double)change.First) : "-");
            }

            output.Text.Write(table);
        }

        output.WriteFacts(
            ("A", comparison.FirstTitle), ("B", comparison.SecondTitle),
            ("step", $"{Output.Number(comparison.FirstCycles, 0)} -> {Output.Number(comparison.SecondCycles, 0)} cycles ({Signed(comparison.SecondCycles - comparison.FirstCycles)}, {Percent((comparison.SecondCycles - comparison.FirstCycles) / (double)Math.Max(1, comparison.FirstCycles))})"),
            ("sections", $"{moved.Length} of {comparison.Sections.Count} moved{(moved.Length > Listed ? $", the {Listed} that moved most are listed" : string.Empty)}"));
        if (json)
        {
            Output.WriteJson(new { Equal = comparison.IsEqual, StepCycles = new[] { comparison.FirstCycles, comparison.SecondCycles }, Moved = moved });
        }

        return comparison.IsEqual;
    }

    /// <summary>What differs first, and every field that does; two receipts are equal if they are of one run that came to the same.</summary>
    private static bool Receipts(Output output, string first, string second, bool json)
    {
        ReceiptCause? cause = ReceiptCause.First(ReceiptFile.Read(first), ReceiptFile.Read(second));
        IReadOnlyList<ReceiptDifference> differences = ReceiptComparison.Of(first, second);
        foreach (ReceiptDifference difference in differences.Take(Listed))
        {
            output.WriteLine($"{difference.Field}: {difference.First ?? "nothing"} and {difference.Second ?? "nothing"}");
        }

        output.WriteFacts(
            ("receipts", cause is null ? "of one run, with one result" : $"{differences.Count} fields differ"),
            ("first", cause is null ? "nothing differs that bits depend on" : $"{cause.Kind}, {cause.Where}: {cause.A} and {cause.B}"));
        if (json)
        {
            Output.WriteJson(new { Equal = cause is null, First = cause, Differences = differences });
        }

        return cause is null;
    }

    private static string Signed(long value) => value.ToString("+#,0;-#,0;0", CultureInfo.InvariantCulture);

    private static string Percent(double share) => (share * 100).ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture) + "%";
}
