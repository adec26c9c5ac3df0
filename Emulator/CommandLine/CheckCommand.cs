using System.CommandLine;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Checks;
using RduEmu.Emulator.CommandLine.Families;
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
    private readonly Option<int[]> _threads = List("--threads", "thread counts on the host, as 1,2", number => int.TryParse(number, out int value) ? value : throw Bad("--threads", number), [1, 2]);
    private readonly Option<string[]> _devices = List("--devices", "devices, as host,ilgpu", name => name, ["host", "ilgpu"]);
    private readonly Option<int[]> _batches = List("--batches", "samples that are scored at a time, as 1,7,64", number => int.TryParse(number, out int value) ? value : throw Bad("--batches", number), [1, 7, 64]);
    private readonly Option<int[]> _sockets = List("--sockets", "RDUs that share a training batch, as 1,2,4,8", number => int.TryParse(number, out int value) ? value : throw Bad("--sockets", number), [1]);
    private readonly Option<string[]> _parallel = List("--parallel", "what more than one RDU share, as data,tensor,pipeline,spatial", name => name, ["data"]);
    private readonly Option<string[]> _modes = List("--modes", "modes, as o0,o1,o3", name => name, []);
    private readonly Option<int[]> _tiles = List("--tiles", "samples of a host tile, as 0,1,7; 0 to choose", number => int.TryParse(number, out int value) ? value : throw Bad("--tiles", number), []);
    private readonly Option<string?> _inject = new("--inject") { Description = "step:section:stage:element:bit: run once more and flip this bit, which must be found and named" };
    private readonly Option<int> _steps = new("--steps") { Description = "training steps", DefaultValueFactory = _ => 5 };
    private readonly Option<int> _samples = new("--samples") { Description = "samples that are scored after training", DefaultValueFactory = _ => 64 };

    private readonly RecomputeOption _recompute = new();

    public IReadOnlyList<Option> Options => [_runs, _threads, _devices, _batches, _sockets, _parallel, _modes, _tiles, _inject, _steps, _samples, _recompute.Option];

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
        string[] devices = [.. parsed.GetRequiredValue(_devices).Select(name => DeviceCatalogue.Find(name).Name)];
        int[] givenTiles = parsed.GetRequiredValue(_tiles);
        int[] tiles = givenTiles.Length > 0 ? [.. givenTiles.Select(count => CommonOptions.NotNegative("--tiles", count))] : [request.Common.TileSamples];
        Injection? injection = parsed.GetValue(_inject) is { } place ? Injection.Parse(place) : null;
        string[] named = parsed.GetRequiredValue(_modes);
        CompileMode[] modes = named.Length > 0 ? [.. named.Select(CommonOptions.ParseMode)] : [request.Common.Mode];
        var check = new ModelCheck(
            request.Model,
            request.OpenData,
            new CourseChoices(request.Common.BatchSamples, null, null),
            request.Seed,
            CommonOptions.Positive("--steps", parsed.GetRequiredValue(_steps)),
            CommonOptions.Positive("--samples", parsed.GetRequiredValue(_samples)));
        CheckVariant[] variants =
        [
            .. from device in devices
               from mode in modes
               from count in device == "host" ? threads : [1]
               from batch in batches
               from rdus in sockets
               from kind in rdus > 1 ? kinds : [ParallelKind.Data]
               from tile in device == "host" ? tiles : [0]
               from run in Enumerable.Range(0, runs)
               select new CheckVariant(device, count, batch, mode, run, rdus, tile) { Parallel = kind },
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
        FirstDifference? difference = differing is null ? null : check.Compare(results[0].Variant, differing.Variant, interruption.Token);
        Print(output, results, differing, difference);
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
                    Batch = result.Variant.BatchSamples,
                    Mode = result.Variant.Mode,
                    Tile = result.Variant.TileSamples,
                    result.Variant.Run,
                    Injected = result.Variant.Injection is not null,
                    result.WeightsDigest,
                    result.OutputsDigest,
                }),
                FirstDifference = difference,
            });
        }

        return (int)(differing is null ? ExitCode.Done : ExitCode.CheckFailed);
    }

    private static void Print(Output output, CheckResult[] results, CheckResult? differing, FirstDifference? difference)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("device", "threads", "RDUs", "share", "mode", "tile", "batch", "runs", "weights", "outputs");
        foreach (var group in results.GroupBy(result => (result.Variant with { Run = 0 }, result.WeightsDigest, result.OutputsDigest)))
        {
            CheckVariant variant = group.Key.Item1;
            table.AddRow(
                variant.Device, $"{variant.Threads}", $"{variant.Sockets}", variant.Sockets == 1 ? string.Empty : $"{variant.Parallel}".ToLowerInvariant(), variant.Mode.ToString().ToLowerInvariant(), variant.TileSamples == 0 ? "auto" : $"{variant.TileSamples}", $"{variant.BatchSamples}", $"{group.Count()}",
                Short(group.Key.WeightsDigest), Short(group.Key.OutputsDigest));
        }

        output.Text.Write(table);
        if (differing is null)
        {
            output.WriteFacts(
                ("passed", $"{results.Length} runs, one digest"), ("weights", results[0].WeightsDigest), ("outputs", results[0].OutputsDigest));
            return;
        }

        output.WriteFacts(
            ("FAILED", $"{Describe(differing.Variant)} differs from {Describe(results[0].Variant)}"),
            ("first", difference is null
                ? "the two agreed when they were run again: one of them does not repeat itself"
                : $"step {difference.Step}, section {difference.Section}, stage {difference.Stage}, tile {difference.Tile}, {difference.Tensor}[{difference.Element}]: "
                    + $"{difference.Bits[0]} and {difference.Bits[1]}, {difference.Ulps} ulp apart"));
    }

    private static string Describe(CheckVariant variant) => $"{variant.Device} with {variant.Threads} threads, {variant.Sockets} RDUs ({variant.Parallel}), batch {variant.BatchSamples}, run {variant.Run}{(variant.Injection is null ? string.Empty : ", injected")}";

    private static string Short(string digest) => digest["sha256:".Length..][..12];

    private static Option<T[]> List<T>(string name, string description, Func<string, T> parse, T[] otherwise) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => otherwise,
        CustomParser = result => [.. result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Select(parse)],
        AllowMultipleArgumentsPerToken = true,
    };

    private static RduException Bad(string option, string text) =>
        new(ErrorCatalogue.OptionInvalid, option, "numbers separated by commas", text, "correct the list");
}
