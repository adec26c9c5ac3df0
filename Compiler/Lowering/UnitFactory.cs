using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.BatchContract;
using RduEmu.Kernels.Templates.Contract;
using RduEmu.Kernels.Templates.Gather;
using RduEmu.Kernels.Templates.Layout;
using RduEmu.Kernels.Templates.Map;
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
    private static readonly FusedProgram SparseSgd = new(
        new ProgramTree.Call3(
            typeof(Kernels.Programs.Functions.SgdFunction),
            new ProgramTree.Input(0, SlotAccess.Full), new ProgramTree.TemplateResult(), new ProgramTree.Input(1, SlotAccess.Uniform)),
        [],
        [(int)SlotAccess.Full, (int)SlotAccess.Uniform]);

    /// <summary>Words of scratch that the stage's unit needs for itself.</summary>
    public long ScratchElements(Stage stage, int tileItems) => stage switch
    {
        Stage.SampleContract s => SampleContractUnit.ScratchElements(Samples(s.X), tileItems, Columns(s.X)),
        Stage.ScatterUpdate s => ScatterUpdateUnit<Accumulated, Accumulated>.ScratchElements(Samples(s.Indices), Columns(s.Indices)),
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
                return new GatherUnit(s.Name, Columns(s.Output), Columns(s.Indices), resolve(s.Indices), resolve(s.Table), resolve(s.Output));
            case Stage.SampleContract s:
                return new SampleContractUnit(
                    s.Name, Columns(s.X), Samples(s.X), resolve(s.OutputGradient), resolve(s.X), resolve(s.Output), scratchOffsetElements);
            case Stage.SampleSum s:
                var whole = new ProgramBinding([resolve(s.X)], [SlotAccess.Full]);
                return new SampleColumnSumUnit<Full<S0>>(s.Name, Columns(s.X), Samples(s.X), resolve(s.Output), whole);
            case Stage.ScatterUpdate s:
                var update = new ProgramBinding([arena(s.Table), arena(s.Rate)], [SlotAccess.Full, SlotAccess.Uniform]);
                return Generic(
                    typeof(ScatterUpdateUnit<,>), [typeof(Accumulated), SparseSgd.Tree.ToProgramType()],
                    s.Name, graph[s.Table].Type.Shape[0], Columns(s.Gradient), Samples(s.Indices), Columns(s.Indices),
                    resolve(s.Indices), resolve(s.Gradient), arena(s.Table), update, ScatterState.None, default(Operand), ProgramBinding.Empty,
                    workspace(s.Output, Columns(s.Gradient)), scratchOffsetElements);
            case Stage.ParameterStep s:
                return Generic(
                    typeof(MapUnit<>), [s.Program.Tree.ToProgramType()],
                    s.Name, 1, Columns(s.Parameter), arena(s.Parameter), Bind(s.Program, resolve), s.Program.Tree.FunctionCount);
            default:
                throw new NotSupportedException(stage.GetType().Name);
        }
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
