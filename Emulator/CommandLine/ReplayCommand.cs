using System.CommandLine;
using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Checks;
using RduEmu.Emulator.Execution;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Errors;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu replay</c>: the stage in which two runs differed, run by itself; which of the two does it reproduce?</summary>
internal static class ReplayCommand
{
    public static Command Create()
    {
        Argument<string> path = new("FILE") { Description = "what check has written when it found a difference" };
        Option<string[]> devices = ListOption.OfNames("--devices", $"devices, as host,ilgpu; {ReplayRun.Interpreter} is the definition", ReplayRun.Interpreter, "host");
        Option<int> threads = new("--threads") { Description = "workers on the host; bits do not depend on them", DefaultValueFactory = _ => 1 };
        Option<string> mode = new("--mode") { Description = "o0, o1 or o3: how much of it is fused", DefaultValueFactory = _ => "o3" };
        Option<bool> json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };
        Command command = new("replay", "runs the one stage again in which a check found a difference") { path, devices, threads, mode, json };
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(path), parsed.GetRequiredValue(devices), CommonOptions.Positive("--threads", parsed.GetRequiredValue(threads)),
            CommonOptions.ParseMode(parsed.GetRequiredValue(mode)), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string path, string[] devices, int threads, CompileMode mode, bool json)
    {
        string[] names = [.. devices.Select(name => name == ReplayRun.Interpreter ? name : DeviceCatalogue.Find(name).Name)];
        StageReplay replay = StageReplay.FromBytes(InputFile.ReadBytes(path), path, ExecutableFile.Operators);
        ReplayRun[] runs = [.. names.Select(name => ReplayRun.Of(replay, new ExecutionTarget(name, threads, mode)))];
        var output = new Output(json);
        ReplayPlace place = replay.Place;
        string Bits(ReplaySide side) => $"0x{side.Result.ToWords()[place.Element * (side.Result.Type.CountWords / Math.Max(1, side.Result.Type.CountElements))]:X8}";
        output.WriteFacts(
            ("model", $"{place.Model}, written by code {replay.Code}"),
            ("stage", $"step {place.Step}, section {place.Section}, stage {place.Stage}, tile {place.Tile}"),
            ("nodes", string.Join(", ", replay.Graph.Nodes.Select(node => node.Name))),
            ("value", $"{place.Tensor}[{place.Element}]"),
            ("first", $"{Bits(replay.First)}: {replay.First.Name}"),
            ("second", $"{Bits(replay.Second)}: {replay.Second.Name}"));
        Table table = new Table().Border(TableBorder.Simple).AddColumns("device", "reproduces", "bits there");
        foreach (ReplayRun run in runs)
        {
            table.AddRow(run.Device, run.Result.ToString().ToLowerInvariant(), $"[[{run.Element}]] {run.Bits}");
        }

        output.Text.Write(table);
        if (json)
        {
            Output.WriteJson(new
            {
                place.Model,
                replay.Code,
                place.Step,
                place.Section,
                place.Stage,
                place.Tile,
                place.Tensor,
                place.Element,
                Bits = new[] { Bits(replay.First), Bits(replay.Second) },
                Sides = new[] { replay.First.Name, replay.Second.Name },
                Runs = runs,
            });
        }

        return (int)(Array.TrueForAll(runs, run => run.Result != Reproduces.Neither) ? ExitCode.Done : ExitCode.CheckFailed);
    }
}
