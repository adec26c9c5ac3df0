using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// b' = fma(momentum, b, g): the velocity of gradient descent with momentum, by which the parameter then moves. Inputs: b and the gradient g, of
/// one type; momentum [1].
/// </summary>
public sealed record MomentumVelocity : ElementwiseOperator
{
    public override Type Function => typeof(FmaFunction);

    public override SlotAccess Access(int input) => input < 2 ? SlotAccess.Full : SlotAccess.Uniform;

    public override ProgramTree Program(IReadOnlyList<ProgramTree> inputs) => new ProgramTree.Call3(Function, inputs[2], inputs[0], inputs[1]);

    public override TensorType Infer(OperatorInputs inputs) => RmsPropVelocity.Check(inputs, 2, 3);
}
