using System.CommandLine;
using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Checks;
using RduEmu.Emulator.CommandLine.Families;
using RduEmu.Emulator.Receipts;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu check</c>: the same bits however the model is run, or the first difference by name.</summary>
internal sealed class CheckCommand : IModelCommand
{
    private readonly Option<int> _runs = new("--runs") { Description = "repetitions of each way", DefaultValueFactory = _ => 2 };
    private readonly Option<int[]> _threads = ListOption.OfNumbers("--threads", "thread counts on the host, as 1,2", 1, 2);
    private readonly Option<string[]> _devices = ListOption.OfNames("--devices", "devices, as host,ilgpu", "host", "ilgpu");
    private readonly Option<int[]> _batches = ListOption.OfNumbers("--batches", "samples that are scored at a time, as 1,7,64", 1, 7, 64);
    private readonly Option<int[]> _sockets = ListOption.OfNumbers("--sockets", "RDUs that share a training batch, as 1,2,4,8", 1);
    private readonly Option<string[]> _parallel = ListOption.OfNames("--parallel", "what more than one RDU share, as data,tensor,pipeline,spatial", "data");
    private readonly Option<int[]> _accumulate = ListOption.OfNumbers("--accumulate", "parts of a training batch that an RDU computes one after the other, as 1,2", 1);
    private readonly Option<string[]> _modes = ListOption.OfNames("--modes", "modes, as o0,o1,o3");
    private readonly Option<int[]> _tiles = ListOption.OfNumbers("--tiles", "samples of a host tile, as 0,1,7; 0 to choose");
    private readonly Option<string?> _inject = new("--inject") { Description = "step:section:stage:element:bit: run once more and flip this bit, which must be found and named" };
    private readonly Option<string> _replay = new("--replay") { Description = "where a difference is found, write the stage to this file, for rduemu replay", DefaultValueFactory = _ => "difference.replay" };
    private readonly Option<int> _steps = new("--steps") { Description = "training steps", DefaultValueFactory = _ => 5 };
    private readonly Option<int> _samples = new("--samples") { Description = "samples that are scored after training", DefaultValueFactory = _ => 64 };

    private readonly RecomputeOption _recompute = new();

    public IReadOnlyList<Option> Options => [_runs, _threads, _devices, _batches, _sockets, _parallel, _accumulate, _modes, _tiles, _inject, _replay, _steps, _samples, _recompute.Option];

    public static Command Create() => ModelCatalogue.CreateCommand(
        "check", "trains and predicts in every way that is asked for and compares the bits", () => new CheckCommand());

    public int Run(ParseResult parsed, ModelRequest request)
    {
        request = _recompute.Apply(parsed, request);
        int runs = CommonOptions.Positive("--runs", parsed.GetRequiredValue(_runs));
        int[] threads = [.. parsed.GetRequiredValue(_threads).Select(count => CommonOptions.Positive("--threads", count))];
        int[] batches = [.. parsed.GetRequiredValue(_batches).Select(count => CommonOptions.Positive("--batches", count))];
        int[] sockets = [.. parsed.GetRequiredValue(_sockets).Select(count => CommonOptions.Sockets("--sockets", count))];
        ParallelKind[] kinds = [.. parsed.GetRequiredValue(_parallel).Select(name => CommonOptions.Parallel("--parallel", name))];
        int[] accumulate = [.. parsed.GetRequiredValue(_accumulate).Select(count => CommonOptions.Positive("--accumulate", count))];
        string[] devices = [.. parsed.GetRequiredValue(_devices).Select(name => DeviceCatalogue.Find(name).Name)];
        int[] givenTiles = parsed.GetRequiredValue(_tiles);
        int[] tiles = givenTiles.Length > 0 ? [.. givenTiles.Select(count => CommonOptions.NotNegative("--tiles", count))] : [request.Common.TileSamples];
        Injection? injection = parsed.GetValue(_inject) is { } place ? Injection.Parse(place) : null;
        string[] named = parsed.GetRequiredValue(_modes);
        CompileMode[] modes = named.Length > 0 ? [.. named.Select(CommonOptions.ParseMode)] : [request.Common.Mode];
        int steps = CommonOptions.Positive("--steps", parsed.GetRequiredValue(_steps));
        if (injection?.Step > steps)
        {
            throw new RduException(
                ErrorCatalogue.OptionInvalid, "--inject", $"a step below {steps}, or {steps} for the predictions", $"{injection.Step}", "name a step that is done");
        }

        var check = new ModelCheck(
            request.Model,
            request.OpenData,
            new CourseChoices(request.Common.BatchSamples, null, null),
            request.Seed,
            steps,
            CommonOptions.Positive("--samples", parsed.GetRequiredValue(_samples)));
        CheckVariant[] variants =
        [
            .. from device in devices
               from mode in modes
               from count in device == "host" ? threads : [1]
               from batch in batches
               from rdus in sockets
               from kind in rdus > 1 ? kinds : [ParallelKind.Data]
               from parts in accumulate
               from tile in device == "host" ? tiles : [0]
               from run in Enumerable.Range(0, runs)
               select new CheckVariant(device, count, batch, mode, run, rdus, tile) { Accumulate = parts, Parallel = kind },
        ];
        if (injection is not null)
        {
            variants = [.. variants, variants[0] with { Injection = injection }];
        }

        var output = new Output(request.Json);
        using var interruption = new Interruption();
        CheckResult[] results = ProgressBar.Run(output.Progress, "checking", report =>
        {
            var done = new List<CheckResult>();
            foreach (CheckVariant variant in variants)
            {
                done.Add(check.Run(variant, interruption.Token));
                report(done.Count, variants.Length, () => $"{variant.Device}, {variant.Threads} threads, batch {variant.BatchSamples}");
            }

            return done.ToArray();
        });
        CheckResult? differing = results.FirstOrDefault(result => result.WeightsDigest != results[0].WeightsDigest || result.OutputsDigest != results[0].OutputsDigest);

        // A flipped bit may die out before the end: it is looked for where it was made.
        differing ??= results.FirstOrDefault(result => result.Variant.Injection is not null);
        FirstDifference? difference = differing is null ? null : check.Compare(results[0].Variant, differing.Variant, interruption.Token);
        string? replayPath = difference?.Replay is { } replay ? Write(parsed.GetRequiredValue(_replay), replay) : null;
        Print(output, results, differing, difference, replayPath);
        if (request.Json)
        {
            Output.WriteJson(new
            {
                Passed = differing is null,
                Runs = results.Select(result => new
                {
                    result.Variant.Device,
                    result.Variant.Threads,
                    result.Variant.Sockets,
                    result.Variant.Parallel,
                    result.Variant.Accumulate,
                    Batch = result.Variant.BatchSamples,
                    Mode = result.Variant.Mode,
                    Tile = result.Variant.TileSamples,
                    result.Variant.Run,
                    Injected = result.Variant.Injection is not null,
                    result.WeightsDigest,
                    result.OutputsDigest,
                }),
                FirstDifference = difference,
                Replay = replayPath,
            });
        }

        return (int)(differing is null ? ExitCode.Done : ExitCode.CheckFailed);
    }

    private static string Write(string path, StageReplay replay)
    {
        AtomicFile.Write(path, replay.ToBytes());
        return path;
    }

    private static void Print(Output output, CheckResult[] results, CheckResult? differing, FirstDifference? difference, string? replay)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("device", "threads", "RDUs", "share", "parts", "mode", "tile", "batch", "runs", "weights", "outputs");
        foreach (var group in results.GroupBy(result => (result.Variant with { Run = 0 }, result.WeightsDigest, result.OutputsDigest)))
        {
            CheckVariant variant = group.Key.Item1;
            table.AddRow(
                variant.Device, $"{variant.Threads}", $"{variant.Sockets}", variant.Sockets == 1 ? string.Empty : $"{variant.Parallel}".ToLowerInvariant(), $"{variant.Accumulate}", variant.Mode.ToString().ToLowerInvariant(), variant.TileSamples == 0 ? "auto" : $"{variant.TileSamples}", $"{variant.BatchSamples}", $"{group.Count()}",
                Output.ShortDigest(group.Key.WeightsDigest), Output.ShortDigest(group.Key.OutputsDigest));
        }

        output.Text.Write(table);
        if (differing is null)
        {
            output.WriteFacts(
                ("passed", $"{results.Length} runs, one digest"), ("weights", results[0].WeightsDigest), ("outputs", results[0].OutputsDigest));
            return;
        }

        output.WriteFacts(
            ("FAILED", $"{differing.Variant} differs from {results[0].Variant}"),
            ("first", difference is null
                ? "the two agreed when they were run again: one of them does not repeat itself"
                : $"step {difference.Step}, section {difference.Section}, stage {difference.Stage}, tile {difference.Tile}, {difference.Tensor}[{difference.Element}]: "
                    + $"{difference.Bits[0]} and {difference.Bits[1]}, {difference.Ulps} ulp apart"),
            ("replay", replay is null ? "none" : $"rduemu replay {replay}"));
    }
}
