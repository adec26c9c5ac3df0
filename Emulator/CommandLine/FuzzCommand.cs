using System.CommandLine;
using System.Globalization;
using RduEmu.Emulator.Receipts;
using RduEmu.Emulator.Robustness;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu fuzz</c>: breaks ONNX models in many ways; each must be compiled or refused by one line.</summary>
internal sealed class FuzzCommand
{
    private const long DefaultRuns = 10_000;
    private const int LargestFileBytes = 1 << 20;

    private readonly Argument<string> _folder = new("PATH") { Description = "a model, or a folder with models" };
    private readonly Option<long> _runs = new("--runs") { Description = "how many models to break", DefaultValueFactory = _ => DefaultRuns };
    private readonly Option<int> _seed = new("--seed") { Description = "the same seed breaks them in the same ways", DefaultValueFactory = _ => 1 };
    private readonly Option<long> _first = new("--first") { Description = "number of the first run: makes a finding again by its number" };
    private readonly Option<string?> _keep = new("--keep") { Description = "write each broken model that was not refused as it should to this folder" };
    private readonly Option<string?> _inject = new("--inject") { Description = "hang:RUN, crash:RUN, memory:RUN or fault:RUN goes wrong in this way: it must be found" };
    private readonly Option<bool> _worker = new("--worker") { Description = "a line for each run: what the command starts to watch it", Hidden = true };
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };

    public static Command Create()
    {
        var fuzz = new FuzzCommand();
        Command command = new("fuzz", "breaks ONNX models in many ways; each must be compiled or refused by one error line");
        command.Add(fuzz._folder);
        foreach (Option option in new Option[] { fuzz._runs, fuzz._seed, fuzz._first, fuzz._keep, fuzz._inject, fuzz._worker, fuzz._json })
        {
            command.Add(option);
        }

        command.SetAction(fuzz.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        string path = parsed.GetRequiredValue(_folder);
        string[] files = File.Exists(path) ? [path]
            : Directory.Exists(path)
                ? [.. Directory.EnumerateFiles(path, "*.onnx", SearchOption.AllDirectories).Where(file => new FileInfo(file).Length <= LargestFileBytes).Order(StringComparer.Ordinal)]
                : [];
        if (files.Length == 0)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a model, or a folder with models", "none", "correct the path");
        }

        bool json = parsed.GetValue(_json);
        int seed = parsed.GetValue(_seed);
        long runs = parsed.GetValue(_runs);
        long first = parsed.GetValue(_first);
        (FuzzInjection What, long Run) injection = ParseInjection(parsed.GetValue(_inject));
        using var interruption = new Interruption();
        if (parsed.GetValue(_worker))
        {
            new FuzzWorker(new FuzzModels(files, seed), Console.Out).Run(first, runs, injection.What, injection.Run, interruption.Token);
            return (int)ExitCode.Done;
        }

        var output = new Output(json);
        FuzzReport report = ProgressBar.Run(
            output.Progress, "fuzz",
            progress => new FuzzDriver(path, files, seed) { Injection = injection }
                .RunAsync(runs, done => progress(done, runs, () => $"{files.Length} models"), first, interruption.Token).GetAwaiter().GetResult());
        output.WriteFacts(
            [
                ("models", $"{files.Length}"),
                ("runs", interruption.Token.IsCancellationRequested ? $"{report.Runs:N0}, stopped; go on with --seed {seed} --first {report.Next}" : $"{report.Runs:N0}"),
                .. report.Outcomes.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, $"{pair.Value:N0}")),
                ("slowest", $"{report.SlowestMilliseconds:F0} ms"),
                ("memory", Output.Bytes(report.MostMemoryBytes)),
                ("findings", $"{report.Findings.Count}"),
                .. report.Findings.Select(finding => ($"run {finding.Run}", $"{Path.GetFileName(Path.GetDirectoryName(finding.File))}/{Path.GetFileName(finding.File)}, {finding.Times} times: {finding.What}")),
            ]);
        if (parsed.GetValue(_keep) is { } folder)
        {
            var models = new FuzzModels(files, seed);
            foreach (FuzzFinding finding in report.Findings)
            {
                AtomicFile.Write(Path.Combine(folder, $"run-{finding.Run}.onnx"), models.Make(finding.Run).Model);
            }
        }

        if (json)
        {
            Output.WriteJson(report);
        }

        return (int)(report.Findings.Count > 0 ? ExitCode.CheckFailed : interruption.Token.IsCancellationRequested ? ExitCode.Interrupted : ExitCode.Done);
    }

    private static (FuzzInjection What, long Run) ParseInjection(string? text)
    {
        string[] parts = text?.Split(':') ?? [];
        return text is null ? (FuzzInjection.None, -1)
            : parts.Length == 2 && Enum.TryParse(parts[0], ignoreCase: true, out FuzzInjection what) && Enum.IsDefined(what)
                && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long run) ? (what, run)
            : throw new RduException(ErrorCatalogue.OptionInvalid, "--inject", "hang, crash, memory or fault with a run, as hang:7", text, "correct the option");
    }
}
