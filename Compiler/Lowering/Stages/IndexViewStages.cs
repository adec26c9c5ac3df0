using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output = the elements of x that a view takes.</summary>
public sealed record IndexViewStage(string Name, ValueId Output, ValueId X, IndexView View) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override bool IsWhole => true;

    public override bool ReadsItemByItem(ValueId input) => false;

    public override int CountItems(Graph graph) => 1;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        int[] own = NdOperands.Strides(context, X);
        int code = context.TypeOf(Output).Element.Code();
        NdOperand x = NdOperands.Of(context, X, View.StridesOf(own), hasItemAxis: false).Moved(View.OffsetOf(own));
        NdOperand output = NdOperands.Of(context, Output, NdOperands.Strides(context, Output), hasItemAxis: false);
        return [new WordMapUnit<CopyWord>(Name, [.. View.Shape], output, code, [x], [code])];
    }
}

/// <summary>output = zeros with the elements of a gradient added where a view took them from.</summary>
public sealed record IndexViewGradientStage(string Name, ValueId Output, ValueId Gradient, IndexView View) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [Gradient];

    public override bool IsWhole => true;

    public override bool ReadsItemByItem(ValueId input) => false;

    public override int CountItems(Graph graph) => 1;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        TensorType type = context.TypeOf(Output);
        int code = type.Element.Code();
        int[] own = NdOperands.Strides(context, Output);
        int[] gradient = NdOperands.Strides(context, Gradient);
        int[] target = View.StridesOf(own);
        int[] lanes = [.. Enumerable.Range(0, target.Length).Where(View.IsAlone)];
        int[] steps = [.. Enumerable.Range(0, target.Length).Except(lanes)];
        int[] order = [.. lanes, .. steps];
        NdOperand output = NdOperands.Of(context, Output, own, hasItemAxis: false);
        NdOperand updates = NdOperands.Of(context, Gradient, [.. order.Select(index => gradient[index])], hasItemAxis: false);
        NdOperand targets = NdOperands.Of(context, Output, [.. order.Select(index => target[index])], hasItemAxis: false).Moved(View.OffsetOf(own));
        yield return new WordMapUnit<ZeroWord>($"zero for {Name}", [.. type.Shape], output, code, [output], [code]);
        yield return UnitContext.Generic(
            typeof(IndexedUpdateUnit<>), [ScatterOperator.Combine(ScatterKind.Add, type.Element)],
            Name, lanes.Select(index => View.Shape[index]).ToArray(), steps.Select(index => View.Shape[index]).ToArray(),
            targets, updates, updates, IndexArguments.From(0, ElementCode.Int32, [], []), code);
    }
}
