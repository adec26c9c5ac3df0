using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// v' = a v + (1 - a) h² with h = fma(decay, w, g): the mean of squares of RMSprop, with PyTorch's weight decay. Inputs: v, the
/// parameter w and its gradient g, of one type; decay and a [1].
/// </summary>
public sealed record RmsPropMean : ElementwiseOperator
{
    public override Type Function => typeof(MovingAverageFunction);

    public override SlotAccess Access(int input) => input < 3 ? SlotAccess.Full : SlotAccess.Uniform;

    public override ProgramTree Program(IReadOnlyList<ProgramTree> inputs) => new ProgramTree.Call3(
        Function, inputs[0], new ProgramTree.Call1(typeof(SquareFunction), RmsPropVelocity.Decayed(inputs[1], inputs[2], inputs[3])), inputs[4]);

    public override TensorType Infer(OperatorInputs inputs) => RmsPropVelocity.Check(inputs, 3, 5);
}

/// <summary>
/// b' = fma(momentum, b, h / (sqrt(v') + epsilon)) with h = fma(decay, w, g): the velocity of RMSprop, by which the parameter then moves.
/// Inputs: b, the parameter w, its gradient g and the new mean v', of one type; decay, epsilon and momentum [1].
/// </summary>
public sealed record RmsPropVelocity : ElementwiseOperator
{
    public override Type Function => typeof(FmaFunction);

    public override SlotAccess Access(int input) => input < 4 ? SlotAccess.Full : SlotAccess.Uniform;

    public override ProgramTree Program(IReadOnlyList<ProgramTree> inputs)
    {
        ProgramTree direction = new ProgramTree.Call3(typeof(AdamDirectionFunction), Decayed(inputs[1], inputs[2], inputs[4]), inputs[3], inputs[5]);
        return new ProgramTree.Call3(Function, inputs[6], inputs[0], direction);
    }

    public override TensorType Infer(OperatorInputs inputs) => Check(inputs, 4, 7);

    /// <summary>The gradient with the pull of the weight decay.</summary>
    internal static ProgramTree Decayed(ProgramTree parameter, ProgramTree gradient, ProgramTree decay) =>
        new ProgramTree.Call3(typeof(FmaFunction), decay, parameter, gradient);

    internal static TensorType Check(OperatorInputs inputs, int full, int count)
    {
        inputs.RequireCount(count);
        bool isLegal = !inputs[0].HasSamples;
        for (int i = 0; i < count; i++)
        {
            isLegal &= inputs[i] == (i < full ? inputs[0] : TensorType.Whole(1));
        }

        inputs.Require(isLegal, $"{full} whole values of one type and scalars [1]");
        return inputs[0];
    }
}
