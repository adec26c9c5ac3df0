using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Layout;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output = a strided view of x, both whole.</summary>
public sealed record StridedCopyStage(string Name, ValueId Output, ValueId X, StridedView View) : Stage(Name, Output)
{
    /// <summary>Elements of an item at least, so that tiles are worth the call; fewer if the whole output has no more.</summary>
    private const int MinimumElementsPerItem = 1024;

    public override IEnumerable<ValueId> Inputs => [X];

    public override bool IsWhole => true;

    public override int CountItems(Graph graph)
    {
        long count = graph[Output].Type.CountElements;
        return count == 0 ? 0 : checked((int)(count / ElementsPerItem()));
    }

    public override bool ReadsItemByItem(ValueId input) => false;

    public override void Request(StageRequests requests) => requests.Table(Table());

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
        [new StridedCopyUnit(Name, View, ElementsPerItem(), context.Items(X), context.Items(Output), context.Table(Table()))];

    private EquatableArray<int> Table() => EquatableArray.Create(View.ToTable().AsSpan());

    /// <summary>Inner axes until there are enough elements: an item is always a whole number of rows.</summary>
    private int ElementsPerItem()
    {
        int elements = 1;
        for (int axis = View.Extents.Length - 1; axis >= 0 && elements < MinimumElementsPerItem; axis--)
        {
            elements = checked(elements * View.Extents[axis]);
        }

        return elements;
    }
}

/// <summary>Whole values one after the other along an axis: for each index of the axes before it, a run of each.</summary>
/// <param name="Runs">Words of the run of each piece.</param>
public sealed record JoinStage(string Name, ValueId Output, EquatableArray<ValueId> Pieces, EquatableArray<int> Runs, int Outer) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => Pieces;

    public override bool IsWhole => true;

    public override int CountItems(Graph graph) => Outer;

    public override bool ReadsItemByItem(ValueId input) => false;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        int all = Runs.Sum();
        int first = 0;
        Operand output = context.Items(Output);
        for (int i = 0; i < Pieces.Count; i++)
        {
            if (Runs[i] > 0)
            {
                Operand piece = context.Items(Pieces[i]);
                yield return new CopyUnit(
                    $"{Name}@{first}", 1, Runs[i], new Operand(piece.OffsetElements, Runs[i], piece.Space), new Operand(output.OffsetElements + first, all, output.Space));
            }

            first += Runs[i];
        }
    }
}

/// <summary>output = x with the columns of each of its rows mapped, both whole, as rows of words.</summary>
/// <param name="Columns">For each word of an output row the word of the input row, or -1 for zero.</param>
/// <param name="Outer">Rows.</param>
/// <param name="InputWords">Words of an input row.</param>
public sealed record WholeColumnMapStage(string Name, ValueId Output, ValueId X, EquatableArray<int> Columns, int Outer, int InputWords) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override bool IsWhole => true;

    public override int CountItems(Graph graph) => Outer;

    public override bool ReadsItemByItem(ValueId input) => false;

    public override void Request(StageRequests requests) => requests.Table(Columns);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        Operand x = context.Items(X);
        Operand output = context.Items(Output);
        yield return new ColumnMapUnit(
            Name, 1, [.. Columns], new Operand(x.OffsetElements, InputWords, x.Space), new Operand(output.OffsetElements, Columns.Count, output.Space), context.Table(Columns));
    }
}
