using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output = x with zeros between its elements.</summary>
/// <param name="Steps">For each axis, where the next element goes.</param>
public sealed record SpreadStage(string Name, ValueId Output, ValueId X, EquatableArray<int> Steps, bool Whole) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override bool IsWhole => Whole;

    public override int CountItems(Graph graph) => Whole ? 1 : graph[Output].Type.Shape[0];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        TensorType input = context.TypeOf(X);
        TensorType type = context.TypeOf(Output);
        int code = type.Element.Code();
        int skip = Whole ? 0 : 1;
        int[] own = NdOperands.Strides(context, Output);
        NdOperand output = NdOperands.Of(context, Output, own, !Whole);
        NdOperand spread = NdOperands.Of(context, Output, [.. own.Select((stride, axis) => checked(stride * Steps[axis]))], !Whole);
        NdOperand x = NdOperands.Of(context, X, NdOperands.Strides(context, X), !Whole);
        return
        [
            new WordMapUnit<ZeroWord>($"zero for {Name}", [.. type.Shape.Skip(skip)], output, code, [output], [code]),
            new WordMapUnit<CopyWord>(Name, [.. input.Shape.Skip(skip)], spread, code, [x], [code]),
        ];
    }
}

/// <summary>output[b, c, p] = the reduction over the taps t of x[b, c, p · stride + t · dilation].</summary>
/// <param name="Reduction">An <see cref="Kernels.Templates.RowReduce.IRowReduction"/>; null for one of words.</param>
/// <param name="Combine">An <see cref="IWordFunction"/> of a lane and an element, where there is no reduction of floats.</param>
/// <param name="Identity">What it starts from.</param>
public sealed record WindowStage(
    string Name, ValueId Output, ValueId X, EquatableArray<int> Taps, EquatableArray<int> Strides, EquatableArray<int> Dilations, bool Whole,
    Type? Reduction, ProgramTree Prologue, ProgramTree Epilogue, Type Combine, long Identity) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override bool IsWhole => Whole;

    public override int CountItems(Graph graph) => graph[Output].Type.Shape[0];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        TensorType type = context.TypeOf(Output);
        int[] own = NdOperands.Strides(context, X);
        int[] kept = [.. own.Select((stride, axis) => axis < 2 ? stride : checked(stride * Strides[axis - 2]))];
        int[] taps = [.. Dilations.Select((dilation, axis) => checked(own[axis + 2] * dilation))];
        NdOperand x = NdOperands.Of(context, X, [.. kept, .. taps], hasItemAxis: true);
        NdOperand output = NdOperands.Of(context, Output, NdOperands.Strides(context, Output), hasItemAxis: true);
        int[] outer = [.. type.Shape.Skip(1)];
        int code = type.Element.Code();
        return Reduction is null
            ? [UnitContext.Generic(typeof(WordReduceUnit<,,>), [typeof(CopyWord), Combine, typeof(CopyWord)], Name, outer, Taps.ToArray(), output, code, x, code, Identity, 0L)]
            : [UnitContext.Generic(
                typeof(StridedReduceUnit<,,>), [Reduction, Prologue.ToProgramType(), Epilogue.ToProgramType()],
                Name, outer, Taps.ToArray(), output, new[] { x }, Array.Empty<NdOperand>(), 1 + Prologue.FunctionCount)];
    }
}
