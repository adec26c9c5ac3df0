using System.CommandLine;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Checks;
using RduEmu.Emulator.Experiments;
using RduEmu.Kernels.Errors;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine.Experiments;

/// <summary><c>rduemu experiment matrix</c>.</summary>
internal static class MatrixCommand
{
    public static Command Create()
    {
        Option<int> steps = new("--steps") { Description = "training steps", DefaultValueFactory = _ => 20 };
        Option<int[]> sockets = ListOption.OfNumbers("--sockets", "RDUs, as 1,2,4,8", 1, 2, 4, 8);
        Option<int[]> threads = ListOption.OfNumbers("--threads", "workers on the host, as 1,2", 1, 2);
        Option<string[]> modes = ListOption.OfNames("--modes", "modes, as o0,o3", "o0", "o3");
        Option<string[]> models = ListOption.OfNames("--models", "dlrm, bert, unet", "dlrm", "bert", "unet");
        Option<string[]> sizes = ListOption.OfNames("--sizes", "small: on the host; smallest: on the simulator too", "small", "smallest");
        Option<bool> markdown = new("--markdown") { Description = "the table as Markdown" };
        Option<bool> json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };
        Command command = new("matrix", "DLRM, BERT and UNet trained in every way: RDUs, threads, devices and modes come to one digest")
        {
            steps, sockets, threads, modes, models, sizes, markdown, json,
        };
        command.SetAction(parsed =>
        {
            MatrixRow[] rows =
            [
                .. RepeatabilityMatrix.Rows.Where(row =>
                    Known("--models", parsed.GetRequiredValue(models), "dlrm", "bert", "unet").Contains(row.Model)
                    && Known("--sizes", parsed.GetRequiredValue(sizes), "small", "smallest").Contains(row.Size)),
            ];
            int[] rdus = [.. parsed.GetRequiredValue(sockets).Select(count => CommonOptions.Sockets("--sockets", count))];
            int[] workers = [.. parsed.GetRequiredValue(threads).Select(count => CommonOptions.Positive("--threads", count))];
            CompileMode[] compiled = [.. parsed.GetRequiredValue(modes).Select(CommonOptions.ParseMode)];
            return Run(
                rows, row => RepeatabilityMatrix.Ways(row, rdus, workers, compiled), CommonOptions.Positive("--steps", parsed.GetRequiredValue(steps)),
                parsed.GetValue(markdown), parsed.GetValue(json));
        });
        return command;
    }

    private static int Run(MatrixRow[] rows, Func<MatrixRow, IEnumerable<CheckVariant>> ways, int steps, bool markdown, bool json)
    {
        var output = new Output(json);
        using var interruption = new Interruption();
        int all = rows.Sum(row => ways(row).Count());
        List<MatrixRun> runs = ProgressBar.Run(output.Progress, "training", report =>
        {
            var done = new List<MatrixRun>();
            foreach (MatrixRow row in rows)
            {
                ModelCheck check = RepeatabilityMatrix.Check(row, steps);
                foreach (CheckVariant way in ways(row))
                {
                    done.Add(new MatrixRun(row.Model, row.Size, check.Run(way, interruption.Token)));
                    report(done.Count, all, () => $"{row.Model} {row.Size}, {way.Device}, {way.Sockets} RDUs");
                }
            }

            return done;
        });
        Table table = new Table().Border(markdown ? TableBorder.Markdown : TableBorder.Simple)
            .AddColumns("model", "size", "device", "RDUs", "threads", "modes", "runs", "weights", "outputs");
        foreach (var group in runs.GroupBy(run => (run.Model, run.Size, run.Result.Variant.Device, run.Result.WeightsDigest, run.Result.OutputsDigest)))
        {
            string Of<T>(Func<CheckVariant, T> member) => string.Join(", ", group.Select(run => member(run.Result.Variant)).Distinct());
            table.AddRow(
                group.Key.Model, group.Key.Size, group.Key.Device, Of(way => way.Sockets), Of(way => way.Threads), Of(way => way.Mode.ToString().ToLowerInvariant()), $"{group.Count()}",
                Output.ShortDigest(group.Key.WeightsDigest), Output.ShortDigest(group.Key.OutputsDigest));
        }

        // A table for a document is not broken to fit a terminal.
        const int documentColumns = 250;
        output.Text.Profile.Width = markdown ? documentColumns : output.Text.Profile.Width;
        output.Text.Write(table);
        bool passed = runs.GroupBy(run => (run.Model, run.Size)).All(group => group.Select(run => (run.Result.WeightsDigest, run.Result.OutputsDigest)).Distinct().Count() == 1);
        output.WriteFacts((passed ? "passed" : "FAILED", $"{runs.Count} trainings of {steps} steps; {(passed ? "one digest for each model and size" : "digests differ: rduemu check names the first place")}"));
        if (json)
        {
            Output.WriteJson(new
            {
                Passed = passed,
                Steps = steps,
                Runs = runs.Select(run => new
                {
                    run.Model,
                    run.Size,
                    run.Result.Variant.Device,
                    run.Result.Variant.Sockets,
                    run.Result.Variant.Threads,
                    run.Result.Variant.Mode,
                    run.Result.WeightsDigest,
                    run.Result.OutputsDigest,
                }),
            });
        }

        return (int)(passed ? ExitCode.Done : ExitCode.CheckFailed);
    }

    private static string[] Known(string option, string[] names, params string[] known) => Array.Find(names, name => !known.Contains(name)) is { } unknown
        ? throw new RduException(ErrorCatalogue.NameUnknown, option, string.Join(", ", known), unknown, "choose among these")
        : names;
}
