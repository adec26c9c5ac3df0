using System.CommandLine;
using System.Globalization;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Experiments;
using RduEmu.Emulator.Plots;
using RduEmu.Kernels.Errors;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine.Experiments;

/// <summary><c>rduemu experiment index-add</c>.</summary>
internal static class IndexAddCommand
{
    public static Command Create()
    {
        var device = new DeviceOptions();
        Option<int> runs = new("--runs") { Description = "repetitions", DefaultValueFactory = _ => 5 };
        Option<int> positions = new("--positions") { Description = "rows that are added", DefaultValueFactory = _ => 200_000 };
        Option<int> rows = new("--rows") { Description = "rows that they are added to", DefaultValueFactory = _ => 64 };
        Option<int> width = new("--width") { Description = "elements of a row", DefaultValueFactory = _ => 8 };
        Option<int> racers = new("--racers") { Description = "threads that race, at least 2", DefaultValueFactory = _ => 4 };
        Option<int> seed = new("--seed") { Description = "of rows and positions", DefaultValueFactory = _ => 1 };
        Option<string?> plot = new("--plot") { Description = "draw the norms: a file .png or .svg" };
        Option<bool> json = new("--json") { Description = "one JSON object on stdout" };
        Command command = new("index-add", "the norm of an input gradient over repeated runs: sums in RDU order against threads that race");
        foreach (Option option in (IEnumerable<Option>)[runs, positions, rows, width, racers, seed, plot, json, .. device.All])
        {
            command.Add(option);
        }

        command.SetAction(parsed =>
        {
            (string where, int threads) = device.Read(parsed);
            var size = new IndexAddSize(
                CommonOptions.Positive("--positions", parsed.GetRequiredValue(positions)), CommonOptions.Positive("--rows", parsed.GetRequiredValue(rows)),
                CommonOptions.Positive("--width", parsed.GetRequiredValue(width)), parsed.GetRequiredValue(seed));
            int times = CommonOptions.Positive("--runs", parsed.GetRequiredValue(runs));
            string? plotPath = parsed.GetValue(plot);
            if (plotPath is not null)
            {
                PlotFile.Require(plotPath);
            }

            using var interruption = new Interruption();
            IReadOnlyList<IndexAddRun> results = IndexAdd.Run(
                size, times, new ExecutionTarget(where, threads), CommonOptions.AtLeast("--racers", parsed.GetRequiredValue(racers), 2), interruption.Token);
            if (plotPath is not null)
            {
                PlotFile.Write(plotPath, IndexAddPlot.Draw(results));
            }

            Print(parsed.GetValue(json), size, results);
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static void Print(bool json, IndexAddSize size, IReadOnlyList<IndexAddRun> results)
    {
        double ordered = Spread(results.Select(run => run.Ordered));
        double racing = Spread(results.Select(run => run.Racing));
        if (json)
        {
            Output.WriteJson(new { size.Positions, size.Rows, size.Width, Runs = results, Spread = new { Ordered = ordered, Racing = racing } });
            return;
        }

        Table table = new Table().Border(TableBorder.Simple).AddColumns("run", "RDU order", "racing threads", "handovers");
        for (int run = 0; run < results.Count; run++)
        {
            table.AddRow($"{run + 1}", Text(results[run].Ordered), Text(results[run].Racing), $"{results[run].Handovers}");
        }

        table.AddRow("spread", Text(ordered), Text(racing), string.Empty);
        new Output(json: false).Text.Write(table);
    }

    private static double Spread(IEnumerable<double> norms)
    {
        double[] all = [.. norms];
        return all.Max() - all.Min();
    }

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
