using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Map;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output = program, element by element.</summary>
/// <param name="Whole">True if the value has no samples.</param>
public sealed record MapStage(string Name, ValueId Output, FusedProgram Program, bool Whole = false) : FusableStage(Name, Output, Program)
{
    public override IEnumerable<ValueId> Inputs => Program.Inputs;

    public override bool IsWhole => Whole;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        UnitContext.Generic(
            typeof(MapUnit<>), [Program.Tree.ToProgramType()],
            Name, context.RowsPerItem(Output), context.Columns(Output), context.Rows(Output), context.Bind(Program), Program.Tree.FunctionCount),
    ];
}
