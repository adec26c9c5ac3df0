using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Lowering;

/// <summary>A place where a value that a stage has written can be seen.</summary>
/// <param name="Section">The section.</param>
/// <param name="Stage">The stage.</param>
/// <param name="Value">What was written.</param>
/// <param name="Rows">Rows of the value.</param>
/// <param name="FirstColumn">First word of a row that the stage wrote.</param>
/// <param name="Columns">Words of a row that it wrote.</param>
/// <param name="AllColumns">Words of a row.</param>
/// <param name="TileRows">Rows of one tile.</param>
public sealed record ProbePoint(string Section, string Stage, Value Value, int Rows, int FirstColumn, int Columns, int AllColumns, int TileRows)
{
    /// <summary>The graph that the value is of.</summary>
    public required Graph Graph { get; init; }
}
