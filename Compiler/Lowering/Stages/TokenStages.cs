using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Gather;
using RduEmu.Kernels.Templates.Layout;
using RduEmu.Kernels.Templates.Map;
using RduEmu.Kernels.Templates.Random;
using RduEmu.Kernels.Templates.SampleReduce;
using RduEmu.Kernels.Templates.ScatterAdd;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>A row of a table for each token.</summary>
public sealed record TokenGatherStage(string Name, ValueId Output, ValueId Indices, ValueId Table) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [Indices, Table];

    public override bool ReadsItemByItem(ValueId input) => input != Table;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        new GatherUnit(
            Name, context.Columns(Output), 1, context.TypeOf(Indices).Rank == 3 ? context.Rows(Indices) : Words(context, Indices),
            context.Items(Table), context.Rows(Output),
            rowsPerItem: context.RowsPerItem(Output)),
    ];

    /// <summary>Integers that are fed: each is a row of its own, and they stand without gaps.</summary>
    internal static Operand Words(UnitContext context, ValueId fed) => new(context.Arena(fed).OffsetElements, 1);
}

/// <summary>The gradient of a table of tokens: zero in rows that no index names.</summary>
public sealed record TokenScatterStage(string Name, ValueId Output, ValueId Indices, ValueId Gradient, int GroupSamples) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [Indices, Gradient];

    public override bool IsWhole => true;

    public override bool NeedsOneTile => true;

    public override bool ReadsItemByItem(ValueId input) => false;

    public override long ScratchElements(Graph graph, int tileItems) =>
        SampleScatterUnit.ScratchElements(checked((int)graph[Indices].Type.CountElements));

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        int width = context.Columns(Output);
        TensorType indices = context.TypeOf(Indices);
        yield return new MapUnit<Zero>($"zero {Name}", 1, width, context.Items(Output), ProgramBinding.Empty, 0);
        yield return new SampleScatterUnit(
            Name, context.TypeOf(Output).Shape[0], width, checked((int)indices.CountElements), SampleTree.GroupRows(indices.Shape[1], GroupSamples),
            TokenGatherStage.Words(context, Indices), context.Rows(Gradient), context.Items(Output), context.ScratchOffsetElements);
    }
}

/// <summary>Rows of a sample by position, or their gradient.</summary>
public sealed record RowPickStage(string Name, ValueId Output, ValueId X, ValueId Positions, bool IsGradient) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X, Positions];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        int columns = context.Columns(X);
        int rows = context.TypeOf(X).Shape[1];
        int outputRows = context.TypeOf(Output).Shape[1];
        return IsGradient
            ? [new RowScatterUnit(Name, outputRows, rows, columns, TokenGatherStage.Words(context, Positions), context.Rows(X), context.Rows(Output))]
            : [new RowGatherUnit(Name, rows, outputRows, columns, TokenGatherStage.Words(context, Positions), context.Rows(X), context.Rows(Output))];
    }
}

/// <summary>The first row of each sample, or a sample that is zero but for its first row.</summary>
public sealed record FirstRowStage(string Name, ValueId Output, ValueId X, bool IsGradient) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        if (IsGradient)
        {
            yield return new MapUnit<Zero>(
                $"zero {Name}", context.RowsPerItem(Output), context.Columns(Output), context.Rows(Output), ProgramBinding.Empty, 0);
        }

        yield return new CopyUnit(Name, 1, context.Columns(X), context.Items(X), context.Items(Output));
    }
}

/// <summary>The matrix of each sample turned.</summary>
public sealed record TransposeStage(string Name, ValueId Output, ValueId X) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
        [new MatrixTransposeUnit(Name, context.RowsPerItem(X), context.Columns(X), context.Rows(X), context.Rows(Output))];
}

/// <summary>Dropout of a value's elements.</summary>
public sealed record DropoutStage(string Name, ValueId Output, ValueId X, ValueId Numbers, float Rate, int Seed, int Stream, long FirstElement) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X, Numbers];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        float keep = 1f - Rate;
        return
        [
            new DropoutUnit(
                Name, context.RowsPerItem(X), context.Columns(X), context.Rows(X), context.Rows(Output), context.Items(Numbers), Seed, Stream, keep, 1f / keep,
                FirstElement),
        ];
    }
}
