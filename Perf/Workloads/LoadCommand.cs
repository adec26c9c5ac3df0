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
        Command command = new("load", "milliseconds of processor time: the first load of a file and what the process took before it, the best and the median of the later ones") { files };
        command.SetAction(parsed => Print(parsed.GetValue(files)!));
        return command;
    }

    private static void Print(string[] files)
    {
        var operators = new OperatorCatalogue([typeof(DlrmModel).Assembly]);
        Table table = new Table().Border(TableBorder.Simple).AddColumns("file", "KB", "load", "check", "program", "graph", "all");
        foreach (TableColumn column in table.Columns.Where((_, i) => i is 1 or > 2))
        {
            column.RightAligned();
        }

        foreach (string file in files)
        {
            double before = Processor();
            Times first = Load(file, operators);
            Times[] later = [.. Enumerable.Range(0, Repetitions).Select(_ => Load(file, operators)).OrderBy(times => times.All)];
            string name = Markup.Escape(Path.GetFileName(file));
            string size = $"{new FileInfo(file).Length >> 10}";
            foreach ((string which, Times times) in new[] { ($"first, after {Text(before)}", first), ("best", later[0]), ("median", later[Repetitions / 2]) })
            {
                table.AddRow(name, size, which, Text(times.Check), Text(times.Program), Text(times.Graph), Text(times.All));
                (name, size) = (string.Empty, string.Empty);
            }
        }

        AnsiConsole.Write(table);
    }

    private static Times Load(string file, OperatorCatalogue operators)
    {
        double start = Processor();
        Executable executable = Executable.FromBytes(File.ReadAllBytes(file), file, operators);
        double isChecked = Processor();
        _ = executable.Program;
        double hasProgram = Processor();
        _ = executable.Graph;
        return new Times(isChecked - start, hasProgram - isChecked, Processor() - hasProgram);
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
