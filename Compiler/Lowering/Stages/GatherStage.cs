using RduEmu.Compiler.Graphs;
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
