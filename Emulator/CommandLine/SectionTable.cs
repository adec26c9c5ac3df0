using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Devices.Host;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine;

/// <summary>The sections of a compiled program as a table.</summary>
internal static class SectionTable
{
    /// <summary>Names of units are listed up to this many.</summary>
    private const int ListedUnits = 4;

    public static void Write(IAnsiConsole console, CompiledProgram program)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("section", "pipelines", "stages", "tiles", "MFLOP", "begins with");
        foreach (int column in new[] { 1, 2, 3, 4 })
        {
            table.Columns[column].RightAligned();
        }

        foreach (Section section in program.Step)
        {
            long operations = section.Pipelines.Sum(pipeline => pipeline.Units.Sum(unit => unit.OperationsPerItem * pipeline.Items));
            IEnumerable<string> names = section.Pipelines.SelectMany(pipeline => pipeline.Units).Select(unit => unit.Name).Take(ListedUnits);
            table.AddRow(
                section.Name,
                $"{section.Pipelines.Length}",
                $"{section.Pipelines.Sum(pipeline => pipeline.Units.Length)}",
                $"{section.Pipelines.Sum(pipeline => pipeline.TileCount)}",
                Output.Number(operations / 1e6, 1),
                Markup.Escape(string.Join(", ", names)));
        }

        console.Write(table);
    }
}
