using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Layout;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output[c] = x[columns[c]] in each row.</summary>
public sealed record ColumnMapStage(string Name, ValueId Output, ValueId X, EquatableArray<int> Columns) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override void Request(StageRequests requests) => requests.Table(Columns);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
        [new ColumnMapUnit(Name, context.RowsPerItem(X), [.. Columns], context.Rows(X), context.Rows(Output), context.Table(Columns))];
}

/// <summary>output = neighbouring columns of each row of X.</summary>
public sealed record SliceStage(string Name, ValueId Output, ValueId X, int FirstColumn) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
        [new CopyUnit(Name, context.RowsPerItem(X), context.Columns(Output), context.Rows(X).FromColumn(FirstColumn), context.Rows(Output))];
}

/// <summary>Copies a value of one row per sample into its place in a concatenation.</summary>
public sealed record CopyStage(string Name, ValueId Output, ValueId X, int FirstColumn) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override (int Begin, int End) ColumnsWritten(Graph graph, ValueId output) =>
        (FirstColumn, FirstColumn + Sectioning.MatrixOf(graph[X].Type).Columns);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
        [new CopyUnit(Name, 1, context.Columns(X), context.Items(X), context.Items(Output).FromColumn(FirstColumn))];
}

/// <summary>output = x, each item as one row of words.</summary>
public sealed record ItemCopyStage(string Name, ValueId Output, ValueId X) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        TensorType type = context.TypeOf(X);
        yield return new CopyUnit(Name, 1, checked(Sectioning.MatrixOf(type).Columns * type.Element.WordsPerElement()), context.Items(X), context.Items(Output));
    }
}

/// <summary>Values of several rows per sample side by side, row by row.</summary>
public sealed record ConcatStage(string Name, ValueId Output, EquatableArray<ValueId> Pieces) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => Pieces;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        int first = 0;
        foreach (ValueId piece in Pieces)
        {
            yield return new CopyUnit(
                $"{Name}@{first}", context.RowsPerItem(piece), context.Columns(piece), context.Rows(piece), context.Rows(Output).FromColumn(first));
            first += context.Columns(piece);
        }
    }
}
