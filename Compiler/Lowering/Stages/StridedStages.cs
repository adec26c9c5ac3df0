using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output = program, element by element, of inputs that are broadcast to the output's shape.</summary>
/// <param name="Whole">True if the value has no samples.</param>
public sealed record StridedMapStage(string Name, ValueId Output, FusedProgram Program, bool Whole) : FusableStage(Name, Output, Program)
{
    public override IEnumerable<ValueId> Inputs => Program.Inputs;

    public override bool IsWhole => Whole;

    public override int CountItems(Graph graph) => NdOperands.CountItems(graph[Output].Type);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        TensorType type = context.TypeOf(Output);
        NdOperand[] inputs = [.. Program.Inputs.Select(input => NdOperands.Broadcast(context, input, type))];
        return
        [
            UnitContext.Generic(
                typeof(StridedMapUnit<>), [NdOperands.AllFull(Program.Tree).ToProgramType()],
                Name, NdOperands.ItemExtents(type), NdOperands.Broadcast(context, Output, type), inputs, Program.Tree.FunctionCount),
        ];
    }
}

/// <summary>output = function, element by element, of one to three inputs of any types that are broadcast to the output's shape.</summary>
/// <param name="Function">A <see cref="Kernels.Programs.Functions.IWordFunction"/>.</param>
/// <param name="Operands">Its inputs in their order.</param>
/// <param name="Whole">True if the value has no samples.</param>
public sealed record WordMapStage(string Name, ValueId Output, Type Function, EquatableArray<ValueId> Operands, bool Whole) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => Operands;

    public override bool IsWhole => Whole;

    public override int CountItems(Graph graph) => NdOperands.CountItems(graph[Output].Type);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        TensorType type = context.TypeOf(Output);
        NdOperand[] inputs = [.. Operands.Select(input => NdOperands.Broadcast(context, input, type))];
        int[] codes = [.. Operands.Select(input => context.TypeOf(input).Element.Code())];
        return
        [
            UnitContext.Generic(
                typeof(WordMapUnit<>), [Function],
                Name, NdOperands.ItemExtents(type), NdOperands.Broadcast(context, Output, type), type.Element.Code(), inputs, codes),
        ];
    }
}
