using System.CommandLine;
using RduEmu.Compiler.Graphs;
using RduEmu.Emulator.CommandLine.Families;
using RduEmu.Emulator.Fabric;
using RduEmu.Emulator.Plots;
using RduEmu.Emulator.Receipts;
using RduEmu.Emulator.Training;
using RduEmu.Emulator.Training.Checkpoints;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu train</c>: loss as it goes, metric, throughput and digests at the end.</summary>
internal sealed class TrainCommand(ReceiptSink? sink) : IModelCommand
{
    /// <summary>Models of at most so many parameters are listed whole by <c>--json</c>.</summary>
    private const long ListedParameters = 1000;

    /// <summary>Digests on the way that a receipt has, about.</summary>
    private const long ReceiptDigests = 16;

    /// <summary>Steps between them where the data decide how many there are.</summary>
    private const long UnknownStepsDigest = 1000;

    private readonly DeviceOptions _device = new();
    private readonly CourseOptions _course = new();
    private readonly Option<int> _sockets = new("--sockets") { Description = "RDUs: 1, 2, 4, 8, or 16 in two nodes; bits do not depend on it", DefaultValueFactory = _ => 1 };
    private readonly Option<string> _parallel = new("--parallel") { Description = "what the RDUs share: data (the batch), tensor (weights, tables), pipeline (layers), spatial (tiles of images); bits do not depend on it", DefaultValueFactory = _ => "data" };
    private readonly Option<int> _accumulate = new("--accumulate") { Description = "parts of a batch that an RDU computes one after the other, in a pipeline the microbatches; bits do not depend on it", DefaultValueFactory = _ => 1 };
    private readonly Option<int> _evaluateEvery = new("--eval-every") { Description = "steps between measurements on the test data; 0: at the end only" };
    private readonly Option<int> _patience = new("--patience") { Description = "stop after so many measurements without a new best one; 0: never" };
    private readonly CheckpointOptions _checkpoint = new();
    private readonly Option<string?> _weights = new("--weights") { Description = "begin with the parameters of this safetensors file" };
    private readonly Option<string?> _plot = new("--plot") { Description = "draw loss and metric over the steps: a file .png or .svg" };
    private readonly Option<string?> _receipt = new("--receipt") { Description = "write what was run and what came out to this file" };

    private readonly RecomputeOption _recompute = new();

    private readonly Option<bool> _receiptSections = new("--receipt-sections") { Description = "the receipt has the digests of all sections of all steps, by which verify finds the first that differs" };

    public IReadOnlyList<Option> Options =>
        [.. _device.All, .. _course.All, _sockets, _parallel, _accumulate, _evaluateEvery, _patience, .. _checkpoint.All, _weights, _recompute.Option, _plot, _receipt, _receiptSections];

    public static Command Create(ReceiptSink? sink) => ModelCatalogue.CreateCommand(
        "train", "training: loss and metric as it goes, digests and throughput at the end", () => new TrainCommand(sink));

    public int Run(ParseResult parsed, ModelRequest request)
    {
        request = _recompute.Apply(parsed, request);
        (string device, int threads) = _device.Read(parsed);
        string? receiptPath = parsed.GetValue(_receipt);
        if (receiptPath is not null)
        {
            AtomicFile.RequireWritable(receiptPath);
        }

        string? plotPath = parsed.GetValue(_plot);
        if (plotPath is not null)
        {
            PlotFile.Require(plotPath);
        }

        var output = new Output(request.Json, sink is not null);
        using var interruption = new Interruption();
        using IModelData data = request.OpenData();
        TrainingCourse course = _course.Read(parsed, request, data);
        TrainingWatch watch = Watch(parsed, course, data) with
        {
            WithDataDigest = receiptPath is not null || sink is not null,
            Accepts = sink?.Accepts,
            DigestEvery = receiptPath is null && sink is null ? 0 : course.Steps is { } steps ? Math.Max(1, steps / ReceiptDigests) : UnknownStepsDigest,
        };
        var split = new BatchSplit(
            CommonOptions.Sockets("--sockets", parsed.GetRequiredValue(_sockets)), CommonOptions.Positive("--accumulate", parsed.GetRequiredValue(_accumulate)),
            CommonOptions.Parallel("--parallel", parsed.GetRequiredValue(_parallel)));
        IModel model = request.Model;
        SectionTracer? tracer = Tracer(parsed, request, split);
        using var session = new ModelSession(
            model, request.Target(device, threads) with { Probe = tracer is null ? null : tracer.Add }, new SessionPurpose(course.BatchSamples, data.Test is null ? 0 : model.EvaluationBatchSamples), split);
        session.Initialize(request.Seed, data.FirstValues);
        Dictionary<string, object> options = CourseOptions.Describe(request, course);
        if (parsed.GetValue(_weights) is { } weightsPath)
        {
            WeightFile.Load(session, weightsPath, begins: true);
            options.Add("initialWeights", session.WeightDigests().All);
        }

        watch = _checkpoint.Apply(parsed, request, course, session, watch);
        output.WriteFacts(
            ("model", $"{model.Name} {model.Preset}: {model.Summary}"),
            ("data", data.Training.Name),
            ("device", DeviceOptions.Describe(device, threads)),
            ("batch", $"{course.BatchSamples} samples, {model.Optimizer}, rate {course.Rate}"),
            ("arena", DescribeMemory(session)),
            ("begins", watch.From is { } from ? $"after step {from.Step:N0}, from a checkpoint" : "at step 0"));
        SectionTable.Write(output.Text, session.Program);

        tracer?.Begin(session.Program.Graph);
        var trainer = new Trainer(session);
        TrainingOutcome outcome = ProgressBar.Run(
            output.Progress, "training",
            report => trainer.Train(
                data.Training, course,
                watch with
                {
                    Progress = progress =>
                    {
                        tracer?.Take();
                        report(progress.Step, progress.Steps, () => $"loss {progress.Loss:F4}");
                    },
                },
                interruption.Token));
        IReadOnlyList<LinkTraffic> traffic = session.Traffic;
        Evaluation? evaluation = data.Test is null || sink is not null ? null : trainer.Evaluate(data.Test, interruption.Token);
        (string weights, IReadOnlyDictionary<string, string> each) = session.WeightDigests();
        double samplesPerSecond = outcome.Samples / outcome.Seconds;
        Print(output, course, outcome, evaluation, samplesPerSecond, weights);
        if (split.Sockets > 1)
        {
            var topology = new FabricTopology(split.Sockets);
            output.WriteFacts(
                ("RDUs", $"{split.Sockets} in {topology.Nodes} node{(topology.Nodes == 1 ? string.Empty : "s")}, {split.Kind.ToString().ToLowerInvariant()} parallel"),
                ("traffic", $"{Output.Bytes(traffic.Where(link => link.IsInNode).Sum(link => link.Bytes))} inside nodes, {Output.Bytes(traffic.Where(link => !link.IsInNode).Sum(link => link.Bytes))} between them, over {traffic.Count} links"));
        }

        if (plotPath is not null)
        {
            PlotFile.Write(plotPath, TrainingPlot.Draw($"{model.Name} {model.Preset}", outcome.State));
            output.WriteFacts(("plot", plotPath));
        }

        if (receiptPath is not null || sink is not null)
        {
            var receipt = new Receipt(
                "train", model.Name, model.Preset, model.Describe(), data.Training.Name, outcome.DataDigest ?? string.Empty,
                options, outcome.State.Step, weights, null, each, [.. session.Program.Step.Select(section => section.Name)])
            {
                Arguments = ReceiptArguments.Of(parsed),
                Losses = outcome.State.Losses,
                StepDigests = outcome.State.Digests,
                Trace = tracer?.Result(),
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
                split.Sockets,
                Parallel = split.Kind,
                split.Accumulate,
                model.Precision,
                Steps = outcome.State.Step,
                course.BatchSamples,
                model.Optimizer,
                LearningRate = course.Rate,
                SamplesPerSecond = samplesPerSecond,
                Loss = new { First = outcome.State.FirstLoss, Last = outcome.State.LastLoss },
                outcome.State.Losses,
                Metric = evaluation is null ? null : MetricObject(evaluation),
                Measured = outcome.State.Measured.Select(measured => new { measured.Step, Metric = MetricObject(measured.Evaluation) }),
                outcome.StoppedEarly,
                WeightsDigest = weights,
                Sections = session.Program.Step.Length,
                PeakArenaBytes = session.ArenaBytes,
                Floor = session.Floor(),
                session.ScratchBytes,
                session.RduBytes,
                Traffic = traffic,
                PeakProcessBytes = ProcessMemory.PeakBytes(),
                Parameters = Listed(session),
            });
        }

        return (int)ExitCode.Done;
    }

    private static string DescribeMemory(ModelSession session)
    {
        MemoryFloor floor = session.Floor();
        return $"{Output.Bytes(session.ArenaBytes)}; the least possible {Output.Bytes(floor.Bytes)}: weights {Output.Bytes(floor.WeightBytes)}, "
            + $"optimiser {Output.Bytes(floor.OptimizerBytes)}, live activations {Output.Bytes(floor.LiveBytes)}; scratch {Output.Bytes(session.ScratchBytes)}";
    }

    /// <summary>Sections are those of a whole batch on one RDU: parts have others.</summary>
    private SectionTracer? Tracer(ParseResult parsed, ModelRequest request, BatchSplit split)
    {
        if (!parsed.GetValue(_receiptSections))
        {
            return null;
        }

        return split == BatchSplit.None && !_checkpoint.Resumes(parsed)
            ? new SectionTracer(request.Common.Mode)
            : throw new RduException(
                ErrorCatalogue.OptionInvalid, "--receipt-sections", "a whole run, with the whole batch on one RDU", "--sockets, --accumulate or --resume", "leave these out, or leave out --receipt-sections");
    }

    private TrainingWatch Watch(ParseResult parsed, TrainingCourse course, IModelData data)
    {
        int every = CommonOptions.NotNegative("--eval-every", parsed.GetValue(_evaluateEvery));
        int patience = CommonOptions.NotNegative("--patience", parsed.GetValue(_patience));
        if (every > 0 && data.Test is null)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--eval-every", "data with test samples", data.Training.Name, "leave the option out, or give test data");
        }

        if ((patience > 0 || course.Plateau is not null) && every == 0)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, patience > 0 ? "--patience" : "--plateau", "measurements on the way", "none", "give --eval-every too");
        }

        return new TrainingWatch { EvaluateEvery = every, Patience = patience, Test = data.Test };
    }

    private static void Print(Output output, TrainingCourse course, TrainingOutcome outcome, Evaluation? evaluation, double samplesPerSecond, string weights)
    {
        List<(string, string)> facts =
        [
            ("steps", $"{outcome.State.Step:N0} of {course.BatchSamples} samples in {Output.Number(outcome.Seconds, 1)} s{(outcome.StoppedEarly ? "; stopped early" : string.Empty)}"),
            ("samples/s", Output.Number(samplesPerSecond, 0)),
            ("loss", $"{Output.Number(outcome.State.FirstLoss, 6)} first, {Output.Number(outcome.State.LastLoss, 6)} last"),
        ];
        if (evaluation is null)
        {
            facts.Add(("test", "no test data"));
        }
        else
        {
            facts.Add(("test", string.Join(", ", [$"{evaluation.Samples:N0} samples", .. evaluation.Details.Select(detail => $"{detail.Title} {Output.Number(detail.Value, 4)}")])));
            string ceiling = evaluation.Ceiling is { } best ? $"; the best model possible has {Output.Number(best, 4)}" : string.Empty;
            facts.Add((evaluation.Main.Title, Output.Number(evaluation.Main.Value, 4) + ceiling));
        }

        facts.Add(("weights", weights));
        output.WriteFacts([.. facts]);
    }

    private static Dictionary<string, object?> MetricObject(Evaluation evaluation)
    {
        var metric = new Dictionary<string, object?>
        {
            ["name"] = evaluation.Main.Name,
            ["value"] = evaluation.Main.Value,
            ["ceiling"] = evaluation.Ceiling,
        };
        foreach (MetricValue detail in evaluation.Details)
        {
            metric.Add(detail.Name, detail.Value);
        }

        metric.Add("samples", evaluation.Samples);
        return metric;
    }

    private static Dictionary<string, float[]>? Listed(ModelSession session)
    {
        if (session.Parameters.Sum(id => session.Graph[id].Type.CountElements) > ListedParameters)
        {
            return null;
        }

        var parameters = new Dictionary<string, float[]>();
        foreach (ValueId id in session.Parameters)
        {
            parameters.Add(session.Graph[id].Name, session.ReadParameter(id));
        }

        return parameters;
    }
}
