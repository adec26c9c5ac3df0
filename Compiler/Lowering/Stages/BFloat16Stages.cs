using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Map;
using RduEmu.Kernels.Templates.Round;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output = the float32 values of pairs, for stages that do not read pairs where they lie.</summary>
/// <param name="Whole">True if the value has no samples.</param>
public sealed record WidenStage(string Name, ValueId Output, ValueId X, bool Whole) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override bool IsWhole => Whole;

    public override bool WritesRowByRow => Whole;

    public override bool JoinsRowChain => Whole;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        new MapUnit<Paired<S0>>(
            Name, context.RowsPerItem(Output), context.Columns(Output), context.Rows(Output), new ProgramBinding([context.Rows(X)], [SlotAccess.Paired]), 0),
    ];
}

/// <summary>output = bf16(program), in pairs.</summary>
/// <param name="Numbers">What stochastic rounding counts by; null where it rounds to nearest.</param>
/// <param name="Parameter">The parameter that takes the value, in place; null if it has storage of its own.</param>
/// <param name="Whole">True if the value has no samples.</param>
public sealed record RoundStage(
    string Name, ValueId Output, FusedProgram Program, ValueId? Numbers, RoundingKind Rounding, int Seed, int Stream, ValueId? Parameter, bool Whole)
    : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => Numbers is { } numbers ? [.. Program.Inputs, numbers] : Program.Inputs;

    public override IEnumerable<ValueId> UpdatedParameters => Parameter is { } parameter ? [parameter] : [];

    public override bool IsWhole => Whole;

    public override bool WritesRowByRow => Whole;

    public override bool JoinsRowChain => Whole;

    public override bool ReadsItemByItem(ValueId input) => input == Numbers ? !Whole : Program.ReadsItemByItem(input);

    public override Stage WithPairs(Func<ValueId, bool> isPaired) => this with { Program = Program.WithPairs(isPaired) };

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        UnitContext.Generic(
            typeof(RoundUnit<>), [Program.Tree.ToProgramType()],
            Name, context.RowsPerItem(Output), context.Columns(Output), context.Rows(Output), context.Bind(Program), Program.Tree.FunctionCount, Rounding,
            Numbers is { } numbers ? context.Arena(numbers) : default(Operand), !Whole, Seed, Stream),
    ];
}
