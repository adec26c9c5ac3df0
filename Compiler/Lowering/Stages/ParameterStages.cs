using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Map;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output[r] = program, whose template result is the mean of x[r, :]².</summary>
public sealed record RowMeanSquareStage(string Name, ValueId Output, ValueId X, FusedProgram Program) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X, .. Program.Inputs];

    public override bool IsWhole => true;

    public override bool WritesRowByRow => true;

    public override bool JoinsRowChain => true;

    public override bool ReadsItemByItem(ValueId input) => Program.ReadsItemByItem(input);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        UnitContext.Generic(
            typeof(RowMeanSquareUnit<>), [Program.Tree.ToProgramType()], Name, context.Columns(X), context.Items(X), context.Items(Output), context.Bind(Program)),
    ];
}

/// <summary>A dense step, in place.</summary>
public sealed record ParameterStage(string Name, ValueId Output, ValueId Parameter, FusedProgram Program) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => Program.Inputs;

    public override IEnumerable<ValueId> UpdatedParameters => [Parameter];

    public override Stage WithPairs(Func<ValueId, bool> isPaired) => this with { Program = Program.WithPairs(isPaired) };

    public override bool IsWhole => true;

    public override bool WritesRowByRow => true;

    public override bool JoinsRowChain => true;

    public override bool ReadsItemByItem(ValueId input) => Program.ReadsItemByItem(input);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        UnitContext.Generic(
            typeof(MapUnit<>), [Program.Tree.ToProgramType()],
            Name, 1, context.Columns(Parameter), context.Arena(Parameter), context.Bind(Program), Program.Tree.FunctionCount),
    ];
}
