using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.BatchContract;
using RduEmu.Kernels.Templates.Contract;
using RduEmu.Kernels.Templates.Gather;
using RduEmu.Kernels.Templates.Layout;
using RduEmu.Kernels.Templates.Map;
using RduEmu.Kernels.Templates.RowReduce;
using RduEmu.Kernels.Templates.SampleReduce;
using RduEmu.Kernels.Templates.ScatterAdd;

namespace RduEmu.Compiler.Lowering;

/// <summary>Stages to units: the last step, when every value has an address.</summary>
internal sealed class UnitFactory(
    Graph graph,
    Func<ValueId, Operand> arena,
    Func<ValueId, bool, Operand> packed,
    Func<EquatableArray<int>, Operand> map,
    Func<ValueId, int, Operand> workspace)
{
    /// <summary>Words of scratch that the stage's unit needs for itself.</summary>
    public long ScratchElements(Stage stage, int tileItems) => stage switch
    {
        Stage.SampleContract s => SampleContractUnit.ScratchElements(Samples(s.X), tileItems, Columns(s.X)),
        Stage.ScatterUpdate s => ScatterUpdateUnit<Accumulated, Accumulated>.ScratchElements(Samples(s.Indices), Columns(s.Indices)),
        Stage.ScatterSum s => ScatterUpdateUnit<Accumulated, Accumulated>.ScratchElements(Samples(s.Indices), Columns(s.Indices)),
        _ => 0,
    };

    /// <param name="resolve">Where a value lies for this pipeline: arena or scratch.</param>
    /// <param name="scratchOffsetElements">Where the unit's own scratch begins.</param>
    public ConfiguredUnit Create(Stage stage, Func<ValueId, Operand> resolve, long scratchOffsetElements)
    {
        switch (stage)
        {
            case Stage.Map s:
                return Generic(
                    typeof(MapUnit<>), [s.Program.Tree.ToProgramType()],
                    s.Name, 1, Columns(s.Output), resolve(s.Output), Bind(s.Program, resolve), s.Program.Tree.FunctionCount);
            case Stage.Contract s:
                (int rows, int columns) = Sectioning.MatrixOf(graph[s.Weight].Type);
                return Generic(
                    typeof(ContractUnit<>), [s.Epilogue.Tree.ToProgramType()],
                    s.Name, 1, s.Transposed ? columns : rows, s.Transposed ? rows : columns, resolve(s.X), packed(s.Weight, s.Transposed),
                    resolve(s.Output), Bind(s.Epilogue, resolve), s.Epilogue.Tree.FunctionCount);
            case Stage.SampleProduct s:
                return new BatchContractUnit(
                    s.Name, s.Operator.M, s.Operator.N, s.Operator.K, s.Operator.TransposeA, s.Operator.TransposeB,
                    resolve(s.A), resolve(s.B), resolve(s.Output));
            case Stage.ColumnMap s:
                return new ColumnMapUnit(s.Name, 1, [.. s.Columns], resolve(s.X), resolve(s.Output), map(s.Columns));
            case Stage.Copy s:
                return new CopyUnit(s.Name, 1, Columns(s.X), resolve(s.X), resolve(s.Output).FromColumn(s.FirstColumn));
            case Stage.Gather s:
                return new GatherUnit(
                    s.Name, Columns(s.Output), Columns(s.Indices), resolve(s.Indices), resolve(s.Table), resolve(s.Output),
                    s.Weights is { } bagWeights ? resolve(bagWeights) : null);
            case Stage.SampleContract s:
                return new SampleContractUnit(
                    s.Name, Columns(s.X), Samples(s.X), resolve(s.OutputGradient), resolve(s.X), resolve(s.Output), scratchOffsetElements);
            case Stage.SampleSum s:
                var whole = new ProgramBinding([resolve(s.X)], [SlotAccess.Full]);
                return new SampleColumnSumUnit<Full<S0>>(s.Name, Columns(s.X), Samples(s.X), resolve(s.Output), whole);
            case Stage.ScatterUpdate s:
                return ScatterUpdate(s, resolve, scratchOffsetElements);
            case Stage.ScatterSum s:
                return new ScatterUpdateUnit<Accumulated, Accumulated>(
                    s.Name, graph[s.Output].Type.Shape[0], Columns(s.Output), Samples(s.Indices), Columns(s.Indices),
                    resolve(s.Indices), resolve(s.Gradient), resolve(s.Output), ProgramBinding.Empty, ScatterState.None, default,
                    ProgramBinding.Empty, workspace(s.Output, Columns(s.Output)), scratchOffsetElements,
                    s.Weights is { } sumWeights ? resolve(sumWeights) : null);
            case Stage.RowMeanSquare s:
                return Generic(
                    typeof(RowMeanSquareUnit<>), [s.Program.Tree.ToProgramType()],
                    s.Name, Columns(s.X), resolve(s.X), resolve(s.Output), Bind(s.Program, resolve));
            case Stage.ParameterStep s:
                return Generic(
                    typeof(MapUnit<>), [s.Program.Tree.ToProgramType()],
                    s.Name, 1, Columns(s.Parameter), arena(s.Parameter), Bind(s.Program, resolve), s.Program.Tree.FunctionCount);
            default:
                throw new NotSupportedException(stage.GetType().Name);
        }
    }

    /// <summary>What sets a dense gradient to zero before contributions are added.</summary>
    public ConfiguredUnit CreateFill(Stage.ScatterSum stage, Func<ValueId, Operand> resolve) =>
        new MapUnit<Zero>($"zero {stage.Name}", 1, Columns(stage.Output), resolve(stage.Output), ProgramBinding.Empty, 0);

    private ConfiguredUnit ScatterUpdate(Stage.ScatterUpdate s, Func<ValueId, Operand> resolve, long scratchOffsetElements)
    {
        var table = new ProgramTree.Input(0, SlotAccess.Full);
        var gradient = new ProgramTree.TemplateResult();
        var operands = new List<Operand> { arena(s.Table) };
        var accesses = new List<SlotAccess> { SlotAccess.Full };
        ElementwiseOperator step = new SgdStep();
        var leaves = new List<ProgramTree> { table, gradient };
        ScatterState kind = ScatterState.None;
        ProgramTree stateTree = gradient;
        ProgramBinding stateBinding = ProgramBinding.Empty;
        Operand stateOperand = default;
        if (s.State is { } state)
        {
            kind = state.RowWise ? ScatterState.Row : ScatterState.Elements;
            SlotAccess access = state.RowWise ? SlotAccess.PerRow : SlotAccess.Full;
            stateOperand = arena(state.Parameter);
            var old = new ProgramTree.Input(0, access);
            stateTree = state.RowWise ? RowWiseAdagradState.Program(old) : new AdagradState().Program([old, gradient]);
            stateBinding = new ProgramBinding([stateOperand], [access]);
            step = new AdagradStep(state.RowWise);
            leaves.Add(new ProgramTree.Input(operands.Count, access));
            operands.Add(stateOperand);
            accesses.Add(access);
        }

        leaves.Add(new ProgramTree.Input(operands.Count, SlotAccess.Uniform));
        operands.Add(arena(s.Rate));
        accesses.Add(SlotAccess.Uniform);
        return Generic(
            typeof(ScatterUpdateUnit<,>), [stateTree.ToProgramType(), step.Program(leaves).ToProgramType()],
            s.Name, graph[s.Table].Type.Shape[0], Columns(s.Gradient), Samples(s.Indices), Columns(s.Indices),
            resolve(s.Indices), resolve(s.Gradient), arena(s.Table),
            new ProgramBinding(operands.ToArray(), accesses.ToArray()), kind, stateOperand, stateBinding,
            workspace(s.Output, Columns(s.Gradient)), scratchOffsetElements, s.Weights is { } weights ? resolve(weights) : null!);
    }

    private static ConfiguredUnit Generic(Type open, Type[] programs, params object[] arguments) =>
        (ConfiguredUnit)Activator.CreateInstance(open.MakeGenericType(programs), arguments)!;

    private static ProgramBinding Bind(FusedProgram program, Func<ValueId, Operand> resolve)
    {
        ImmutableArray<Operand> operands = [.. program.Inputs.Select(resolve)];
        ImmutableArray<SlotAccess> accesses = [.. program.Accesses.Select(access => (SlotAccess)access)];
        return new ProgramBinding(operands.AsSpan(), accesses.AsSpan());
    }

    private int Columns(ValueId value) => Sectioning.MatrixOf(graph[value].Type).Columns;

    private int Samples(ValueId value) => graph[value].Type.Shape[0];
}
