using System.Globalization;
using System.Text;
using System.Text.Json;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Errors;
using RduEmu.Perf.Workloads;

namespace RduEmu.Perf.Peers;

/// <summary>One line of the comparison.</summary>
/// <param name="Ratio">Our speed by the peer's, the median over turns; null where no peer runs.</param>
/// <param name="RatioNoise">Standard error of the ratio's logarithm: 1.25 times the turns' median deviation by the root of their number.</param>
/// <param name="Ours">Median of one run, in microseconds.</param>
/// <param name="Floor">The operations at the measured peak of the same threads, in microseconds.</param>
/// <param name="ShareOfFloor">Floor by ours.</param>
internal sealed record PeerCase(string Name, double? Ratio, double? RatioNoise, double Ours, double? Peer, double Floor, double ShareOfFloor);

/// <summary>What was measured on which machine.</summary>
internal sealed record PeerReport(MachineCeiling Machine, IReadOnlyList<PeerCase> Cases, double PeakMemoryMegabytes)
{
    private const double Microseconds = 1e6;

    /// <summary>A median of normal values errs by √(π/2) more than their mean.</summary>
    private const double MedianError = 1.2533;

    /// <summary>The deviation of normal values is this many times the median of their distances from the median.</summary>
    private const double DeviationOfMedianDistance = 1.4826;

    private static readonly JsonSerializerOptions CamelCase = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static IReadOnlyList<string> Headings { get; } = ["ours us", "ONNX Runtime us", "ratio", "floor us", "of the floor"];

    public static PeerReport Measure(IEnumerable<PeerWork> works, Turns turns, int threads, CancellationToken cancellation)
    {
        MachineCeiling before = MachineCeiling.Measure(threads);
        var measured = new List<(string Name, double Operations, double[][] Seconds)>();
        foreach (PeerWork work in works)
        {
            cancellation.ThrowIfCancellationRequested();
            Console.Error.WriteLine($"{work.Name} ...");
            using PeerPair pair = work.Create(threads);
            pair.Ours.Run();
            pair.Peer?.Run();
            try
            {
                pair.Check();
            }
            catch (InvalidOperationException error)
            {
                throw new InvalidOperationException($"{work.Name}: {error.Message}", error);
            }

            double[][] seconds = pair.Peer is { } peer ? turns.Seconds(pair.Ours.Run, peer.Run) : turns.Seconds(pair.Ours.Run);
            measured.Add((work.Name, GraphWorkload.Operations(pair.Ours.Program), seconds));
        }

        MachineCeiling machine = before.Or(MachineCeiling.Measure(threads));
        return new PeerReport(
            machine, [.. measured.Select(one => Line(one.Name, one.Operations / (machine.PeakGflops * 1e9), one.Seconds))],
            Environment.WorkingSet / 1e6);
    }

    public static PeerReport Read(FileInfo file)
    {
        try
        {
            return JsonSerializer.Deserialize<PeerReport>(File.ReadAllText(file.FullName), CamelCase)
                ?? throw new JsonException("null");
        }
        catch (Exception error) when (error is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, $"--baseline {file.FullName}", "ratios written by peers --baseline", error.Message, "write it again");
        }
    }

    public string ToJson() => JsonSerializer.Serialize(this, CamelCase);

    public string ToMarkdown()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Summary()}\n");
        text.AppendLine($"| case | {string.Join(" | ", Headings)} |");
        text.AppendLine($"| --- |{string.Concat(Headings.Select(_ => " ---: |"))}");
        foreach (PeerCase line in Cases)
        {
            text.AppendLine($"| {line.Name} | {string.Join(" | ", Cells(line))} |");
        }

        return text.ToString();
    }

    public static string[] Cells(PeerCase line) =>
    [
        Number(line.Ours, "N1"), Number(line.Peer, "N1"), Number(line.Ratio, "F2"), Number(line.Floor, "N1"), Number(line.ShareOfFloor, "P0"),
    ];

    /// <summary>The machine, and by suite the geometric mean and the least of the ratios.</summary>
    public string Summary()
    {
        IEnumerable<string> means = Cases.Where(line => line.Ratio is not null).GroupBy(line => line.Name.Split(' ', '-')[0]).Select(suite =>
            string.Create(
                CultureInfo.InvariantCulture,
                $"{suite.Key}: {Math.Exp(suite.Average(line => Math.Log(line.Ratio!.Value))):F2}, least {suite.Min(line => line.Ratio!.Value):F2}"));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Machine.Processor}, {Machine.Threads} threads: {Machine.PeakGflops:F0} GFLOP/s, {Machine.BandwidthGBs:F1} GB/s. Geometric means of the ratios: {string.Join("; ", means)}.");
    }

    public static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";

    private static PeerCase Line(string name, double floor, double[][] seconds)
    {
        double ours = Turns.Median(seconds[0]);
        double? ratio = null, noise = null, peer = null;
        if (seconds.Length > 1)
        {
            // Turn by turn: what falls on both alike is not noise of the ratio.
            double[] logarithms = [.. seconds[1].Zip(seconds[0], (theirs, own) => Math.Log(theirs / own))];
            double median = Turns.Median(logarithms);
            double deviation = DeviationOfMedianDistance * Turns.Median([.. logarithms.Select(value => Math.Abs(value - median))]);
            ratio = Math.Exp(median);
            noise = MedianError * deviation / Math.Sqrt(logarithms.Length);
            peer = Turns.Median(seconds[1]);
        }

        return new PeerCase(name, ratio, noise, ours * Microseconds, peer * Microseconds, floor * Microseconds, floor / ours);
    }
}

/// <summary>A case of both reports.</summary>
internal sealed record GateLine(string Name, double? Before, double? Now, double? Least, string Verdict, bool HasFailed);

/// <summary>Whether ratios have fallen.</summary>
internal static class PeerGate
{
    /// <summary>Beyond noise within a run: another run lies elsewhere in memory and finds another machine beside it.</summary>
    public const double DefaultAllowance = 0.05;

    /// <summary>One of two thousand normal values is further away; a gate over forty cases then errs once in fifty runs.</summary>
    private const double Deviations = 3.3;

    public static IReadOnlyList<GateLine> Compare(PeerReport before, PeerReport now, double allowance)
    {
        var lines = new List<GateLine>();
        Dictionary<string, PeerCase> known = before.Cases.ToDictionary(line => line.Name);
        foreach (PeerCase line in now.Cases.Where(line => line.Ratio is not null))
        {
            if (!known.Remove(line.Name, out PeerCase? old) || old.Ratio is null)
            {
                lines.Add(new GateLine(line.Name, null, line.Ratio, null, "new: write the baseline again", false));
                continue;
            }

            double noise = Math.Sqrt(Math.Pow(line.RatioNoise ?? 0, 2) + Math.Pow(old.RatioNoise ?? 0, 2));
            double least = old.Ratio.Value * Math.Exp(-Deviations * noise) * (1 - allowance);
            bool hasFailed = line.Ratio < least;
            lines.Add(new GateLine(line.Name, old.Ratio, line.Ratio, least, hasFailed ? "slower" : "ok", hasFailed));
        }

        return lines;
    }
}
