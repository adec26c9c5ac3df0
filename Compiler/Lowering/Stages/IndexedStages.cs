using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output = the elements of x at the positions that an index tensor holds.</summary>
public sealed record IndexedCopyStage(string Name, ValueId Output, ValueId X, ValueId Indices, IndexMap Map, bool Whole) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X, Indices];

    public override bool IsWhole => Whole;

    public override bool ReadsItemByItem(ValueId input) =>
        (input != X || (Map.DataAxes.Count > 0 && Map.DataAxes[0] == 0)) && (input != Indices || (Map.IndexAxes.Count > 0 && Map.IndexAxes[0] == 0));

    public override int CountItems(Graph graph) => NdOperands.CountItems(graph[Output].Type);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        TensorType type = context.TypeOf(Output);
        bool hasItemAxis = NdOperands.HasItemAxis(type);
        IEnumerable<int> order = Enumerable.Range(0, type.Rank);
        return
        [
            new IndexedCopyUnit(
                Name, NdOperands.ItemExtents(type), NdOperands.Broadcast(context, Output, type),
                IndexMap.Operand(context, X, Map.DataAxes, order, hasItemAxis), IndexMap.Operand(context, Indices, Map.IndexAxes, order, hasItemAxis),
                Map.Arguments(context, X, Indices), type.Element.WordsPerElement()),
        ];
    }
}

/// <summary>output = data (or zeros) with updates combined into it at the positions that an index tensor holds.</summary>
/// <param name="Data">What is updated; null for zeros.</param>
/// <param name="Combine">An <see cref="IWordFunction"/> of an element and an update.</param>
public sealed record IndexedUpdateStage(
    string Name, ValueId Output, ValueId? Data, ValueId Indices, ValueId Updates, IndexMap Map, Type Combine) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => Data is { } data ? [data, Indices, Updates] : [Indices, Updates];

    public override bool IsWhole => true;

    public override bool ReadsItemByItem(ValueId input) => false;

    public override int CountItems(Graph graph) => 1;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        TensorType type = context.TypeOf(Output);
        TensorType updates = context.TypeOf(Updates);
        int code = type.Element.Code();
        int[] extents = [.. type.Shape];
        NdOperand output = NdOperands.Of(context, Output, NdOperands.Strides(context, Output), hasItemAxis: false);
        yield return Data is { } data
            ? new WordMapUnit<CopyWord>(
                $"copy for {Name}", extents, output, code, [NdOperands.Of(context, data, NdOperands.Strides(context, data), hasItemAxis: false)], [code])
            : new WordMapUnit<ZeroWord>($"zero for {Name}", extents, output, code, [output], [code]);

        int[] lanes = [.. Enumerable.Range(0, updates.Rank).Where(axis => Map.DataAxes[axis] >= 0)];
        int[] steps = [.. Enumerable.Range(0, updates.Rank).Where(axis => Map.DataAxes[axis] < 0)];
        int[] order = [.. lanes, .. steps];
        int[] own = NdOperands.Strides(context, Updates);
        yield return UnitContext.Generic(
            typeof(IndexedUpdateUnit<>), [Combine],
            Name, lanes.Select(axis => updates.Shape[axis]).ToArray(), steps.Select(axis => updates.Shape[axis]).ToArray(),
            IndexMap.Operand(context, Output, Map.DataAxes, order, hasItemAxis: false),
            NdOperands.Of(context, Updates, order.Select(axis => own[axis]).ToArray(), hasItemAxis: false),
            IndexMap.Operand(context, Indices, Map.IndexAxes, order, hasItemAxis: false),
            Map.Arguments(context, Output, Indices), code);
    }
}
