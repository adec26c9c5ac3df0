using System.CommandLine;
using System.Diagnostics;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Checks;
using RduEmu.Emulator.Experiments;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Kernels.Errors;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine.Experiments;

/// <summary><c>rduemu experiment matrix</c>.</summary>
internal sealed class MatrixCommand
{
    private readonly Option<int> _steps = new("--steps") { Description = "training steps", DefaultValueFactory = _ => 20 };
    private readonly Option<int[]> _sockets = ListOption.OfNumbers("--sockets", "RDUs, as 1,2,4,8", 1, 2, 4, 8);
    private readonly Option<string[]> _parallel = ListOption.OfNames("--parallel", "what they share: data, tensor, pipeline, spatial", "data", "tensor", "pipeline", "spatial");
    private readonly Option<int[]> _threads = ListOption.OfNumbers("--threads", "workers of each RDU on the host, as 1,2", 1, 2);
    private readonly Option<string[]> _modes = ListOption.OfNames("--modes", "modes, as o0,o3", "o0", "o3");
    private readonly Option<string[]> _devices = ListOption.OfNames("--devices", "host, ilgpu", "host", "ilgpu");
    private readonly Option<string[]> _models = ListOption.OfNames("--models", "dlrm, bert, unet", "dlrm", "bert", "unet");
    private readonly Option<string[]> _sizes = ListOption.OfNames("--sizes", "small: on the host; smallest: on the simulator too", "small", "smallest");
    private readonly Option<string?> _resume = new("--resume") { Description = "keep what is done in this file, and go on from it if it is there" };
    private readonly Option<bool> _markdown = new("--markdown") { Description = "the table as Markdown" };
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };

    public static Command Create()
    {
        var matrix = new MatrixCommand();
        Command command = new("matrix", "DLRM, BERT and UNet trained in every way: RDUs and what they share, threads, devices and modes come to one digest")
        {
            matrix._steps, matrix._sockets, matrix._parallel, matrix._threads, matrix._modes, matrix._devices, matrix._models, matrix._sizes, matrix._resume, matrix._markdown, matrix._json,
        };
        command.SetAction(matrix.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        int steps = CommonOptions.Positive("--steps", parsed.GetRequiredValue(_steps));
        (MatrixRow Row, CheckVariant Way)[] ways = Ways(parsed);
        MatrixRecord? record = parsed.GetValue(_resume) is { } path ? new MatrixRecord(path, steps) : null;
        List<MatrixRun> known = [.. record?.Read() ?? []];
        var output = new Output(parsed.GetValue(_json));
        using var interruption = new Interruption();
        List<MatrixRun> runs = ProgressBar.Run(output.Progress, "training", report =>
        {
            var done = new List<MatrixRun>();
            foreach ((MatrixRow row, CheckVariant way) in ways)
            {
                MatrixRun? run = known.Find(old => old.Way == WayOf(row, way));
                if (run is null)
                {
                    run = Train(row, way, steps, interruption.Token);
                    known.Add(run);
                    record?.Write(known);
                    output.Progress.WriteLine($"{done.Count + 1,4} of {ways.Length,-4} {row.Model,-5}{row.Size,-9}{Describe(way),-34}{Output.Number(run.Seconds, 1),6} s {Output.ShortDigest(run.WeightsDigest)[..8]}");
                }

                done.Add(run);
                if (output.Progress.Profile.Capabilities.Interactive)
                {
                    report(done.Count, ways.Length, () => $"{row.Model} {row.Size}");
                }
            }

            return done;
        });
        int differing = runs.FindIndex(run => !Agrees(run, runs.Find(first => (first.Model, first.Size) == (run.Model, run.Size))!));
        Print(output, runs, steps, differing, parsed.GetValue(_markdown));
        FirstDifference? difference = differing < 0
            ? null
            : RepeatabilityMatrix.Check(ways[differing].Row, steps).Compare(ways.First(way => way.Row == ways[differing].Row).Way, ways[differing].Way, interruption.Token);
        if (difference is not null)
        {
            output.WriteFacts(("first", $"step {difference.Step}, section {difference.Section}, stage {difference.Stage}, tile {difference.Tile}, {difference.Tensor}[{difference.Element}]: {difference.Bits[0]} and {difference.Bits[1]}"));
        }

        if (parsed.GetValue(_json))
        {
            Output.WriteJson(new { Passed = differing < 0, Steps = steps, Runs = runs, FirstDifference = difference });
        }

        return (int)(differing < 0 ? ExitCode.Done : ExitCode.CheckFailed);
    }

    private (MatrixRow Row, CheckVariant Way)[] Ways(ParseResult parsed)
    {
        string[] models = Known("--models", parsed.GetRequiredValue(_models), "dlrm", "bert", "unet");
        string[] sizes = Known("--sizes", parsed.GetRequiredValue(_sizes), "small", "smallest");
        string[] devices = Known("--devices", parsed.GetRequiredValue(_devices), "host", "ilgpu");
        int[] sockets = [.. parsed.GetRequiredValue(_sockets).Select(count => CommonOptions.Sockets("--sockets", count))];
        ParallelKind[] kinds = [.. parsed.GetRequiredValue(_parallel).Select(name => CommonOptions.Parallel("--parallel", name))];
        int[] threads = [.. parsed.GetRequiredValue(_threads).Select(count => CommonOptions.Positive("--threads", count))];
        CompileMode[] modes = [.. parsed.GetRequiredValue(_modes).Select(CommonOptions.ParseMode)];
        (MatrixRow Row, CheckVariant Way)[] ways =
        [
            .. from row in RepeatabilityMatrix.Rows
               where models.Contains(row.Model) && sizes.Contains(row.Size)
               from way in RepeatabilityMatrix.Ways(row with { Devices = [.. row.Devices.Intersect(devices)] }, kinds, sockets, threads, modes)
               select (row, way),
        ];
        return ways.Length > 0
            ? ways
            : throw new RduException(ErrorCatalogue.OptionInvalid, "experiment matrix", "at least one way of training", "none", "let the options leave one");
    }

    private static (string, string, string, int, ParallelKind, int, CompileMode) WayOf(MatrixRow row, CheckVariant way) =>
        (row.Model, row.Size, way.Device, way.Sockets, way.Parallel, way.Threads, way.Mode);

    private static MatrixRun Train(MatrixRow row, CheckVariant way, int steps, CancellationToken cancellation)
    {
        long begin = Stopwatch.GetTimestamp();
        CheckResult result = RepeatabilityMatrix.Check(row, steps).Run(way, cancellation);
        return new MatrixRun(row.Model, row.Size, way.Device, way.Sockets, way.Parallel, way.Threads, way.Mode, result.WeightsDigest, result.OutputsDigest)
        {
            Seconds = Math.Round(Stopwatch.GetElapsedTime(begin).TotalSeconds, 1),
        };
    }

    private static bool Agrees(MatrixRun run, MatrixRun other) => (run.WeightsDigest, run.OutputsDigest) == (other.WeightsDigest, other.OutputsDigest);

    private static string Describe(CheckVariant way) =>
        $"{way.Device,-6}{way.Sockets} RDU{(way.Sockets == 1 ? " " : "s")} {(way.Sockets == 1 ? string.Empty : way.Parallel.ToString().ToLowerInvariant()),-9}{way.Threads} thread{(way.Threads == 1 ? " " : "s")} {way.Mode.ToString().ToLowerInvariant()}";

    private static void Print(Output output, List<MatrixRun> runs, int steps, int differing, bool markdown)
    {
        Table table = new Table().Border(markdown ? TableBorder.Markdown : TableBorder.Simple)
            .AddColumns("model", "size", "device", "share", "RDUs", "threads", "modes", "trainings", "seconds", "weights", "outputs");
        foreach (var group in runs.GroupBy(run => (run.Model, run.Size, run.Device, run.Parallel, run.WeightsDigest, run.OutputsDigest)))
        {
            string Of<T>(Func<MatrixRun, T> member) => string.Join(", ", group.Select(member).Distinct());
            table.AddRow(
                group.Key.Model, group.Key.Size, group.Key.Device, group.Key.Parallel.ToString().ToLowerInvariant(), Of(run => run.Sockets), Of(run => run.Threads),
                Of(run => run.Mode.ToString().ToLowerInvariant()), $"{group.Count()}", Output.Number(group.Sum(run => run.Seconds), 0), Output.ShortDigest(group.Key.WeightsDigest), Output.ShortDigest(group.Key.OutputsDigest));
        }

        // A table for a document or a file is not broken to fit a terminal.
        const int documentColumns = 250;
        output.Text.Profile.Width = markdown || !output.Text.Profile.Capabilities.Interactive ? documentColumns : output.Text.Profile.Width;
        output.Text.Write(table);
        output.WriteFacts(differing < 0
            ? ("passed", $"{runs.Count} trainings of {steps} steps, {Output.Number(runs.Sum(run => run.Seconds), 0)} s; one digest for each model and size")
            : ("FAILED", $"{runs.Count} trainings of {steps} steps; {runs[differing].Model} {runs[differing].Size}, {runs[differing].Device}, {runs[differing].Sockets} RDUs, {runs[differing].Threads} threads has another digest"));
    }

    private static string[] Known(string option, string[] names, params string[] known) => Array.Find(names, name => !known.Contains(name)) is { } unknown
        ? throw new RduException(ErrorCatalogue.NameUnknown, option, string.Join(", ", known), unknown, "choose among these")
        : names;
}
