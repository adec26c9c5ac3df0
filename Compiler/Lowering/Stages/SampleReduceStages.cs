using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>The gradient of a weight: output[n, k] = sum over all rows of all samples of dy[row, n] · x[row, k].</summary>
public sealed record SampleContractStage(string Name, ValueId Output, ValueId OutputGradient, ValueId X, int GroupSamples = 0) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [OutputGradient, X];

    public override bool IsWhole => true;

    public override bool WritesRowByRow => true;

    public override bool ReadsItemByItem(ValueId input) => false;

    public override long ScratchElements(Graph graph, int tileItems) => SampleContractUnit.ScratchElements(
        Sectioning.CountRows(graph[X].Type), SampleTree.GroupRows(Sectioning.RowsPerItem(graph[X].Type), GroupSamples), tileItems, Sectioning.ColumnsPerRow(graph[X].Type));

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        new SampleContractUnit(
            Name, context.Columns(X), Sectioning.CountRows(context.TypeOf(X)), context.RowsPerItem(X), context.Rows(OutputGradient), context.Rows(X),
            context.Items(Output), context.ScratchOffsetElements, GroupSamples),
    ];
}

/// <summary>output[n] = sum over all rows of all samples of x[row, n]: the gradient of a bias.</summary>
public sealed record SampleSumStage(string Name, ValueId Output, ValueId X, int GroupSamples = 0) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override bool IsWhole => true;

    public override bool WritesRowByRow => true;

    public override bool ReadsItemByItem(ValueId input) => false;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        Operand x = context.Rows(X);
        SlotAccess access = x.IsPaired ? SlotAccess.Paired : SlotAccess.Full;
        yield return UnitContext.Generic(
            typeof(SampleColumnSumUnit<>), [new ProgramTree.Input(0, access).ToProgramType()],
            Name, context.Columns(X), Sectioning.CountRows(context.TypeOf(X)), context.RowsPerItem(X), context.Items(Output),
            new ProgramBinding([x], [access]), GroupSamples);
    }
}
