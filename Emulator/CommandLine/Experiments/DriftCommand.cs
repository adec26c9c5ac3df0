using System.CommandLine;
using System.Globalization;
using RduEmu.Emulator.CommandLine.Families;
using RduEmu.Emulator.Experiments;
using RduEmu.Emulator.Plots;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine.Experiments;

/// <summary><c>rduemu experiment drift</c>.</summary>
internal sealed class DriftCommand : IModelCommand
{
    /// <summary>A step of fine-tuning: small, and not warmed up.</summary>
    private const float Rate = 1e-4f;

    private readonly DeviceOptions _device = new();
    private readonly Option<string[]> _ways = ListOption.OfNames("--ways", string.Join(", ", DriftWay.All.Select(way => way.Name)), [.. DriftWay.All.Select(way => way.Name)]);
    private readonly Option<int> _sockets = new("--sockets") { Description = "RDUs: 2, 4 or 8", DefaultValueFactory = _ => 8 };
    private readonly Option<int> _repetitions = new("--repetitions") { Description = "trainings, at least 2", DefaultValueFactory = _ => 3 };
    private readonly Option<int> _steps = new("--steps") { Description = "steps of a training", DefaultValueFactory = _ => 20 };
    private readonly Option<int> _words = new("--words") { Description = "most frequent words that are compared", DefaultValueFactory = _ => 200 };
    private readonly Option<float> _rate = new("--learning-rate") { Description = "of all steps", DefaultValueFactory = _ => Rate };
    private readonly Option<string?> _weights = new("--weights") { Description = "begin with the parameters of this safetensors file; left out: drawn ones" };
    private readonly Option<string?> _plot = new("--plot") { Description = "draw the drift of each word: a file .png or .svg" };

    public IReadOnlyList<Option> Options => [_ways, _sockets, _repetitions, _steps, _words, _rate, _weights, _plot, .. _device.All];

    public int Run(ParseResult parsed, ModelRequest request)
    {
        (string device, int threads) = _device.Read(parsed);
        int sockets = CommonOptions.AtLeast("--sockets", CommonOptions.Sockets("--sockets", parsed.GetRequiredValue(_sockets)), 2);
        int repetitions = CommonOptions.AtLeast("--repetitions", parsed.GetRequiredValue(_repetitions), 2);
        string? plot = parsed.GetValue(_plot);
        if (plot is not null)
        {
            PlotFile.Require(plot);
        }

        DriftWay[] ways = [.. parsed.GetRequiredValue(_ways).Select(Find)];
        var course = new TrainingCourse(
            request.Common.BatchSamples ?? 2 * sockets, CommonOptions.Positive("--steps", parsed.GetRequiredValue(_steps)), null, parsed.GetRequiredValue(_rate), LearningRatePolicy.Constant);
        var drift = new Drift(request.Model, request.OpenData, request.Seed, parsed.GetValue(_weights));
        var output = new Output(request.Json);
        using var interruption = new Interruption();
        IReadOnlyList<int> words = drift.FrequentWords(course.BatchSamples, CommonOptions.Positive("--words", parsed.GetRequiredValue(_words)));
        DriftResult[] results = ProgressBar.Run(output.Progress, "training", report => ways.Select((way, i) => drift.Run(
            way, sockets, request.Target(device, threads), course, words, repetitions,
            done => report(i * repetitions + done, ways.Length * repetitions, () => way.Title), interruption.Token)).ToArray());
        if (plot is not null)
        {
            PlotFile.Write(plot, DriftPlot.Draw(results));
        }

        Print(output, request, course, sockets, repetitions, words.Count, results);
        if (request.Json)
        {
            Output.WriteJson(new { Model = request.Model.Name, request.Model.Preset, Sockets = sockets, course.Steps, course.BatchSamples, Repetitions = repetitions, Words = words.Count, Ways = results });
        }

        return (int)ExitCode.Done;
    }

    private static void Print(Output output, ModelRequest request, TrainingCourse course, int sockets, int repetitions, int words, DriftResult[] results)
    {
        output.WriteFacts(
            ("model", $"{request.Model.Name} {request.Model.Preset}: {request.Model.Summary}"),
            ("training", $"{repetitions} times {course.Steps} steps of {course.BatchSamples} sequences on {sockets} RDUs, {words} words compared with the first training"));
        Table table = new Table().Border(TableBorder.Simple).AddColumns("RDUs share", "results", "words that drifted", "mean norm", "largest norm", "mean 1 - cosine");
        foreach (DriftResult result in results)
        {
            table.AddRow(result.Way, $"{result.Results}", $"{result.DriftedWords}", Text(result.MeanNorm), Text(result.LargestNorm), Text(result.MeanAngle));
        }

        output.Text.Write(table);
    }

    private static string Text(double value) => value.ToString("0.###E+0", CultureInfo.InvariantCulture);

    private static DriftWay Find(string name) => DriftWay.All.FirstOrDefault(way => way.Name == name)
        ?? throw new RduException(ErrorCatalogue.NameUnknown, "--ways", string.Join(", ", DriftWay.All.Select(way => way.Name)), name, "choose among these");
}
