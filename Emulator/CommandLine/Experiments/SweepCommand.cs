using System.CommandLine;
using RduEmu.Emulator.CommandLine.Families;
using RduEmu.Emulator.Experiments;
using RduEmu.Emulator.Plots;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine.Experiments;

/// <summary>A DLRM trained several times on the same number of samples: a table, and a plot if it is asked for.</summary>
internal abstract class SweepCommand : IModelCommand
{
    private readonly DeviceOptions _device = new();
    private readonly Option<long> _samples = new("--samples") { Description = "samples of each training", DefaultValueFactory = _ => 200_000 };
    private readonly Option<string?> _plot = new("--plot") { Description = "draw metric and throughput: a file .png or .svg" };

    public IReadOnlyList<Option> Options => [Values, _samples, _plot, .. _device.All];

    /// <summary>What is varied.</summary>
    protected abstract Option<int[]> Values { get; }

    /// <summary>Its name, for people.</summary>
    protected abstract string Title { get; }

    /// <summary>The model, its data and the batch with a value of it.</summary>
    protected abstract (ModelChoice Choice, int BatchSamples) Of(int value, ParseResult parsed, ModelRequest request);

    public int Run(ParseResult parsed, ModelRequest request)
    {
        (string device, int threads) = _device.Read(parsed);
        int[] values = [.. parsed.GetRequiredValue(Values).Select(value => CommonOptions.Positive(Values.Name, value))];
        long samples = parsed.GetRequiredValue(_samples);
        if (samples < 1)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--samples", "at least 1", $"{samples}", "give a positive number");
        }

        string? plot = parsed.GetValue(_plot);
        if (plot is not null)
        {
            PlotFile.Require(plot);
        }

        var output = new Output(request.Json);
        using var interruption = new Interruption();
        string data = string.Empty;
        SweepRun[] runs = ProgressBar.Run(output.Progress, "training", report => values.Select((value, i) =>
        {
            (ModelChoice choice, int batch) = Of(value, parsed, request);
            using (IModelData opened = choice.OpenData())
            {
                data = opened.Training.Name;
            }

            SweepRun run = TrainingSweep.Run(value, choice.Model, choice.OpenData, request.Seed, batch, samples, request.Target(device, threads), interruption.Token);
            report(i + 1, values.Length, () => $"{Title} {value}");
            return run;
        }).ToArray());
        if (plot is not null)
        {
            PlotFile.Write(plot, SweepPlot.Draw($"{request.Model.Name} {request.Model.Preset}, {data}", Title, runs));
        }

        output.WriteFacts(("model", $"{request.Model.Name} {request.Model.Preset}, {request.Model.Optimizer}"), ("data", data), ("device", DeviceOptions.Describe(device, threads)));
        Table table = new Table().Border(TableBorder.Simple).AddColumns(Title, "steps", "samples/s", "last loss", runs[0].Metric.Title, "weights");
        foreach (SweepRun run in runs)
        {
            table.AddRow($"{run.Value}", $"{run.Steps:N0}", Output.Number(run.SamplesPerSecond, 0), Output.Number(run.LastLoss, 4), Output.Number(run.Metric.Value, 4), Output.ShortDigest(run.WeightsDigest));
        }

        output.Text.Write(table);
        if (request.Json)
        {
            Output.WriteJson(new { Model = request.Model.Name, request.Model.Preset, Data = data, Varied = Title, Samples = samples, Runs = runs });
        }

        return (int)ExitCode.Done;
    }
}

/// <summary><c>rduemu experiment small-batch</c>.</summary>
internal sealed class SmallBatchCommand : SweepCommand
{
    protected override Option<int[]> Values { get; } = ListOption.OfNumbers("--batches", "samples of a step, as 32,128", 32, 128, 512, 2048);

    protected override string Title => "batch";

    protected override (ModelChoice Choice, int BatchSamples) Of(int value, ParseResult parsed, ModelRequest request) => (new ModelChoice(request.Model, request.OpenData), value);
}

/// <summary><c>rduemu experiment embedding-dim</c>.</summary>
internal sealed class EmbeddingWidthCommand(DlrmFamily family) : SweepCommand
{
    /// <summary>That of the published Kaggle script.</summary>
    private const int BatchSamples = 128;

    protected override Option<int[]> Values { get; } = ListOption.OfNumbers("--widths", "elements of an embedding, as 4,16", 2, 4, 8, 16, 32, 64);

    protected override string Title => "embedding";

    protected override (ModelChoice Choice, int BatchSamples) Of(int value, ParseResult parsed, ModelRequest request) =>
        (family.Read(parsed, request.Common, value), request.Common.BatchSamples ?? BatchSamples);
}
