using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>A stage that treats some axes of its first operand apart from the others.</summary>
/// <param name="Operands">Its inputs; those after the first broadcast to the shape of the first.</param>
/// <param name="Axes">Axes of the first, ascending.</param>
/// <param name="KeepAxes">True if the output has these axes too.</param>
/// <param name="Whole">True if the values have no samples.</param>
public abstract record AxesStage(string Name, ValueId Output, EquatableArray<ValueId> Operands, EquatableArray<int> Axes, bool KeepAxes, bool Whole)
    : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => Operands;

    public override bool IsWhole => Whole;

    public override int CountItems(Graph graph) => NdOperands.CountItems(graph[Output].Type);

    private protected ReduceOperands Place(UnitContext context) =>
        ReduceOperands.Create(context, Output, context.TypeOf(Operands[0]), [.. Axes], KeepAxes);
}

/// <summary>output = epilogue(reduction over the axes of prologue).</summary>
/// <param name="Reduction">A <see cref="Kernels.Templates.RowReduce.IRowReduction"/>.</param>
/// <param name="Prologue">Its slots are the operands.</param>
/// <param name="Epilogue">Its slots are the operands after the first, at the kept axes.</param>
public sealed record StridedReduceStage(
    string Name, ValueId Output, EquatableArray<ValueId> Operands, EquatableArray<int> Axes, bool KeepAxes, bool Whole,
    Type Reduction, ProgramTree Prologue, ProgramTree Epilogue)
    : AxesStage(Name, Output, Operands, Axes, KeepAxes, Whole)
{
    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        ReduceOperands placed = Place(context);
        NdOperand[] prologue = [.. Operands.Select(operand => placed.OverAll(context, operand))];
        NdOperand[] epilogue = [.. Operands.Skip(1).Select(operand => placed.OverKept(context, operand))];
        return
        [
            UnitContext.Generic(
                typeof(StridedReduceUnit<,,>), [Reduction, Prologue.ToProgramType(), Epilogue.ToProgramType()],
                Name, placed.KeptExtents, placed.OtherExtents, placed.Output, prologue, epilogue, 1 + Prologue.FunctionCount),
        ];
    }
}

/// <summary>output = finish(combination over the axes of element(x), operand), in 64-bit words.</summary>
/// <param name="Element">An <see cref="Kernels.Programs.Functions.IWordFunction"/>, as the next two.</param>
public sealed record WordReduceStage(
    string Name, ValueId Output, EquatableArray<ValueId> Operands, EquatableArray<int> Axes, bool KeepAxes, bool Whole,
    Type Element, Type Combine, Type Finish, long Identity, long FinishOperand)
    : AxesStage(Name, Output, Operands, Axes, KeepAxes, Whole)
{
    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        ReduceOperands placed = Place(context);
        return
        [
            UnitContext.Generic(
                typeof(WordReduceUnit<,,>), [Element, Combine, Finish],
                Name, placed.KeptExtents, placed.OtherExtents, placed.Output, context.TypeOf(Output).Element.Code(),
                placed.OverAll(context, Operands[0]), context.TypeOf(Operands[0]).Element.Code(), Identity, FinishOperand),
        ];
    }
}

/// <summary>output[..., i, ...] = the combination of x up to position i of one axis.</summary>
public sealed record ScanStage(
    string Name, ValueId Output, EquatableArray<ValueId> Operands, EquatableArray<int> Axes, bool Whole,
    Type Combine, long Identity, bool Exclusive, bool Reverse)
    : AxesStage(Name, Output, Operands, Axes, KeepAxes: true, Whole)
{
    public override int CountItems(Graph graph) => Axes[0] == 0 ? 1 : base.CountItems(graph);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        ReduceOperands placed = Place(context);
        return
        [
            UnitContext.Generic(
                typeof(ScanUnit<>), [Combine],
                Name, placed.KeptExtents, placed.OtherExtents[0], placed.OutputOverAll(context, Output), placed.OverAll(context, Operands[0]),
                context.TypeOf(Output).Element.Code(), Identity, Exclusive, Reverse),
        ];
    }
}

/// <summary>output[..., j, ...] = the position of the element that is number j along one axis, as int64.</summary>
/// <param name="Order">A <see cref="IWordOrder"/>.</param>
public sealed record SelectStage(
    string Name, ValueId Output, EquatableArray<ValueId> Operands, EquatableArray<int> Axes, bool Whole, Type Order, bool LastOfEqual)
    : AxesStage(Name, Output, Operands, Axes, KeepAxes: true, Whole)
{
    public override int CountItems(Graph graph) => Axes[0] == 0 ? 1 : base.CountItems(graph);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        ReduceOperands placed = Place(context);
        return
        [
            UnitContext.Generic(
                typeof(SelectUnit<>), [Order],
                Name, placed.KeptExtents, placed.OtherExtents[0], context.TypeOf(Output).Shape[Axes[0]], placed.OutputOverAll(context, Output),
                placed.OverAll(context, Operands[0]), context.TypeOf(Operands[0]).Element.Code(), LastOfEqual),
        ];
    }
}
