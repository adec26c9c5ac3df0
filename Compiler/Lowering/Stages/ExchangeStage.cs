using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Templates;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>
/// An exchange with other RDUs. No unit computes it: whoever runs the program makes the moves before the pipelines of the section that
/// it stands in.
/// </summary>
public sealed record ExchangeStage(string Name, ValueId Output, EquatableArray<ValueId> Sources, Exchange Exchange) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => Sources;

    public override bool IsWhole => true;

    public override bool NeedsOneTile => true;

    public override bool ReadsItemByItem(ValueId input) => false;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) => [];
}
