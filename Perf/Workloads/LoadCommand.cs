using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using RduEmu.Compiler.Executables;
using RduEmu.Models.Dlrm;
using Spectre.Console;

namespace RduEmu.Perf.Workloads;

/// <summary>
/// <c>load</c>: how long an executable takes to load: read, checked byte for byte, and decoded. The first load of a process pays for
/// compiling the code that loads; the later ones are what it takes.
/// </summary>
internal static class LoadCommand
{
    private const int Repetitions = 50;

    public static Command Create()
    {
        Argument<string[]> files = new("file") { Description = "executables that rduemu compile wrote", Arity = ArgumentArity.OneOrMore };
        Command command = new("load", "milliseconds of loading executables: first, best and median of the later ones, and from the start of the process") { files };
        command.SetAction(parsed => Print(parsed.GetValue(files)!));
        return command;
    }

    private static void Print(string[] files)
    {
        using var process = Process.GetCurrentProcess();
        var operators = new OperatorCatalogue([typeof(DlrmModel).Assembly]);
        var rows = new List<(string Name, long Bytes, int Sections, Times First, double SinceStart, Times Best, Times Median)>();
        foreach (string file in files)
        {
            (Executable executable, Times first) = Load(file, operators);
            double sinceStart = (DateTime.Now - process.StartTime).TotalMilliseconds;
            Times[] later = [.. Enumerable.Range(0, Repetitions).Select(_ => Load(file, operators).Times).OrderBy(times => times.All)];
            rows.Add((Path.GetFileName(file), new FileInfo(file).Length, executable.Program.Sections.Count, first, sinceStart, later[0], later[Repetitions / 2]));
        }

        Table table = new Table().Border(TableBorder.Simple).AddColumn("file");
        foreach (string heading in new[] { "KB", "sections", "first", "best", "check", "program", "graph", "median", "since process start" })
        {
            table.AddColumn(new TableColumn(heading).RightAligned());
        }

        foreach ((string name, long bytes, int sections, Times first, double sinceStart, Times best, Times median) in rows)
        {
            table.AddRow(
                Markup.Escape(name), $"{bytes >> 10}", $"{sections}", Text(first.All), Text(best.All), Text(best.Check), Text(best.Program), Text(best.Graph),
                Text(median.All), Text(sinceStart));
        }

        AnsiConsole.Write(table);
    }

    private static (Executable Executable, Times Times) Load(string file, OperatorCatalogue operators)
    {
        long start = Stopwatch.GetTimestamp();
        Executable executable = Executable.FromBytes(File.ReadAllBytes(file), file, operators);
        long isChecked = Stopwatch.GetTimestamp();
        _ = executable.Program;
        long hasProgram = Stopwatch.GetTimestamp();
        _ = executable.Graph;
        long end = Stopwatch.GetTimestamp();
        return (executable, new Times(Milliseconds(start, isChecked), Milliseconds(isChecked, hasProgram), Milliseconds(hasProgram, end)));
    }

    private static double Milliseconds(long from, long to) => (to - from) * 1e3 / Stopwatch.Frequency;

    private static string Text(double milliseconds) => milliseconds.ToString("F2", CultureInfo.InvariantCulture);

    /// <summary>Milliseconds of reading and checking the file, of decoding the program, and of decoding and checking the graph.</summary>
    private sealed record Times(double Check, double Program, double Graph)
    {
        public double All => Check + Program + Graph;
    }
}
