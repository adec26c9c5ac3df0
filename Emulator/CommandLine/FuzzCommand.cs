using System.CommandLine;
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
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };

    public static Command Create()
    {
        var fuzz = new FuzzCommand();
        Command command = new("fuzz", "breaks ONNX models in many ways; each must be compiled or refused by one error line");
        command.Add(fuzz._folder);
        foreach (Option option in new Option[] { fuzz._runs, fuzz._seed, fuzz._first, fuzz._keep, fuzz._json })
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
        long runs = parsed.GetValue(_runs);
        var output = new Output(json);
        using var interruption = new Interruption();
        FuzzReport report = ProgressBar.Run(
            output.Progress, "fuzz",
            progress => new ImportFuzzer(files, parsed.GetValue(_seed)).Run(runs, done => progress(done, runs, () => $"{files.Length} models"), parsed.GetValue(_first), interruption.Token));
        output.WriteFacts(
            [
                ("models", $"{files.Length}"),
                ("runs", $"{report.Runs:N0}"),
                ("compiled", $"{report.Accepted:N0}"),
                .. report.Refused.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, $"{pair.Value:N0}")),
                ("slowest", $"{report.SlowestMilliseconds} ms"),
                ("most memory", Output.Bytes(report.MostAllocatedBytes)),
                ("findings", $"{report.Findings.Count}"),
                .. report.Findings.Select(finding => ($"run {finding.Run}", $"{Path.GetFileName(Path.GetDirectoryName(finding.File))}/{Path.GetFileName(finding.File)}: {finding.What}")),
            ]);
        if (parsed.GetValue(_keep) is { } folder)
        {
            foreach (FuzzFinding finding in report.Findings)
            {
                AtomicFile.Write(Path.Combine(folder, $"run-{finding.Run}.onnx"), finding.Model);
            }
        }

        if (json)
        {
            Output.WriteJson(new
            {
                report.Runs,
                report.Accepted,
                report.Refused,
                report.SlowestMilliseconds,
                report.MostAllocatedBytes,
                Findings = report.Findings.Select(finding => new { finding.Run, finding.File, finding.What }),
            });
        }

        return (int)(report.Findings.Count == 0 ? ExitCode.Done : ExitCode.CheckFailed);
    }
}
