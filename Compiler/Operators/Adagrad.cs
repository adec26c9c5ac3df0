using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// s'[i] = s[i] + g[i]², as one FMA: the new state of Adagrad (Duchi et al., JMLR 12, 2011). Inputs: the state and the gradient,
/// whole values of one type. Its output updates the state; <see cref="AdagradStep"/> takes it too.
/// </summary>
public sealed record AdagradState : ElementwiseOperator
{
    public override Type Function => typeof(AdagradStateFunction);

    /// <exception cref="Kernels.Errors.RduException">RDU0401: the inputs are samples or differ in type.</exception>
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0] == inputs[1] && !inputs[0].HasSamples, "a state and a gradient, whole values of one type");
        return inputs[0];
    }
}

/// <summary>
/// s'[r] = s[r] + (sum over d of g[r, d]²) / D: the new state of row-wise Adagrad, one value for each row of a table (Mudigere
/// et al., ISCA'22, section 4.1.4). The sum runs in the order of a row: 16 lanes, each an FMA chain from +0, then the tree.
/// Inputs: the state [R, 1] and the gradient [R, D], D at least 1.
/// </summary>
public sealed record RowWiseAdagradState : Operator
{
    /// <summary>The new state of a row, where the template has computed the mean of its squares.</summary>
    /// <param name="state">The row's state.</param>
    public static ProgramTree Program(ProgramTree state) => new ProgramTree.Call2(typeof(AddFunction), state, new ProgramTree.TemplateResult());

    /// <exception cref="Kernels.Errors.RduException">RDU0401: the shapes are not these.</exception>
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[1].Element == ElementType.Float32 && inputs[1].Rank == 2 && !inputs[1].HasSamples && inputs[1].Shape[1] > 0
                && inputs[0] == TensorType.Whole(inputs[1].Shape[0], 1),
            "a state [R, 1] and a gradient [R, D]");
        return inputs[0];
    }

    public override bool UpdatesInPlace => true;

    public override void Lower(StageLowering lowering, Node node)
    {
        var program = new FusedProgram(Program(new ProgramTree.Input(0, SlotAccess.PerRow)), [node.Inputs[0]], [(int)SlotAccess.PerRow]);
        lowering.Emit(new RowMeanSquareStage(node.Name, node.Output, node.Inputs[1], program));
        lowering.PlaceUpdate(node.Output);
    }
}

/// <summary>
/// w'[i] = w[i] - rate · (g[i] / (sqrt(s'[i]) + 1e-10)), the last product and difference as one FMA. Inputs: the parameter, its
/// gradient, the new state s' (of the parameter's type; row by row a matrix [R, D] has a state [R, 1]) and the rate [1].
/// </summary>
/// <param name="RowWise">True if s' is one value for each row, from <see cref="RowWiseAdagradState"/>.</param>
public sealed record AdagradStep(bool RowWise = false) : ElementwiseOperator
{
    public override Type Function => typeof(SgdFunction);

    public override SlotAccess Access(int input) => input switch
    {
        2 when RowWise => SlotAccess.PerRow,
        3 => SlotAccess.Uniform,
        _ => SlotAccess.Full,
    };

    public override ProgramTree Program(IReadOnlyList<ProgramTree> inputs) =>
        new ProgramTree.Call3(Function, inputs[0], new ProgramTree.Call2(typeof(AdagradDirectionFunction), inputs[2], inputs[1]), inputs[3]);

    /// <exception cref="Kernels.Errors.RduException">RDU0401: the shapes are not these.</exception>
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(4);
        inputs.Require(
            inputs[0] == inputs[1] && !inputs[0].HasSamples && inputs[3] == TensorType.Whole(1)
                && (RowWise ? inputs[0].Rank == 2 && inputs[2] == TensorType.Whole(inputs[0].Shape[0], 1) : inputs[2] == inputs[0]),
            RowWise ? "a parameter [R, D], its gradient, a state [R, 1] and a rate [1]" : "a parameter, its gradient, its state and a rate [1]");
        return inputs[0];
    }

    /// <summary>A table's step is sparse where nobody else reads its gradient and its state.</summary>
    public override void Lower(StageLowering lowering, Node node)
    {
        if (!lowering.TryEmitSparseStep(node))
        {
            base.Lower(lowering, node);
        }
    }
}
