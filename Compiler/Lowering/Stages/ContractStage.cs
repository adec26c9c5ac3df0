using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output = program(x · weightᵀ), or x · weight if transposed, row by row of each sample.</summary>
/// <param name="Whole">True for whole values: x is then a dense matrix of as many rows as the output has for the weight's columns.</param>
public sealed record ContractStage(
    string Name, ValueId Output, ValueId X, PackedWeightSource Weight, bool Transposed, FusedProgram Program, bool Whole = false)
    : FusableStage(Name, Output, Program)
{
    public override IEnumerable<ValueId> Inputs => [X, Weight.Parameter, .. Program.Inputs];

    public override IEnumerable<PackedInput> PackedInputs => [Packed];

    private PackedInput Packed => new(Weight.Parameter, new PanelPacking(Transposed, Weight.Rounds));

    public override bool IsWhole => Whole;

    public override int CountItems(Graph graph) =>
        Whole ? checked((int)(graph[Output].Type.CountElements / ColumnsOf(graph[Weight.Parameter].Type))) : base.CountItems(graph);

    /// <summary>Columns of the output.</summary>
    public int ColumnsOf(TensorType weight)
    {
        (int rows, int columns) = Sectioning.MatrixOf(weight);
        return Transposed ? columns : rows;
    }

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        (int rows, int columns) = Sectioning.MatrixOf(context.TypeOf(Weight.Parameter));
        int width = Transposed ? columns : rows;
        int depth = Transposed ? rows : columns;
        Operand Dense(ValueId value, int rowWords) => new(context.Items(value).OffsetElements, rowWords, context.Items(value).Space);
        return
        [
            UnitContext.Generic(
                typeof(ContractUnit<>), [Program.Tree.ToProgramType()],
                Name, Whole ? 1 : context.RowsPerItem(X), width, depth, Whole ? Dense(X, depth) : context.Rows(X),
                context.Packed(Packed), Whole ? Dense(Output, width) : context.Rows(Output),
                Whole ? UnitContext.Bind(Program, input => Dense(input, width)) : context.Bind(Program), Program.Tree.FunctionCount),
        ];
    }
}
