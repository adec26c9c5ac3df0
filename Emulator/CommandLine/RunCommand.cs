using System.CommandLine;
using System.Diagnostics;
using RduEmu.Emulator.Dlrm;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Data;
using RduEmu.Models.Dlrm;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu run</c>: inference; latency, throughput and the digest of the outputs.</summary>
internal sealed class RunCommand
{
    private const int DefaultBatches = 100;

    /// <summary>Batches before the clock starts: kernels are compiled and caches filled.</summary>
    private const int WarmUpBatches = 5;

    private readonly ModelOptions _model = new();
    private readonly Option<string> _device = new("--device") { Description = "host, ilgpu, cuda[:n], opencl[:n] or null", DefaultValueFactory = _ => "host" };
    private readonly Option<int> _threads = new("--threads") { Description = "workers on the host; bits do not depend on them", DefaultValueFactory = _ => Environment.ProcessorCount };
    private readonly Option<int?> _steps = new("--steps") { Description = $"batches to score; left out: {DefaultBatches}, or all of --data" };
    private readonly Option<string?> _receipt = new("--receipt") { Description = "write what was run and what came out to this file" };

    public static Command Create()
    {
        var run = new RunCommand();
        Command command = new("run", "inference: latency, throughput and the digest of the outputs");
        run._model.AddTo(command);
        foreach (Option option in new Option[] { run._device, run._threads, run._steps, run._receipt })
        {
            command.Add(option);
        }

        command.SetAction(run.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        ModelRequest request = _model.Read(parsed);
        string device = parsed.GetRequiredValue(_device);
        int threads = ModelOptions.Positive("--threads", parsed.GetRequiredValue(_threads));
        int? steps = parsed.GetValue(_steps) is { } given ? ModelOptions.Positive("--steps", given) : request.Data is null ? DefaultBatches : null;
        string? receiptPath = parsed.GetValue(_receipt);
        if (receiptPath is not null)
        {
            AtomicFile.RequireWritable(receiptPath);
        }

        var output = new Output(request.Json);
        using var interruption = new Interruption();
        using ClickData data = ClickData.Open(request.Configuration, request.Data, request.TestData, request.Seed);
        IClickSource source = data.Test ?? data.Training;
        DlrmConfiguration configuration = request.Configuration;
        int batchSamples = request.BatchGiven || data.Example is null ? configuration.BatchSamples : data.Example.BatchSamples;
        using var session = new DlrmSession(configuration, request.Target(device, threads), 0, batchSamples);
        session.Initialize(request.Seed, data.Example is null ? null : data.Example.Parameter);
        Scoring scoring = ProgressBar.Run(
            output.Progress, "scoring",
            report => Score(session, source, batchSamples, steps, receiptPath is not null, (done, all) => report(done, all, () => $"{done * batchSamples:N0} samples"), interruption.Token));

        double samplesPerSecond = scoring.Samples / scoring.Seconds;
        output.WriteFacts(
            ("model", $"dlrm {configuration.Name}"),
            ("data", source.Name),
            ("device", device == "host" ? $"host, {threads} threads" : device),
            ("samples", $"{scoring.Samples:N0} in batches of {batchSamples}"),
            ("samples/s", Output.Number(samplesPerSecond, 0)),
            ("latency", $"{Output.Number(scoring.MedianMicroseconds, 1)} us median, {Output.Number(scoring.P99Microseconds, 1)} us p99"),
            ("sections", string.Join(", ", session.Program.Step.Select(section => section.Name))),
            ("arena", Output.Bytes(session.ArenaBytes)),
            ("outputs", scoring.OutputsDigest));
        if (receiptPath is not null)
        {
            (string weights, IReadOnlyDictionary<string, string> each) = session.WeightDigests();
            var options = new Dictionary<string, object> { ["seed"] = request.Seed, ["samples"] = scoring.Samples };
            new Receipt(
                "run", "dlrm", configuration.Name, TrainCommand.Describe(configuration), source.Name, scoring.DataDigest ?? string.Empty, options,
                scoring.Batches, weights, scoring.OutputsDigest, each, [.. session.Program.Step.Select(section => section.Name)]).Write(receiptPath);
            output.WriteFacts(("receipt", receiptPath));
        }

        if (request.Json)
        {
            Output.WriteJson(new
            {
                Model = "dlrm",
                Preset = configuration.Name,
                Device = device,
                Threads = threads,
                Batch = batchSamples,
                scoring.Samples,
                SamplesPerSecond = samplesPerSecond,
                LatencyMicroseconds = new { Median = scoring.MedianMicroseconds, P99 = scoring.P99Microseconds },
                scoring.OutputsDigest,
                Sections = session.Program.Step.Length,
                PeakArenaBytes = session.ArenaBytes,
                PeakProcessBytes = ProcessMemory.PeakBytes(),
            });
        }

        return (int)ExitCode.Done;
    }

    private static Scoring Score(
        DlrmSession session, IClickSource source, int batchSamples, int? steps, bool withDataDigest, Action<long, long?> progress, CancellationToken cancellation)
    {
        var batch = new ClickBatch(source.Schema, batchSamples);
        var scores = new float[batchSamples];
        var latencies = new List<double>();
        using Digest? dataDigest = withDataDigest ? new Digest() : null;
        using var outputs = new Digest();
        outputs.Begin("scores");
        long samples = 0;
        double seconds = 0;
        for (int done = 0; steps is null || done < steps; done++)
        {
            cancellation.ThrowIfCancellationRequested();
            source.Read(batch);
            if (batch.CountSamples == 0)
            {
                break;
            }

            batch.ClearTail();
            batch.AppendTo(dataDigest);
            for (int warmUp = 0; done == 0 && warmUp < WarmUpBatches; warmUp++)
            {
                session.Score(batch, scores);
            }

            long start = Stopwatch.GetTimestamp();
            session.Score(batch, scores);
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            latencies.Add(elapsed.TotalMicroseconds);
            seconds += elapsed.TotalSeconds;
            samples += batch.CountSamples;
            outputs.Append(scores.AsSpan(0, batch.CountSamples));
            progress(done + 1, steps);
        }

        latencies.Sort();
        return new Scoring(
            samples, latencies.Count, seconds, Quantile(latencies, 0.5), Quantile(latencies, 0.99), outputs.ToString(), dataDigest?.ToString());
    }

    private static double Quantile(List<double> sorted, double share) =>
        sorted.Count == 0 ? double.NaN : sorted[Math.Min(sorted.Count - 1, (int)(share * sorted.Count))];

    private sealed record Scoring(
        long Samples, long Batches, double Seconds, double MedianMicroseconds, double P99Microseconds, string OutputsDigest, string? DataDigest);
}
