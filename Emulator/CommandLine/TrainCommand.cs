using System.CommandLine;
using RduEmu.Compiler.Graphs;
using RduEmu.Emulator.Dlrm;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Dlrm;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu train</c>: loss as it goes, metric, throughput and digests at the end.</summary>
internal sealed class TrainCommand
{
    /// <summary>Models of at most so many parameters are listed whole by <c>--json</c>.</summary>
    private const long ListedParameters = 1000;

    /// <summary>Samples that are scored at a time.</summary>
    private const int EvaluationBatchSamples = 2048;

    private readonly ModelOptions _model = new();
    private readonly Option<string> _device = new("--device") { Description = "host, ilgpu, cuda[:n], opencl[:n] or null", DefaultValueFactory = _ => "host" };
    private readonly Option<int> _threads = new("--threads") { Description = "workers on the host; bits do not depend on them", DefaultValueFactory = _ => Environment.ProcessorCount };
    private readonly Option<int?> _steps = new("--steps") { Description = "steps to do" };
    private readonly Option<int?> _epochs = new("--epochs") { Description = "times the data are read" };
    private readonly Option<float?> _rate = new("--learning-rate") { Description = "left out: the preset's" };
    private readonly Option<int?> _warmUp = new("--warmup-steps") { Description = "linear warm-up of the rate" };
    private readonly Option<int?> _decayStart = new("--decay-start-step") { Description = "first step of the quadratic decay of the rate" };
    private readonly Option<int?> _decay = new("--decay-steps") { Description = "steps of the decay" };
    private readonly Option<string?> _receipt = new("--receipt") { Description = "write what was run and what came out to this file" };

    public static Command Create()
    {
        var train = new TrainCommand();
        Command command = new("train", "training: loss and metric as it goes, digests and throughput at the end");
        train._model.AddTo(command);
        foreach (Option option in new Option[] { train._device, train._threads, train._steps, train._epochs, train._rate, train._warmUp, train._decayStart, train._decay, train._receipt })
        {
            command.Add(option);
        }

        command.SetAction(train.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        ModelRequest request = _model.Read(parsed);
        string device = parsed.GetRequiredValue(_device);
        int threads = ModelOptions.Positive("--threads", parsed.GetRequiredValue(_threads));
        string? receiptPath = parsed.GetValue(_receipt);
        if (receiptPath is not null)
        {
            AtomicFile.RequireWritable(receiptPath);
        }

        var output = new Output(request.Json);
        using var interruption = new Interruption();
        using ClickData data = ClickData.Open(request.Configuration, request.Data, request.TestData, request.Seed);
        TrainingPlan plan = TrainingPlan.For(request, data, new TrainingChoices(
            parsed.GetValue(_steps), parsed.GetValue(_epochs), parsed.GetValue(_rate), parsed.GetValue(_warmUp), parsed.GetValue(_decayStart), parsed.GetValue(_decay)));
        DlrmConfiguration configuration = request.Configuration with { BatchSamples = plan.BatchSamples };
        using var session = new DlrmSession(
            configuration, request.Target(device, threads), plan.BatchSamples, data.Test is null ? 0 : EvaluationBatchSamples, request.Optimizer);
        session.Initialize(request.Seed, data.Example is null ? null : data.Example.Parameter);
        output.WriteFacts(
            ("model", $"dlrm {configuration.Name}: {configuration.DenseParameterCount:N0} weights, {configuration.EmbeddingParameterCount:N0} in {configuration.TableRows.Length} tables"),
            ("data", data.Training.Name),
            ("device", device == "host" ? $"host, {threads} threads" : device),
            ("batch", $"{plan.BatchSamples} samples, {request.OptimizerName}, rate {plan.Rate}"),
            ("arena", Output.Bytes(session.ArenaBytes)));
        SectionTable.Write(output.Text, session.Program);

        var trainer = new DlrmTrainer(session);
        TrainingOutcome outcome = ProgressBar.Run(
            output.Progress, "training",
            report => trainer.Train(
                data.Training, plan.BatchSamples, plan.Steps, plan.Epochs, plan.RateAt, receiptPath is not null,
                progress => report(progress.Step, progress.Steps, () => $"loss {progress.Loss:F4}"), interruption.Token));
        Evaluation? evaluation = data.Test is null ? null : trainer.Evaluate(data.Test, EvaluationBatchSamples, interruption.Token);
        (string weights, IReadOnlyDictionary<string, string> each) = session.WeightDigests();
        double samplesPerSecond = outcome.Samples / outcome.Seconds;

        output.WriteFacts(
            ("steps", $"{outcome.Steps:N0} of {plan.BatchSamples} samples in {Output.Number(outcome.Seconds, 1)} s"),
            ("samples/s", Output.Number(samplesPerSecond, 0)),
            ("loss", $"{Output.Number(outcome.FirstLoss, 6)} first, {Output.Number(outcome.LastLoss, 6)} last"),
            ("test", evaluation is null ? "no test data" : $"{evaluation.Samples:N0} samples, log loss {Output.Number(evaluation.LogLoss, 4)}"),
            ("AUC", evaluation is null ? "-" : Output.Number(evaluation.Auc, 4)
                + (evaluation.CeilingAuc is { } ceiling ? $"; the best model possible has {Output.Number(ceiling, 4)}" : string.Empty)),
            ("weights", weights));
        if (receiptPath is not null)
        {
            new Receipt(
                "train", "dlrm", configuration.Name, Describe(configuration), data.Training.Name, outcome.DataDigest ?? string.Empty,
                plan.Describe(request), outcome.Steps, weights, null, each, [.. session.Program.Step.Select(section => section.Name)]).Write(receiptPath);
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
                Precision = "fp32",
                outcome.Steps,
                plan.BatchSamples,
                Optimizer = request.OptimizerName,
                LearningRate = plan.Rate,
                SamplesPerSecond = samplesPerSecond,
                Loss = new { First = outcome.FirstLoss, Last = outcome.LastLoss },
                outcome.Losses,
                Metric = evaluation is null ? null : new { Name = "auc", Value = evaluation.Auc, Ceiling = evaluation.CeilingAuc, evaluation.LogLoss, evaluation.Samples },
                WeightsDigest = weights,
                Sections = session.Program.Step.Length,
                PeakArenaBytes = session.ArenaBytes,
                PeakProcessBytes = ProcessMemory.PeakBytes(),
                Parameters = Listed(session),
            });
        }

        return (int)ExitCode.Done;
    }

    private static Dictionary<string, float[]>? Listed(DlrmSession session)
    {
        DlrmConfiguration configuration = session.Configuration;
        if (configuration.DenseParameterCount + configuration.EmbeddingParameterCount > ListedParameters)
        {
            return null;
        }

        var parameters = new Dictionary<string, float[]>();
        foreach (ValueId id in session.Parameters)
        {
            parameters.Add(session.Program.Graph[id].Name, session.ReadParameter(id));
        }

        return parameters;
    }

    public static object Describe(DlrmConfiguration configuration) => new
    {
        configuration.BottomLayers,
        configuration.TopLayers,
        configuration.TableRows,
        TableHotness = configuration.TableRows.Select((_, table) => configuration.HotnessOf(table)),
        Interaction = configuration.Interaction.ToString(),
        Loss = configuration.Loss.ToString(),
    };
}
