using System.CommandLine;
using System.Diagnostics;
using RduEmu.Compiler.Executables;
using RduEmu.Emulator.CommandLine.Families;
using RduEmu.Emulator.Receipts;
using RduEmu.Emulator.Reports;
using RduEmu.Emulator.Training;
using RduEmu.Emulator.Training.Checkpoints;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu run</c>: inference; latency, throughput and the digest of the outputs.</summary>
internal sealed class RunCommand(ReceiptSink? sink) : IModelCommand
{
    private const int DefaultBatches = 100;

    /// <summary>Batches before the clock starts: kernels are compiled and caches filled.</summary>
    private const int WarmUpBatches = 5;

    private readonly DeviceOptions _device = new();
    private readonly Option<int?> _steps = new("--steps") { Description = $"batches to score; left out: {DefaultBatches}, or all of --data" };
    private readonly Option<int> _sockets = new("--sockets") { Description = "RDUs: 1, 2, 4, 8, or 16 in two nodes; bits do not depend on it", DefaultValueFactory = _ => 1 };
    private readonly Option<string> _parallel = new("--parallel") { Description = "what more than one RDU share: tensor (weights, tables), pipeline (layers) or spatial (tiles of images)", DefaultValueFactory = _ => "tensor" };
    private readonly Option<string?> _weights = new("--weights") { Description = "take the parameters of this safetensors file" };
    private readonly Option<string?> _executable = new(ExecutableFile.OptionName) { Description = "an executable that must hold this model's graph; what run NAME.rdux gives" };
    private readonly ProfileOptions _profile = new();
    private readonly Option<string?> _receipt = new("--receipt") { Description = "write what was run and what came out to this file" };

    public IReadOnlyList<Option> Options => [.. _device.All, _steps, _sockets, _parallel, _weights, _executable, .. _profile.All, _receipt];

    public static Command Create(ReceiptSink? sink)
    {
        Command command = ModelCatalogue.CreateCommand(
            "run", "inference: latency, throughput and the digest of the outputs", () => new RunCommand(sink));
        command.Add(OnnxRunCommand.Create());
        return command;
    }

    public int Run(ParseResult parsed, ModelRequest request)
    {
        (string device, int threads) = _device.Read(parsed);
        int? givenSteps = parsed.GetValue(_steps) is { } given ? CommonOptions.Positive("--steps", given) : null;
        string? receiptPath = parsed.GetValue(_receipt);
        if (receiptPath is not null)
        {
            AtomicFile.RequireWritable(receiptPath);
        }

        var output = new Output(request.Json, sink is not null);
        using var interruption = new Interruption();
        using IModelData data = request.OpenData();
        int? steps = givenSteps ?? (data.IsEndless ? DefaultBatches : null);
        IBatchSource source = data.Test ?? data.Training;
        int batchSamples = data.Suited(new CourseChoices(request.Common.BatchSamples, steps, null)).BatchSamples;
        IModel model = request.Model;
        Executable? executable = parsed.GetValue(_executable) is { } executablePath ? ExecutableFile.Require(executablePath, model) : null;

        BatchSplit split = Split(parsed);
        HostProfile? profile = _profile.Read(parsed, device, threads, split.Sockets);
        using var session = new ModelSession(model, request.Target(device, threads), new SessionPurpose(InferenceSamples: batchSamples), split);
        session.Initialize(request.Seed, data.FirstValues);
        if (parsed.GetValue(_weights) is { } weightsPath)
        {
            WeightFile.Load(session, weightsPath);
        }
        else if (executable?.Weights.Length > 0)
        {
            ExecutableFile.LoadWeights(session, executable);
        }

        int? placedSections = executable is null || executable.Graph.Updates.Count > 0 || executable.Program.Graph.Samples != batchSamples
            ? null
            : RunPlaced(executable, session, request, threads, batchSamples);
        session.Record(profile);
        Scoring scoring = ProgressBar.Run(
            output.Progress, "scoring",
            report => Score(session, source, batchSamples, steps, receiptPath is not null || sink is not null, profile, (done, all) => report(done, all, () => $"{done * batchSamples:N0} samples"), interruption.Token));

        double samplesPerSecond = scoring.Samples / scoring.Seconds;
        output.WriteFacts(
            ("model", $"{model.Name} {model.Preset}"),
            ("data", source.Name),
            ("device", DeviceOptions.Describe(device, threads)),
            ("samples", $"{scoring.Samples:N0} in batches of {batchSamples}"),
            ("samples/s", Output.Number(samplesPerSecond, 0)),
            ("latency", $"{Output.Number(scoring.MedianMicroseconds, 1)} us median, {Output.Number(scoring.P99Microseconds, 1)} us p99"),
            ("sections", string.Join(", ", session.Program.Step.Select(section => section.Name))),
            ("arena", $"{Output.Bytes(session.ArenaBytes)}{(split.Sockets > 1 ? " of the largest RDU" : string.Empty)}"),
            ("outputs", scoring.OutputsDigest));
        if (executable is not null)
        {
            output.WriteFacts(("placed", placedSections is { } count
                ? $"the first batch section by section, {count} in all: the bits of the whole program"
                : "not run: the executable is of a training step, or of another batch"));
        }

        HostProfileReport? where = profile is null
            ? null
            : _profile.Write(parsed, output, profile, session.Program, $"{model.Name} {model.Preset}, batch {batchSamples}", (int)scoring.Batches);
        if (receiptPath is not null || sink is not null)
        {
            (string weights, IReadOnlyDictionary<string, string> each) = session.WeightDigests();
            var options = new Dictionary<string, object> { ["seed"] = request.Seed, ["samples"] = scoring.Samples };
            var receipt = new Receipt(
                "run", model.Name, model.Preset, model.Describe(), source.Name, scoring.DataDigest ?? string.Empty, options,
                scoring.Batches, weights, scoring.OutputsDigest, each, [.. session.Program.Step.Select(section => section.Name)])
            {
                Arguments = ReceiptArguments.Of(parsed),
            };
            if (sink is not null)
            {
                sink.Receipt = receipt;
                return (int)ExitCode.Done;
            }

            receipt.Write(receiptPath!);
            output.WriteFacts(("receipt", receiptPath!));
        }

        if (request.Json)
        {
            Output.WriteJson(new
            {
                Model = model.Name,
                model.Preset,
                Device = device,
                Threads = threads,
                Batch = batchSamples,
                scoring.Samples,
                SamplesPerSecond = samplesPerSecond,
                LatencyMicroseconds = new { Median = scoring.MedianMicroseconds, P99 = scoring.P99Microseconds },
                scoring.OutputsDigest,
                Sections = session.Program.Step.Length,
                PlacedSections = placedSections,
                split.Sockets,
                Parallel = split.Kind,
                PeakArenaBytes = session.ArenaBytes,
                session.RduBytes,
                session.Traffic,
                PeakProcessBytes = ProcessMemory.PeakBytes(),
                Profile = where,
            });
        }

        return (int)ExitCode.Done;
    }

    /// <summary>The first batch as the executable has it placed; its predictions must be those that the session makes.</summary>
    private static int RunPlaced(Executable executable, ModelSession session, ModelRequest request, int threads, int batchSamples)
    {
        using IModelData data = request.OpenData();
        IBatchSource source = data.Test ?? data.Training;
        Batch batch = source.CreateBatch(batchSamples);
        source.Read(batch);
        batch.ClearTail();
        return PlacedInference.Compare(executable, session, batch, threads);
    }

    /// <summary>One RDU predicts alone; several share the graph.</summary>
    private BatchSplit Split(ParseResult parsed)
    {
        int sockets = CommonOptions.Sockets("--sockets", parsed.GetRequiredValue(_sockets));
        ParallelKind kind = CommonOptions.Parallel("--parallel", parsed.GetRequiredValue(_parallel));
        if (kind == ParallelKind.Data)
        {
            throw new RduException(
                ErrorCatalogue.OptionInvalid, "--parallel", "tensor, pipeline or spatial", "data", "start several runs for several batches, or share one batch in another way");
        }

        return sockets == 1 ? BatchSplit.None : new BatchSplit(sockets, Kind: kind);
    }

    private static Scoring Score(
        ModelSession session, IBatchSource source, int batchSamples, int? steps, bool withDataDigest, HostProfile? profile, Action<long, long?> progress, CancellationToken cancellation)
    {
        Batch batch = source.CreateBatch(batchSamples);
        float[][] predictions = session.PredictionBuffers();
        var latencies = new List<double>();
        using Digest? dataDigest = withDataDigest ? new Digest() : null;
        Digest[] outputs = [.. predictions.Select((_, i) => new Digest())];
        for (int i = 0; i < outputs.Length; i++)
        {
            outputs[i].Begin(i == 0 ? "scores" : $"scores.{i}");
        }

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
                session.Predict(batch, predictions);
                profile?.Clear();
            }

            long start = Stopwatch.GetTimestamp();
            session.Predict(batch, predictions);
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            latencies.Add(elapsed.TotalMicroseconds);
            seconds += elapsed.TotalSeconds;
            samples += batch.CountSamples;
            for (int i = 0; i < outputs.Length; i++)
            {
                outputs[i].Append(predictions[i].AsSpan(0, predictions[i].Length / batchSamples * batch.CountSamples));
            }

            progress(done + 1, steps);
        }

        latencies.Sort();
        string outputsDigest = Digest.Join([.. outputs.Select(output => output.ToString())]);
        Array.ForEach(outputs, output => output.Dispose());
        return new Scoring(
            samples, latencies.Count, seconds, Quantile(latencies, 0.5), Quantile(latencies, 0.99), outputsDigest, dataDigest?.ToString());
    }

    private static double Quantile(List<double> sorted, double share) =>
        sorted.Count == 0 ? double.NaN : sorted[Math.Min(sorted.Count - 1, (int)(share * sorted.Count))];

    private sealed record Scoring(
        long Samples, long Batches, double Seconds, double MedianMicroseconds, double P99Microseconds, string OutputsDigest, string? DataDigest);
}
