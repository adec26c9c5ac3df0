using System.CommandLine;
using RduEmu.Emulator.Conformance;
using RduEmu.Emulator.Execution;
using RduEmu.Kernels.Errors;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu conform</c>: runs every ONNX case below a folder and compares the outputs with the recorded ones.</summary>
internal sealed class ConformCommand
{
    private readonly Argument<string> _folder = new("DIR") { Description = "a folder with cases: model.onnx, test_data_set_k/input_i.pb and output_i.pb" };
    private readonly Option<string> _device = new("--device") { Description = "host, ilgpu, cuda[:n] or opencl[:n]", DefaultValueFactory = _ => "host" };
    private readonly Option<int> _threads = new("--threads") { Description = "workers on the host", DefaultValueFactory = _ => Environment.ProcessorCount };
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };

    public static Command Create()
    {
        var conform = new ConformCommand();
        Command command = new("conform", "runs every ONNX case below a folder and compares the outputs with the recorded ones");
        command.Add(conform._folder);
        command.Add(conform._device);
        command.Add(conform._threads);
        command.Add(conform._json);
        command.SetAction(conform.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        bool json = parsed.GetValue(_json);
        var output = new Output(json);
        IReadOnlyList<string> cases = ConformanceCase.Find(parsed.GetRequiredValue(_folder));
        var target = new ExecutionTarget(parsed.GetRequiredValue(_device), CommonOptions.Positive("--threads", parsed.GetRequiredValue(_threads)));
        using var interruption = new Interruption();
        List<ConformanceReport> reports = ProgressBar.Run(output.Progress, "conform", report =>
        {
            var done = new List<ConformanceReport>();
            foreach (string folder in cases)
            {
                interruption.Token.ThrowIfCancellationRequested();
                done.Add(ConformanceCase.Run(folder, target));
                report(done.Count, cases.Count, () => Path.GetFileName(folder));
            }

            return done;
        });

        Print(output, reports);
        if (json)
        {
            Output.WriteJson(new
            {
                Passed = Count(reports, ConformanceResult.Passed),
                Failed = Count(reports, ConformanceResult.Failed),
                OutOfScope = Count(reports, ConformanceResult.OutOfScope),
                Cases = reports,
            });
        }

        return (int)(reports.Exists(report => report.Result == ConformanceResult.Failed) ? ExitCode.CheckFailed : ExitCode.Done);
    }

    private static int Count(List<ConformanceReport> reports, ConformanceResult result) => reports.Count(report => report.Result == result);

    private static void Print(Output output, List<ConformanceReport> reports)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("out of scope", "cases", "for example");
        foreach (IGrouping<string, ConformanceReport> family in reports
            .Where(report => report.Result == ConformanceResult.OutOfScope).GroupBy(report => report.Family).OrderByDescending(family => family.Count()))
        {
            table.AddRow(Markup.Escape(family.Key), $"{family.Count()}", Markup.Escape(family.First().Name));
        }

        if (table.Rows.Count > 0)
        {
            output.Text.Write(table);
        }

        foreach (ConformanceReport failed in reports.Where(report => report.Result == ConformanceResult.Failed))
        {
            output.Text.MarkupLineInterpolated($"FAILED {failed.Name}: {failed.Reason}");
        }

        int passed = Count(reports, ConformanceResult.Passed);
        output.WriteFacts(
            ("passed", $"{passed:N0} of {reports.Count:N0}, {Output.Number(100.0 * passed / reports.Count, 1)}%"),
            ("failed", $"{Count(reports, ConformanceResult.Failed):N0}"),
            ("outside", $"{Count(reports, ConformanceResult.OutOfScope):N0}"));
    }
}
