using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Map;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>
/// output[c] = finish(sum over all rows of all samples of program(row, c)): the sums of a normalisation over the batch and of losses.
/// </summary>
/// <param name="Rows">A value that has the rows.</param>
/// <param name="Program">The elements.</param>
/// <param name="Finish">What becomes of the sums; it reads them as the output. Null if they are the result.</param>
public sealed record SampleProgramStage(string Name, ValueId Output, ValueId Rows, FusedProgram Program, FusedProgram? Finish = null)
    : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs =>
        Program.Inputs.Concat(Finish?.Inputs ?? []).Append(Rows).Where(input => input != Output).Distinct();

    public override Stage WithPairs(Func<ValueId, bool> isPaired) => this with { Program = Program.WithPairs(isPaired) };

    public override bool IsWhole => true;

    public override bool ReadsItemByItem(ValueId input) => false;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        yield return UnitContext.Generic(
            typeof(SampleColumnSumUnit<>), [Program.Tree.ToProgramType()],
            Name, context.Columns(Rows), Sectioning.CountRows(context.TypeOf(Rows)), context.RowsPerItem(Rows), context.Items(Output),
            context.Bind(Program), 0);
        if (Finish is not null)
        {
            yield return UnitContext.Generic(
                typeof(MapUnit<>), [Finish.Tree.ToProgramType()],
                $"{Name} finish", 1, context.Columns(Rows), context.Items(Output), context.Bind(Finish), Finish.Tree.FunctionCount);
        }
    }
}
