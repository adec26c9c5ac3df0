using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// m' = beta m + (1 - beta) h with h = g · clip, or h = (g · clip)²: a moment of Adam (Kingma and Ba, arXiv:1412.6980). Inputs: the
/// moment and the gradient, of one type; the clip's scale [1] and beta [1].
/// </summary>
/// <param name="IsSecond">True for the moving average of squares.</param>
public sealed record AdamMoment(bool IsSecond) : ElementwiseOperator
{
    public override Type Function => typeof(MovingAverageFunction);

    public override SlotAccess Access(int input) => input < 2 ? SlotAccess.Full : SlotAccess.Uniform;

    public override ProgramTree Program(IReadOnlyList<ProgramTree> inputs)
    {
        ProgramTree clipped = new ProgramTree.Call2(typeof(MulFunction), inputs[1], inputs[2]);
        return new ProgramTree.Call3(Function, inputs[0], IsSecond ? new ProgramTree.Call1(typeof(SquareFunction), clipped) : clipped, inputs[3]);
    }

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(4);
        inputs.Require(
            inputs[0] == inputs[1] && !inputs[0].HasSamples && inputs[2] == TensorType.Whole(1) && inputs[3] == inputs[2],
            "a moment and a gradient of one type, a scale [1] and beta [1]");
        return inputs[0];
    }
}

/// <summary>
/// w' = w - rate · (m / (sqrt(v) + epsilon) + decay w), the last term only with decay: AdamW without correction of the bias of the
/// moments, as the authors of BERT have it. Inputs: the parameter, both new moments (of its type), rate [1], epsilon [1] and, with
/// decay, decay [1].
/// </summary>
/// <param name="Decays">False for biases and norms.</param>
public sealed record AdamStep(bool Decays) : ElementwiseOperator
{
    public override Type Function => typeof(SgdFunction);

    public override SlotAccess Access(int input) => input < 3 ? SlotAccess.Full : SlotAccess.Uniform;

    public override ProgramTree Program(IReadOnlyList<ProgramTree> inputs) => new ProgramTree.Call3(
        Function, inputs[0], AdamDirection.Direction(inputs[0], inputs[1], inputs[2], inputs[4], Decays ? inputs[5] : null), inputs[3]);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(Decays ? 6 : 5);
        inputs.Require(
            inputs[0] == inputs[1] && inputs[0] == inputs[2] && !inputs[0].HasSamples && inputs.Types.Skip(3).All(type => type == TensorType.Whole(1)),
            "a parameter and its moments, of one type, and scalars [1]");
        return inputs[0];
    }
}

/// <summary>
/// r = m / (sqrt(v) + epsilon) + decay w, the last term only with decay. Inputs: the parameter, both moments, epsilon [1] and, with
/// decay, decay [1].
/// </summary>
/// <param name="Decays">False for biases and norms.</param>
public sealed record AdamDirection(bool Decays) : ElementwiseOperator
{
    public override Type Function => Decays ? typeof(FmaFunction) : typeof(AdamDirectionFunction);

    public override SlotAccess Access(int input) => input < 3 ? SlotAccess.Full : SlotAccess.Uniform;

    public override ProgramTree Program(IReadOnlyList<ProgramTree> inputs) =>
        Direction(inputs[0], inputs[1], inputs[2], inputs[3], Decays ? inputs[4] : null);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(Decays ? 5 : 4);
        inputs.Require(
            inputs[0] == inputs[1] && inputs[0] == inputs[2] && !inputs[0].HasSamples && inputs.Types.Skip(3).All(type => type == TensorType.Whole(1)),
            "a parameter and its moments, of one type, and scalars [1]");
        return inputs[0];
    }

    internal static ProgramTree Direction(ProgramTree w, ProgramTree m, ProgramTree v, ProgramTree epsilon, ProgramTree? decay)
    {
        ProgramTree direction = new ProgramTree.Call3(typeof(AdamDirectionFunction), m, v, epsilon);
        return decay is null ? direction : new ProgramTree.Call3(typeof(FmaFunction), decay, w, direction);
    }
}

/// <summary>
/// w' = w - (rate · ratio) r: the step of LAMB (You et al., arXiv:1904.00962). Inputs: the parameter and the direction r, of one type;
/// rate [1] and the trust ratio [1].
/// </summary>
public sealed record LambStep : ElementwiseOperator
{
    public override Type Function => typeof(SgdFunction);

    public override SlotAccess Access(int input) => input < 2 ? SlotAccess.Full : SlotAccess.Uniform;

    public override ProgramTree Program(IReadOnlyList<ProgramTree> inputs) =>
        new ProgramTree.Call3(Function, inputs[0], inputs[1], new ProgramTree.Call2(typeof(MulFunction), inputs[2], inputs[3]));

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(4);
        inputs.Require(
            inputs[0] == inputs[1] && !inputs[0].HasSamples && inputs[2] == TensorType.Whole(1) && inputs[3] == inputs[2],
            "a parameter and its direction, of one type, and scalars [1]");
        return inputs[0];
    }
}
