using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Map;
using RduEmu.Kernels.Templates.ScatterAdd;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>
/// A table's sparse step: rows that an index names take update(row, summed gradient), their state, if there is one, before
/// them; all others keep their bits.
/// </summary>
public sealed record ScatterUpdateStage(
    string Name, ValueId Output, ValueId Indices, ValueId Gradient, ValueId Table, ValueId Rate, SparseState? State = null, ValueId? Weights = null)
    : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs
    {
        get
        {
            List<ValueId> inputs = [Indices, Gradient, Table, Rate];
            if (State is { } state)
            {
                inputs.Add(state.Parameter);
            }

            if (Weights is { } weights)
            {
                inputs.Add(weights);
            }

            return inputs;
        }
    }

    public override IEnumerable<ValueId> Outputs => State is null ? [Output] : [Output, State.Output];

    public override IEnumerable<ValueId> UpdatedParameters => State is null ? [Table] : [Table, State.Parameter];

    public override bool IsWhole => true;

    public override bool ReadsItemByItem(ValueId input) => false;

    /// <summary>One: it takes the whole table at once.</summary>
    public override int CountItems(Graph graph) => 1;

    public override void Request(StageRequests requests) => ScatterSumStage.RequestSums(requests, Output, Indices, Gradient);

    public override long ScratchElements(Graph graph, int tileItems) => ScatterSumStage.SortElements(graph, Indices);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        var table = new ProgramTree.Input(0, SlotAccess.Full);
        var gradient = new ProgramTree.TemplateResult();
        var operands = new List<Operand> { context.Arena(Table) };
        var accesses = new List<SlotAccess> { SlotAccess.Full };
        ElementwiseOperator step = new SgdStep();
        var leaves = new List<ProgramTree> { table, gradient };
        ScatterState kind = ScatterState.None;
        ProgramTree stateTree = gradient;
        ProgramBinding stateBinding = ProgramBinding.Empty;
        Operand stateOperand = default;
        if (State is { } state)
        {
            kind = state.RowWise ? ScatterState.Row : ScatterState.Elements;
            SlotAccess access = state.RowWise ? SlotAccess.PerRow : SlotAccess.Full;
            stateOperand = context.Arena(state.Parameter);
            var old = new ProgramTree.Input(0, access);
            stateTree = state.RowWise ? RowWiseAdagradState.Program(old) : new AdagradState().Program([old, gradient]);
            stateBinding = new ProgramBinding([stateOperand], [access]);
            step = new AdagradStep(state.RowWise);
            leaves.Add(new ProgramTree.Input(operands.Count, access));
            operands.Add(stateOperand);
            accesses.Add(access);
        }

        leaves.Add(new ProgramTree.Input(operands.Count, SlotAccess.Uniform));
        operands.Add(context.Arena(Rate));
        accesses.Add(SlotAccess.Uniform);
        int width = context.Columns(Gradient);
        return
        [
            UnitContext.Generic(
                typeof(ScatterUpdateUnit<,>), [stateTree.ToProgramType(), step.Program(leaves).ToProgramType()],
                Name, context.TypeOf(Table).Shape[0], width, Sectioning.CountRows(context.TypeOf(Indices)), context.Columns(Indices),
                context.Rows(Indices), context.Rows(Gradient), context.Arena(Table),
                new ProgramBinding(operands.ToArray(), accesses.ToArray()), kind, stateOperand, stateBinding,
                context.DeviceWorkspace(Output, width), context.ScratchOffsetElements, Weights is { } weights ? context.Rows(weights) : null),
        ];
    }
}

/// <summary>A table's gradient made dense: zero in rows that no index names.</summary>
public sealed record ScatterSumStage(string Name, ValueId Output, ValueId Indices, ValueId Gradient, ValueId? Weights = null) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => Weights is { } weights ? [Indices, Gradient, weights] : [Indices, Gradient];

    public override bool IsWhole => true;

    public override bool NeedsOneTile => true;

    public override bool ReadsItemByItem(ValueId input) => false;

    public override void Request(StageRequests requests) => RequestSums(requests, Output, Indices, Gradient);

    public override long ScratchElements(Graph graph, int tileItems) => SortElements(graph, Indices);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        int width = context.Columns(Output);
        yield return new MapUnit<Zero>($"zero {Name}", 1, width, context.Items(Output), ProgramBinding.Empty, 0);
        yield return new ScatterUpdateUnit<Accumulated, Accumulated>(
            Name, context.TypeOf(Output).Shape[0], width, Sectioning.CountRows(context.TypeOf(Indices)), context.Columns(Indices),
            context.Rows(Indices), context.Rows(Gradient), context.Items(Output), ProgramBinding.Empty, ScatterState.None, default,
            ProgramBinding.Empty, context.DeviceWorkspace(Output, width), context.ScratchOffsetElements,
            Weights is { } weights ? context.Rows(weights) : null);
    }

    internal static void RequestSums(StageRequests requests, ValueId output, ValueId indices, ValueId gradient) => requests.DeviceWorkspace(
        output, checked(requests.Graph[indices].Type.CountElements * Sectioning.ColumnsPerRow(requests.Graph[gradient].Type)));

    internal static long SortElements(Graph graph, ValueId indices) => ScatterUpdateUnit<Accumulated, Accumulated>.ScratchElements(
        Sectioning.CountRows(graph[indices].Type), Sectioning.ColumnsPerRow(graph[indices].Type));
}
