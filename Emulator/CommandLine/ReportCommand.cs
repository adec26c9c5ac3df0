using System.Collections.Immutable;
using System.CommandLine;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.CommandLine.Families;
using RduEmu.Emulator.Machine.Simulation;
using RduEmu.Emulator.Reports;
using RduEmu.Emulator.Reports.Html;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu report</c>: compiles, places and times a model on a machine and writes the report files.</summary>
internal sealed class ReportCommand : IModelCommand
{
    private const int ListedSections = 24;

    /// <summary>The batches of the throughput curve, each four times the one before.</summary>
    private static readonly ImmutableArray<int> CurveBatches = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536];

    private readonly MachineOptions _machine = new();
    private readonly Option<string> _output = new("-o", "--output") { Description = "folder for the files; made if it does not exist", Required = true };

    private readonly Option<int> _threads = new("--threads") { Description = "threads that simulate sections; no byte depends on them", DefaultValueFactory = _ => Environment.ProcessorCount };

    public IReadOnlyList<Option> Options => [.. _machine.All, _output, _threads];

    public static Command Create() => ModelCatalogue.CreateCommand(
        "report", "the model on a machine in modelled cycles: SambaTune's tables, report.html, a Perfetto trace", () => new ReportCommand());

    public int Run(ParseResult parsed, ModelRequest request)
    {
        MachineRequest machine = _machine.Read(parsed) with { Threads = CommonOptions.Positive("--threads", parsed.GetRequiredValue(_threads)) };
        string folder = parsed.GetRequiredValue(_output);
        IModel model = request.Model;
        int batch = Batch(request, machine);
        var output = new Output(request.Json);
        using var interruption = new Interruption();
        (ProgramReport report, ImmutableArray<CurvePoint> curve) = ProgressBar.Run(output.Progress, "placing", progress =>
        {
            ProgramReport made = Make(model, batch / machine.Sockets, machine, request, (done, all) => progress(done, all, () => "sections"), interruption.Token);
            return (made, model.Name == "dlrm" ? Curve(model, machine, request, progress, interruption.Token) : []);
        });
        interruption.Token.ThrowIfCancellationRequested();
        IReadOnlyList<string> files = ReportFolder.Write(report, curve, folder);
        Print(output, report, folder, files);
        if (request.Json)
        {
            Output.WriteJson(new
            {
                Model = model.Name,
                model.Preset,
                Target = machine.Spec.Name,
                machine.Tiles,
                machine.Sockets,
                Mode = request.Common.Mode,
                Batch = batch,
                StepCycles = report.Timing.Step.Count,
                StepSeconds = report.Timing.Seconds,
                report.Timing.SamplesPerSecond,
                Sections = report.Sections.Length,
                Bottleneck = Summary.Largest(report)?.Bottleneck,
                Folder = folder,
                Files = files,
                Curve = curve,
            });
        }

        return (int)ExitCode.Done;
    }

    /// <summary>What one RDU does with batches of every size; each is placed for itself, so several threads may.</summary>
    private static ImmutableArray<CurvePoint> Curve(
        IModel model, MachineRequest machine, ModelRequest request, ProgressBar.Report progress, CancellationToken cancellation)
    {
        var points = new CurvePoint[CurveBatches.Length];
        var faults = new RduException?[points.Length];
        int done = 0;
        Parallel.For(0, points.Length, new ParallelOptions { MaxDegreeOfParallelism = machine.Threads, CancellationToken = cancellation }, i =>
        {
            int size = CurveBatches[i];
            MachineRequest one = machine with { Sockets = 1, IsInference = true };
            try
            {
                ProgramTiming inference = Make(model, size, one, request, null, cancellation).Timing;
                ProgramTiming training = Make(model, size, one with { IsInference = false }, request, null, cancellation).Timing;
                points[i] = new CurvePoint(
                    size, inference.SamplesPerSecond, inference.Rdu.Seconds(inference.Spec.ClockHertz) * 1e6, training.SamplesPerSecond);
            }
            catch (RduException error)
            {
                faults[i] = error;
            }

            lock (points)
            {
                progress(++done, points.Length, () => "batches of the curve");
            }
        });
        return Array.Find(faults, fault => fault is not null) is { } first ? throw first : [.. points];
    }

    /// <summary>The report of a model as it was asked for.</summary>
    internal static ProgramReport Make(ModelRequest request, MachineRequest machine) =>
        Make(request.Model, Batch(request, machine) / machine.Sockets, machine, request, null, CancellationToken.None);

    /// <summary>Samples of a step over all sockets: the user's, or what suits the data.</summary>
    private static int Batch(ModelRequest request, MachineRequest machine)
    {
        int? given = request.Common.BatchSamples;
        if (given is null)
        {
            using IModelData data = request.OpenData();
            given = data.Suited(new CourseChoices(null, null, null)).BatchSamples;
        }

        return given.Value % machine.Sockets == 0
            ? given.Value
            : throw new RduException(ErrorCatalogue.OptionInvalid, "--batch", $"a multiple of {machine.Sockets} sockets", $"{given}", "give another batch");
    }

    private static ProgramReport Make(
        IModel model, int batch, MachineRequest machine, ModelRequest request, Action<int, int>? progress, CancellationToken cancellation)
    {
        bool isShared = machine.Sockets > 1 && machine.Parallel != ParallelKind.Data;
        int samples = isShared ? batch * machine.Sockets : batch;
        ModelGraph graph = machine.IsInference ? model.BuildInference(samples) : model.BuildTrainingStep(samples);
        SharedWork? shared = machine.Share(graph);
        PlacedProgram program = shared is null && machine.Executable?.Graph == graph.Graph && machine.Stored(request.Common.Mode, batch) is { } stored
            ? stored
            : machine.Place(shared?.Busiest ?? graph.Graph, request.Common.Mode, progress, cancellation);
        string title = $"{model.Name} {model.Preset}, {(machine.IsInference ? "inference" : "training step")}, batch {batch * machine.Sockets}";
        ProgramTiming timing = machine.Time(program, cancellation);
        return ProgramReport.Of(title, shared is null ? timing : timing.WithExchanges(shared.Samples, shared.Traffic));
    }

    private static void Print(Output output, ProgramReport report, string folder, IReadOnlyList<string> files)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("section", "type", "cycles", "share", "PCU", "PMU", "GB/s", "bottleneck");
        foreach (int column in new[] { 0, 2, 3, 4, 5, 6 })
        {
            table.Columns[column].RightAligned();
        }

        double all = Math.Max(1, report.Timing.Rdu.Count);
        foreach (SectionRow row in report.Sections.OrderByDescending(row => row.LatencyCycles).ThenBy(row => row.Id).Take(ListedSections).OrderBy(row => row.Id))
        {
            table.AddRow(
                $"{row.Id}", row.Type, Output.Number(row.LatencyCycles, 0), Summary.Percent(row.LatencyCycles / all), Summary.Percent(row.PcuUtilization),
                Summary.Percent(row.PmuUtilization), Output.Number(row.TotalGigabytesPerSecond, 1), Markup.Escape(row.Bottleneck));
        }

        output.Text.Write(table);
        if (report.Sections.Length > ListedSections)
        {
            output.WriteFacts(("", $"the longest {ListedSections} of {report.Sections.Length} sections; all are in {ReportFolder.Sections}"));
        }

        foreach (string sentence in Summary.Sentences(report))
        {
            output.WriteLine(sentence);
        }

        output.WriteFacts(("written", $"{folder}: {string.Join(", ", files)}"));
    }
}
