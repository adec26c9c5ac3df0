using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using RduEmu.Emulator.Execution;
using RduEmu.Kernels.Errors;
using RduEmu.Perf.Machine;
using RduEmu.Perf.Workloads;
using Spectre.Console;

namespace RduEmu.Perf.Peers;

/// <summary>One line of the comparison.</summary>
/// <param name="Ratio">Our speed by the peer's; null where no peer runs.</param>
/// <param name="Ours">Median of one run, in <paramref name="Unit"/>.</param>
/// <param name="Floor">The operations at the measured peak of the same threads, in <paramref name="Unit"/>.</param>
/// <param name="ShareOfFloor">Floor by ours.</param>
internal sealed record PeerCase(string Name, double? Ratio, double Ours, double? Peer, string Unit, double Floor, double ShareOfFloor);

/// <summary><c>peers</c>: the same models and weights in RduEmu and in ONNX Runtime, in one process, in turns.</summary>
internal static class PeersCommand
{
    private const double Microseconds = 1e6;

    /// <summary>
    /// Some 2000 sums follow each other along the longest path, each erring by half a unit in the last place of at most 4, on
    /// both sides; the sigmoid divides by 4.
    /// </summary>
    private const double PredictionTolerance = 2.0 * 2000 / (1 << 24);

    private static readonly JsonSerializerOptions CamelCase = new(JsonSerializerDefaults.Web);

    public static Command Create()
    {
        Option<bool> json = new("--json") { Description = "one JSON object on stdout" };
        Option<bool> quick = new("--quick") { Description = "fewer and shorter turns" };
        Option<int> threads = new("--threads") { Description = "threads of each side", DefaultValueFactory = _ => 2 };
        Command command = new("peers", "RduEmu and ONNX Runtime side by side, in turns, outputs checked first") { json, quick, threads };
        command.SetAction(parsed =>
        {
            int count = parsed.GetValue(threads);
            if (count < 1)
            {
                throw new RduException(ErrorCatalogue.OptionInvalid, "--threads", "at least 1", $"{count}", "give a positive number of threads");
            }

            Turns turns = parsed.GetValue(quick) ? new Turns(5, 0.1) : new Turns(15, 0.3);
            (MachineCeiling machine, List<PeerCase> cases) = Measure(turns, count);
            if (parsed.GetValue(json))
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(new { Cases = cases, Machine = machine }, CamelCase));
            }
            else
            {
                Print(machine, cases);
            }
        });
        return command;
    }

    private static (MachineCeiling Machine, List<PeerCase> Cases) Measure(Turns turns, int threads)
    {
        MachineCeiling before = MachineCeiling.Measure(threads);
        var measured = new List<(string Name, double Operations, double Ours, double? Peer)>();
        DlrmWorkload? weights = null;
        foreach (int batch in new[] { 1, 128, 2048 })
        {
            DlrmWorkload workload = DlrmWorkload.Inference(DlrmWorkload.Kaggle, batch, weights);
            weights ??= workload;
            using HostExecutor ours = workload.OnHost(threads);
            using var peer = new OnnxRuntimePeer(workload, threads);
            string name = $"dlrm-kaggle inference {batch}";
            MustAgree(name, workload, ours, peer);
            Console.Error.WriteLine($"{name} ...");
            double[] seconds = turns.Medians(ours.Run, peer.Run);
            measured.Add((name, DlrmWorkload.Operations(ours.Program), seconds[0], seconds[1]));
        }

        using (HostExecutor training = DlrmWorkload.Training(DlrmWorkload.Kaggle, 2048, weights).OnHost(threads))
        {
            Console.Error.WriteLine("dlrm-kaggle training 2048 ...");
            double[] seconds = turns.Medians(training.Run);
            measured.Add(("dlrm-kaggle training 2048", DlrmWorkload.Operations(training.Program), seconds[0], null));
        }

        MachineCeiling machine = before.Or(MachineCeiling.Measure(threads));
        return (machine, [.. measured.Select(one => Line(one.Name, one.Operations / (machine.PeakGflops * 1e9), one.Ours, one.Peer))]);
    }

    private static PeerCase Line(string name, double floor, double ours, double? peer) =>
        new(name, peer / ours, ours * Microseconds, peer * Microseconds, "us", floor * Microseconds, floor / ours);

    /// <exception cref="InvalidOperationException">The two sides do not compute the same: no time of theirs means anything.</exception>
    private static void MustAgree(string name, DlrmWorkload workload, HostExecutor ours, OnnxRuntimePeer peer)
    {
        ours.Run();
        peer.Run();
        var predictions = new float[workload.Batch];
        ours.Read(workload.Model.Graph.Outputs[0], predictions);
        for (int i = 0; i < predictions.Length; i++)
        {
            // Written so that a NaN on either side fails.
            if (!(Math.Abs(predictions[i] - peer.Predictions[i]) <= PredictionTolerance))
            {
                throw new InvalidOperationException($"{name}: sample {i} is {predictions[i]:R} here and {peer.Predictions[i]:R} in ONNX Runtime");
            }
        }
    }

    private static void Print(MachineCeiling machine, List<PeerCase> cases)
    {
        Table table = new Table().Border(TableBorder.Simple);
        table.AddColumn("case");
        foreach (string heading in new[] { "ours us", "peer us", "ratio", "floor us", "of the floor" })
        {
            table.AddColumn(new TableColumn(heading).RightAligned());
        }

        foreach (PeerCase line in cases)
        {
            table.AddRow(
                Markup.Escape(line.Name), Number(line.Ours, "F1"), Number(line.Peer, "F1"), Number(line.Ratio, "F2"), Number(line.Floor, "F1"),
                Number(line.ShareOfFloor, "P0"));
        }

        AnsiConsole.Write(table);
        AnsiConsole.MarkupLineInterpolated(
            CultureInfo.InvariantCulture, $"{machine.Processor}, {machine.Threads} threads: {machine.PeakGflops:F0} GFLOP/s, {machine.BandwidthGBs:F1} GB/s");
    }

    private static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
}
