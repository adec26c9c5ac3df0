using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>y[i] = x[i] · c. Inputs: a whole value and c [1].</summary>
public sealed record ScaleByNumber : ElementwiseOperator
{
    public override Type Function => typeof(MulFunction);

    public override SlotAccess Access(int input) => input == 0 ? SlotAccess.Full : SlotAccess.Uniform;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(!inputs[0].HasSamples && inputs[1] == TensorType.Whole(1), "a whole value and a number [1]");
        return inputs[0];
    }
}
