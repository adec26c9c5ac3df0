using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using RduEmu.Emulator.Experiments;
using RduEmu.Kernels.Errors;
using RduEmu.Perf.Peers;
using Spectre.Console;

namespace RduEmu.Perf.Repeatability;

/// <summary>One line.</summary>
/// <param name="Cost">Time in RDU order by time of the rival: 1.05 is five per cent slower.</param>
/// <param name="OrderedMicroseconds">The median of its calls.</param>
internal sealed record CostLine(string Operator, string Shape, int Threads, double Cost, double OrderedMicroseconds, double RivalMicroseconds, string Rival);

/// <summary><c>repeatability</c>: what it costs that sums have an order.</summary>
internal static class RepeatabilityCommand
{
    private const double Microseconds = 1e6;

    private static readonly Turns AllTurns = new(Rounds: 15, TurnSeconds: 0.1);

    private static readonly Turns QuickTurns = new(Rounds: 5, TurnSeconds: 0.02);

    /// <summary>Sums of up to 2^15 terms of one size err by at most 2^15 units of 2^-24 on either side, by far less on average.</summary>
    private const double Tolerance = 2.0 * (1 << 15) / (1 << 24);

    private static readonly (string Name, int BatchSamples)[] WholeModels = [("dlrm", 2048), ("bert", 16), ("unet", 8)];

    private static readonly bool[] Sharing = [false, true];

    private static readonly JsonSerializerOptions CamelCase = new(JsonSerializerDefaults.Web);

    public static Command Create()
    {
        Option<bool> json = new("--json") { Description = "one JSON object on stdout" };
        Option<bool> markdown = new("--markdown") { Description = "the table as Markdown" };
        Option<bool> quick = new("--quick") { Description = "fewer and shorter turns" };
        Option<int> threads = new("--threads") { Description = "threads where an operator uses several", DefaultValueFactory = _ => 2 };
        Command command = new("repeatability", "our ordered kernels against the fastest unordered ones, in turns, results checked first") { json, markdown, quick, threads };
        command.SetAction(parsed =>
        {
            int count = parsed.GetValue(threads);
            if (count < 1)
            {
                throw new RduException(ErrorCatalogue.OptionInvalid, "--threads", "at least 1", $"{count}", "give a positive number of threads");
            }

            List<CostLine> lines = Measure(parsed.GetValue(quick) ? QuickTurns : AllTurns, count);
            if (parsed.GetValue(json))
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(new { Cases = lines }, CamelCase));
            }
            else
            {
                Print(lines, parsed.GetValue(markdown));
            }
        });
        return command;
    }

    private static List<CostLine> Measure(Turns turns, int threads)
    {
        MatrixRow Row(string model) => RepeatabilityMatrix.Rows.Single(row => row.Model == model && row.Size == "small");
        Func<CostPair>[] pairs =
        [
            () => new ContractPair(),
            () => new SampleContractPair(),
            () => new RowSumPair(64, 1024),
            () => new RowSumPair(4096, 4096),
            () => new SoftmaxPair(64, 512),
            () => new BatchMeanPair(threads, 16),
            () => new BatchMeanPair(threads, 64),
            () => new ScatterAddPair(threads, 200_000, 64, 16, races: true),
            () => new ScatterAddPair(threads, 200_000, 64, 16, races: false),
            () => new ScatterAddPair(threads, 200_000, 100_000, 16, races: true),
            () => new ScatterAddPair(threads, 200_000, 100_000, 16, races: false),
            .. threads is 2 or 4 or 8
                ? from model in WholeModels
                  from isShared in Sharing
                  select (Func<CostPair>)(() => new WholeModelPair(Row(model.Name), threads, isShared, model.BatchSamples))
                : [],
        ];
        var lines = new List<CostLine>();
        foreach (Func<CostPair> create in pairs)
        {
            using CostPair pair = create();
            Console.Error.WriteLine($"{pair.Operator}, {pair.Shape} ...");
            pair.Ordered();
            pair.Unordered();
            double difference = pair.RelativeDifference();
            if (!(difference <= Tolerance))
            {
                throw new InvalidOperationException($"{pair.Operator}, {pair.Shape}: the two sides differ by {difference:E2} of the largest result");
            }

            (double ordered, double rival, double cost) = MedianSeconds(pair, turns);
            lines.Add(new CostLine(pair.Operator, pair.Shape, pair.Threads, cost, ordered * Microseconds, rival * Microseconds, pair.Rival));
        }

        return lines;
    }

    /// <summary>Both in turns; the medians of each side's times, and of the ratios of a turn.</summary>
    private static (double Ordered, double Rival, double Cost) MedianSeconds(CostPair pair, Turns turns)
    {
        double[][] seconds = turns.Seconds(pair.Ordered, pair.Unordered);
        return (Turns.Median(seconds[0]), Turns.Median(seconds[1]), Turns.Median([.. seconds[0].Zip(seconds[1], (ordered, rival) => ordered / rival)]));
    }

    private static void Print(List<CostLine> lines, bool markdown)
    {
        // A table for a document is not broken to fit a terminal.
        const int documentColumns = 250;
        AnsiConsole.Profile.Width = markdown ? documentColumns : AnsiConsole.Profile.Width;
        Table table = new Table().Border(markdown ? TableBorder.Markdown : TableBorder.Simple);
        table.AddColumns("operator", "shape", "threads", "RDU order us", "unordered us", "cost", "the unordered one");
        foreach (CostLine line in lines)
        {
            table.AddRow(
                Markup.Escape(line.Operator), Markup.Escape(line.Shape), $"{line.Threads}", Number(line.OrderedMicroseconds, "F1"), Number(line.RivalMicroseconds, "F1"),
                Number(line.Cost, "F2"), Markup.Escape(line.Rival));
        }

        AnsiConsole.Write(table);
    }

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
