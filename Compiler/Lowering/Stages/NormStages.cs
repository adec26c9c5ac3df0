using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.RowReduce;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output[r] = sum of the squares of row r of a whole value.</summary>
public sealed record RowSquareSumStage(string Name, ValueId Output, ValueId X) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override bool IsWhole => true;

    public override bool WritesRowByRow => true;

    public override bool JoinsRowChain => true;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        new RowReduceUnit<RowSumOfSquares, Full<S0>, Accumulated>(
            Name, 1, context.Columns(X), context.Items(Output), new ProgramBinding([context.Items(X)], [SlotAccess.Full]), ProgramBinding.Empty,
            operationsPerElement: 2),
    ];
}

/// <summary>output[0] = sum of the rows of a whole value of one column.</summary>
public sealed record ColumnSumStage(string Name, ValueId Output, ValueId X) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override bool IsWhole => true;

    public override bool ReadsItemByItem(ValueId input) => false;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        new SampleColumnSumUnit<Full<S0>>(
            Name, 1, context.TypeOf(X).Shape[0], 1, context.Items(Output), new ProgramBinding([context.Items(X)], [SlotAccess.Full])),
    ];
}
