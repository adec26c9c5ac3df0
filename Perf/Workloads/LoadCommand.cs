using System.CommandLine;
using System.Globalization;
using RduEmu.Compiler.Executables;
using RduEmu.Models.Dlrm;
using Spectre.Console;

namespace RduEmu.Perf.Workloads;

/// <summary>
/// <c>load</c>: how long an executable takes to load: read, checked byte for byte, and decoded. The first load of a process pays for
/// compiling the code that loads; the later ones are what it takes. All in processor time.
/// </summary>
internal static class LoadCommand
{
    private const int Repetitions = 50;

    public static Command Create()
    {
        Argument<string[]> files = new("file") { Description = "executables that rduemu compile wrote", Arity = ArgumentArity.OneOrMore };
        Command command = new("load", "milliseconds of processor time: the process up to the first load, that load, the best and the median of the later ones, each with its parts") { files };
        command.SetAction(parsed => Print(parsed.GetValue(files)!));
        return command;
    }

    private static void Print(string[] files)
    {
        var operators = new OperatorCatalogue([typeof(DlrmModel).Assembly]);
        var rows = new List<(string Name, long Bytes, int Sections, Times First, double SinceStart, Times Best, Times Median)>();
        foreach (string file in files)
        {
            (Executable executable, Times first) = Load(file, operators);
            double sinceStart = Processor();
            Times[] later = [.. Enumerable.Range(0, Repetitions).Select(_ => Load(file, operators).Times).OrderBy(times => times.All)];
            rows.Add((Path.GetFileName(file), new FileInfo(file).Length, executable.Program.Sections.Count, first, sinceStart, later[0], later[Repetitions / 2]));
        }

        Table table = new Table().Border(TableBorder.Simple).AddColumn("file");
        foreach (string heading in new[] { "KB", "sections", "process", "first", "check", "program", "graph", "best", "check", "program", "graph", "median" })
        {
            table.AddColumn(new TableColumn(heading).RightAligned());
        }

        foreach ((string name, long bytes, int sections, Times first, double sinceStart, Times best, Times median) in rows)
        {
            table.AddRow(
                Markup.Escape(name), $"{bytes >> 10}", $"{sections}", Text(sinceStart), Text(first.All), Text(first.Check), Text(first.Program), Text(first.Graph),
                Text(best.All), Text(best.Check), Text(best.Program), Text(best.Graph), Text(median.All));
        }

        AnsiConsole.Write(table);
    }

    private static (Executable Executable, Times Times) Load(string file, OperatorCatalogue operators)
    {
        double start = Processor();
        Executable executable = Executable.FromBytes(File.ReadAllBytes(file), file, operators);
        double isChecked = Processor();
        _ = executable.Program;
        double hasProgram = Processor();
        _ = executable.Graph;
        return (executable, new Times(isChecked - start, hasProgram - isChecked, Processor() - hasProgram));
    }

    /// <summary>Milliseconds of processor time of this process: what others do meanwhile does not count.</summary>
    private static double Processor() => Environment.CpuUsage.TotalTime.TotalMilliseconds;

    private static string Text(double milliseconds) => milliseconds.ToString("F1", CultureInfo.InvariantCulture);

    /// <summary>Milliseconds of reading and checking the file, of decoding the program, and of decoding and checking the graph.</summary>
    private sealed record Times(double Check, double Program, double Graph)
    {
        public double All => Check + Program + Graph;
    }
}
