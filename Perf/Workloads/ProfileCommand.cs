using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Precision;
using RduEmu.Emulator.Reports;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Round;
using RduEmu.Models.Bert;
using RduEmu.Models.Precision;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;
using Spectre.Console;

namespace RduEmu.Perf.Workloads;

/// <summary><c>profile</c>: the time of each unit of a model, on one thread, tile by tile as a worker would run them.</summary>
internal static class ProfileCommand
{
    private const int Repetitions = 10;

    public static Command Create()
    {
        Option<string> model = new("--model") { Description = "dlrm, bert (base), bert-tiny, unet-sn10, unet-sn10-16 (features) or unet-milesial", DefaultValueFactory = _ => "dlrm" };
        model.AcceptOnlyFromAmong("dlrm", "bert", "bert-tiny", "unet-sn10", "unet-sn10-16", "unet-milesial");
        Option<int?> batch = new("--batch") { Description = "samples; 2048 for dlrm, else 1" };
        Option<bool> train = new("--train") { Description = "a training step instead of inference" };
        Option<bool> rounds = new("--bf16") { Description = "activations and weights stored in bf16, rounded stochastically; not dlrm" };
        Option<int> workers = new("--workers") { Description = "workers that the program is compiled for", DefaultValueFactory = _ => 2 };
        Option<int> threads = new("--threads") { Description = "as it runs on so many threads, waits included; left out: tile by tile on one" };
        Option<int> tile = new("--tile") { Description = "samples of a tile; 0 to choose" };
        Command command = new("profile", "time by unit, on one thread") { model, batch, train, rounds, workers, threads, tile };
        command.SetAction(parsed =>
        {
            string named = parsed.GetValue(model)!;
            (Graph graph, Action<Emulator.Execution.Executor> write) = Workload(
                named, parsed.GetValue(batch) ?? (named == "dlrm" ? 2048 : 1), parsed.GetValue(train), parsed.GetValue(rounds));
            CompiledProgram program = GraphCompiler.Compile(
                graph, new CompileOptions(Workers: parsed.GetValue(threads) is > 0 and int of ? of : parsed.GetValue(workers), TileSamples: parsed.GetValue(tile)));
            if (parsed.GetValue(threads) is > 0 and int team)
            {
                PrintTeam(program, write, team);
                return;
            }

            using var profiler = new Profiler(program);
            write(profiler);
            profiler.Load();
            Print(profiler.Measure(Repetitions), MachineCeiling.Measure(1));
        });
        return command;
    }

    private static (Graph Graph, Action<Emulator.Execution.Executor> Write) Workload(string model, int batch, bool training, bool rounds)
    {
        if (model == "dlrm")
        {
            DlrmWorkload dlrm = training ? DlrmWorkload.Training(DlrmWorkload.Kaggle, batch) : DlrmWorkload.Inference(DlrmWorkload.Kaggle, batch);
            return (dlrm.Model.Graph, dlrm.WriteTo);
        }

        IModel of = model switch
        {
            "bert" => new BertModel(BertConfiguration.Base, 128, seed: 1),
            "bert-tiny" => new BertModel(BertConfiguration.Tiny, 128, seed: 1),
            "unet-sn10-16" => new UnetModel(UnetPresets.Sn10 with { Features = 16 }, (256, 256), (256, 256), seed: 1),
            "unet-sn10" => new UnetModel(UnetPresets.Sn10, (256, 256), (256, 256), seed: 1),
            _ => new UnetModel(UnetPresets.Milesial, (256, 256), (256, 256), seed: 1),
        };
        of = rounds ? new MixedPrecisionModel(of, new PrecisionPolicy(PrecisionPreset.Mp4, RoundingKind.Stochastic, HasMasters: false, Seed: 1)) : of;
        GraphWorkload workload = GraphWorkload.Of(of, training ? of.BuildTrainingStep(batch) : of.BuildInference(batch));
        return (workload.Graph, workload.WriteTo);
    }

    /// <summary>Mean times of a team of workers, who wait for each other.</summary>
    private static void PrintTeam(CompiledProgram program, Action<Emulator.Execution.Executor> write, int threads)
    {
        using var executor = new Emulator.Execution.HostExecutor(program, threads);
        write(executor);
        executor.Load();
        executor.Run();
        executor.Profile = new HostProfile(threads);
        for (int i = 0; i < Repetitions; i++)
        {
            executor.Run();
        }

        HostProfileTable.Write(AnsiConsole.Console, new HostProfileReport(program, executor.Profile, MachineCeiling.Measure(threads), Repetitions));
    }

    private static void Print(IReadOnlyList<UnitTime> times, MachineCeiling machine)
    {
        double total = times.Sum(time => time.Seconds);
        Table table = new Table().Border(TableBorder.Simple);
        table.AddColumn("unit");
        foreach (string heading in new[] { "us", "share", "GFLOP/s", "of the peak" })
        {
            table.AddColumn(new TableColumn(heading).RightAligned());
        }

        foreach (UnitTime time in times.OrderByDescending(time => time.Seconds))
        {
            double gflops = time.Operations / time.Seconds / 1e9;
            table.AddRow(
                Markup.Escape(time.Name), Text(time.Seconds * 1e6, "F1"), Text(time.Seconds / total, "P1"), Text(gflops, "F1"),
                Text(gflops / machine.PeakGflops, "P0"));
        }

        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"sum {total * 1e6:F1} us on one thread; floor {times.Sum(time => time.Operations) / machine.PeakGflops / 1e3:F1} us at {machine.PeakGflops:F0} GFLOP/s"));
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    /// <param name="Seconds">Of one step: the sum over tiles of each one's least time.</param>
    private sealed record UnitTime(string Name, double Seconds, double Operations);

    /// <summary>Runs sections on one thread with a clock around every unit.</summary>
    private sealed unsafe class Profiler : Emulator.Execution.Executor
    {
        private readonly HostArena _arena;
        private readonly HostArena _scratch;

        public Profiler(CompiledProgram program)
            : base(program)
        {
            _arena = new HostArena(program.ArenaBytes);
            _scratch = new HostArena(program.ScratchBytes);
            WriteConstants();
        }

        public override Emulator.Execution.Executor Share(CompiledProgram program) => throw new NotSupportedException("a profile is of one program");

        protected override void Load(Section section) => Run(section, static (_, _, _) => { });

        public override void Run()
        {
            foreach (Section section in Program.Step)
            {
                Run(section, static (_, _, _) => { });
            }
        }

        public List<UnitTime> Measure(int repetitions)
        {
            // The least time of every single tile: what other processes take falls on a few of them in each repetition.
            var ticks = new Dictionary<(ConfiguredUnit Unit, int Tile), long>();
            for (int repetition = 0; repetition < repetitions; repetition++)
            {
                foreach (Section section in Program.Step)
                {
                    Run(section, (unit, tile, elapsed) =>
                        ticks[(unit, tile)] = Math.Min(elapsed, ticks.GetValueOrDefault((unit, tile), long.MaxValue)));
                }
            }

            ILookup<ConfiguredUnit, long> byUnit = ticks.ToLookup(entry => entry.Key.Unit, entry => entry.Value);
            var times = new List<UnitTime>();
            foreach (Pipeline pipeline in Program.Step.SelectMany(section => section.Pipelines))
            {
                foreach (ConfiguredUnit unit in pipeline.Units)
                {
                    double seconds = byUnit[unit].Sum() / (double)Stopwatch.Frequency;
                    times.Add(new UnitTime(unit.Name, seconds, (double)unit.OperationsPerItem * pipeline.Items));
                }
            }

            return times;
        }

        protected override void WriteWords(long offsetElements, ReadOnlySpan<int> words) =>
            words.CopyTo(new Span<int>((int*)_arena.Start + offsetElements, words.Length));

        protected override void ReadWords(long offsetElements, Span<int> words) =>
            new ReadOnlySpan<int>((int*)_arena.Start + offsetElements, words.Length).CopyTo(words);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _arena.Dispose();
                _scratch.Dispose();
            }
        }

        private void Run(Section section, Action<ConfiguredUnit, int, long> record)
        {
            foreach (Pipeline pipeline in section.Pipelines)
            {
                for (int begin = 0; begin < pipeline.Items; begin += pipeline.TileItems)
                {
                    var tile = new HostTile(_arena.Start, _scratch.Start, begin, Math.Min(pipeline.TileItems, pipeline.Items - begin));
                    foreach (ConfiguredUnit unit in pipeline.Units)
                    {
                        long start = Stopwatch.GetTimestamp();
                        unit.Run(in tile);
                        record(unit, begin, Stopwatch.GetTimestamp() - start);
                    }
                }
            }
        }
    }
}
