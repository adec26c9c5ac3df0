using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Gather;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>An embedding bag for each sample.</summary>
public sealed record GatherStage(string Name, ValueId Output, ValueId Indices, ValueId Table, ValueId? Weights = null) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => Weights is { } weights ? [Indices, Table, weights] : [Indices, Table];

    public override bool ReadsItemByItem(ValueId input) => input != Table;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        new GatherUnit(
            Name, context.Columns(Output), context.Columns(Indices), context.Items(Indices), context.Items(Table), context.Items(Output),
            Weights is { } weights ? context.Items(weights) : null),
    ];
}

/// <summary>output = for each row of positions the sum of the table's rows that they name.</summary>
public sealed record GatherSumStage(string Name, ValueId Output, ValueId Table, ValueId Indices) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [Table, Indices];

    public override bool IsWhole => true;

    public override bool ReadsItemByItem(ValueId input) => false;

    public override int RowGranule => 1;

    public override int CountItems(Graph graph)
    {
        TensorType indices = graph[Indices].Type;
        return indices.Shape.Take(indices.Rank - 1).Aggregate(1, (product, extent) => checked(product * extent));
    }

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        TensorType indices = context.TypeOf(Indices);
        (int rows, int width) = Sectioning.MatrixOf(context.TypeOf(Table));
        int hotness = indices.LastExtent;
        int words = indices.Element.WordsPerElement();
        Operand Dense(ValueId value, int rowWords) => new(context.Items(value).OffsetElements, rowWords, context.Items(value).Space);
        return
        [
            new GatherUnit(
                Name, width, hotness, Dense(Indices, hotness * words), Dense(Table, width), Dense(Output, width), indexWords: words, wrapRows: rows),
        ];
    }
}
