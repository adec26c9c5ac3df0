using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.BatchContract;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>One product of small matrices in each sample.</summary>
public sealed record SampleProductStage(string Name, ValueId Output, ValueId A, ValueId B, SampleMatMul Operator) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [A, B];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        new BatchContractUnit(
            Name, Operator.M, Operator.N, Operator.K, Operator.TransposeA, Operator.TransposeB, context.Items(A), context.Items(B), context.Items(Output)),
    ];
}
