using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Notation;
using RduEmu.Emulator.Execution;
using RduEmu.Perf.Peers;
using Spectre.Console;

namespace RduEmu.Perf.Workloads;

/// <summary>
/// <c>notation</c>: operators in index notation beside the built-in ones, in one process, in turns. Outputs must have the same bits
/// before anything is timed.
/// </summary>
internal static class NotationCommand
{
    private static readonly JsonSerializerOptions CamelCase = new(JsonSerializerDefaults.Web);

    /// <summary>One line of the comparison.</summary>
    /// <param name="Ratio">Time of the notation by time of the built-in operators.</param>
    private sealed record Line(string Name, double Ratio, double NotationMicroseconds, double BuiltInMicroseconds);

    public static Command Create()
    {
        Option<bool> json = new("--json") { Description = "one JSON object on stdout" };
        Option<bool> quick = new("--quick") { Description = "fewer and shorter turns" };
        Option<int> threads = new("--threads") { Description = "threads of each side", DefaultValueFactory = _ => 2 };
        Command command = new("notation", "index notation beside the built-in operators, in turns, the same bits first") { json, quick, threads };
        command.SetAction(parsed =>
        {
            Turns turns = parsed.GetValue(quick) ? new Turns(5, 0.05) : new Turns(15, 0.1);
            Line[] lines = [.. NotationWorkload.All.Select(workload => Measure(workload, turns, parsed.GetValue(threads)))];
            if (parsed.GetValue(json))
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(new { Cases = lines }, CamelCase));
            }
            else
            {
                Print(lines);
            }
        });
        return command;
    }

    private static Line Measure(NotationWorkload workload, Turns turns, int threads)
    {
        Console.Error.WriteLine($"{workload.Name} ...");
        Graph written = NotationProgram.Parse(workload.Text).Build();
        Graph builtIn = workload.BuiltIn();
        using HostExecutor ours = OnHost(written, threads);
        using HostExecutor other = OnHost(builtIn, threads);
        ours.Run();
        other.Run();
        ReadOnlySpan<byte> bits = ours.Read(written.Outputs[0]).Bytes;
        if (!bits.SequenceEqual(other.Read(builtIn.Outputs[0]).Bytes))
        {
            throw new InvalidOperationException($"{workload.Name}: the notation and the built-in operators differ");
        }

        double[] seconds = turns.Medians(ours.Run, other.Run);
        return new Line(workload.Name, seconds[0] / seconds[1], seconds[0] * 1e6, seconds[1] * 1e6);
    }

    private static HostExecutor OnHost(Graph graph, int threads)
    {
        var executor = new HostExecutor(GraphCompiler.Compile(graph, new CompileOptions(Workers: threads)), threads);
        foreach (Value value in graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter))
        {
            executor.Write(value.Id, NotationWorkload.Generate(value));
        }

        executor.Load();
        return executor;
    }

    private static void Print(Line[] lines)
    {
        Table table = new Table().Border(TableBorder.Simple);
        table.AddColumn("case");
        foreach (string heading in new[] { "notation, us", "built-in, us", "ratio" })
        {
            table.AddColumn(new TableColumn(heading).RightAligned());
        }

        foreach (Line line in lines)
        {
            table.AddRow(Markup.Escape(line.Name), Text(line.NotationMicroseconds, "F1"), Text(line.BuiltInMicroseconds, "F1"), Text(line.Ratio, "F2"));
        }

        AnsiConsole.Write(table);
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
