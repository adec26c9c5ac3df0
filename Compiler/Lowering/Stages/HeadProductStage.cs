using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.BatchContract;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>A product of an attention, all heads of each sample.</summary>
public sealed record HeadProductStage(string Name, ValueId Output, ValueId A, ValueId B, int Heads, HeadProduct Product) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [A, B];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        TensorType tokens = context.TypeOf(B);
        int count = tokens.Shape[1];
        int row = tokens.Shape[2];
        int width = row / Heads;
        int map = checked(count * count);
        BatchContractArguments arguments = Product == HeadProduct.Scores
            ? new BatchContractArguments(
                context.Items(A), context.Items(B), context.Items(Output), count, count, width,
                RowStrideA: row, DepthStrideA: 1, ColumnStrideB: row, DepthStrideB: 1,
                RowStrideC: count, Heads, HeadStrideA: width, HeadStrideB: width, HeadStrideC: map)
            : new BatchContractArguments(
                context.Items(A), context.Items(B), context.Items(Output), count, width, count,
                RowStrideA: Product == HeadProduct.Context ? count : 1, DepthStrideA: Product == HeadProduct.Context ? 1 : count,
                ColumnStrideB: 1, DepthStrideB: row,
                RowStrideC: row, Heads, HeadStrideA: map, HeadStrideB: width, HeadStrideC: width);
        return [new BatchContractUnit(Name, arguments)];
    }
}
