using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output = program(x · weightᵀ), or x · weight if transposed, row by row of each sample.</summary>
public sealed record ContractStage(string Name, ValueId Output, ValueId X, ValueId Weight, bool Transposed, FusedProgram Program)
    : FusableStage(Name, Output, Program)
{
    public override IEnumerable<ValueId> Inputs => [X, Weight, .. Program.Inputs];

    public override IEnumerable<PackedInput> PackedInputs => [new PackedInput(Weight, new PanelPacking(Transposed))];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        (int rows, int columns) = Sectioning.MatrixOf(context.TypeOf(Weight));
        return
        [
            UnitContext.Generic(
                typeof(ContractUnit<>), [Program.Tree.ToProgramType()],
                Name, context.RowsPerItem(X), Transposed ? columns : rows, Transposed ? rows : columns, context.Rows(X),
                context.Packed(new PackedInput(Weight, new PanelPacking(Transposed))), context.Rows(Output), context.Bind(Program), Program.Tree.FunctionCount),
        ];
    }
}
