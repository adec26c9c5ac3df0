using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.Machine.Spec;
using RduEmu.Models.Bert;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Llm;
using Spectre.Console;

namespace RduEmu.Perf.Workloads;

/// <summary><c>placement</c>: what compiling, placing and routing costs as graphs grow.</summary>
internal static class PlacementCommand
{
    private const int Tokens = 1024;

    private static readonly int[] Layers = [1, 2, 6, 12, 24, 48, 96];

    public static Command Create()
    {
        Command command = new("placement", "seconds and memory of placing DLRM, BERT-large and GPT-2 of 1 to 96 layers");
        command.SetAction(_ => Print());
        return command;
    }

    private static void Print()
    {
        Table table = new Table().Border(TableBorder.Simple);
        foreach (string heading in new[] { "model", "mode", "nodes", "sections", "layouts", "seconds", "peak MB" })
        {
            table.AddColumn(new TableColumn(heading).RightAligned());
        }

        Measure(table, "dlrm mlperf", "sn10", CompileMode.O3, () => DlrmGraph.BuildTrainingStep(DlrmPresets.MlPerf, 2048).Graph);
        Measure(table, "bert large", "sn10", CompileMode.O3, () => new BertModel(BertConfiguration.Large, 128, 1).BuildTrainingStep(256).Graph);
        foreach (CompileMode mode in new[] { CompileMode.O3, CompileMode.O1, CompileMode.O0 })
        {
            foreach (int layers in Layers)
            {
                Measure(table, $"gpt-2 1600, {layers} layers", "sn30", mode, () => Gpt2Graph.BuildTrainingStep(new Gpt2Configuration(1600, 25, layers, Tokens), 16));
            }
        }

        AnsiConsole.Write(table);
    }

    private static void Measure(Table table, string name, string target, CompileMode mode, Func<Graph> build)
    {
        RduResources chip = RduParts.Find(target).Resources(4);
        long start = Stopwatch.GetTimestamp();
        Graph graph = build();
        PlacedProgram program = PlacementCompiler.Compile(graph, chip, new PlacementOptions(mode));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        using var process = Process.GetCurrentProcess();
        table.AddRow(
            name, mode.ToString(), Text(graph.Nodes.Count), Text(program.Sections.Count), Text(program.Layouts.Count),
            seconds.ToString("F1", CultureInfo.InvariantCulture), Text(process.PeakWorkingSet64 >> 20));
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
