using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>w - rate · g, as one FMA: inputs are the parameter, its gradient and the rate [1].</summary>
public sealed record SgdStep : ElementwiseOperator
{
    public override Type Function => typeof(SgdFunction);

    public override SlotAccess Access(int input) => input == 2 ? SlotAccess.Uniform : SlotAccess.Full;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(3);
        inputs.Require(
            inputs[0] == inputs[1] && !inputs[0].HasSamples && inputs[2] == TensorType.Whole(1), "a parameter, its gradient and a rate [1]");
        return inputs[0];
    }

    /// <summary>A table's step is sparse where nobody else reads its gradient.</summary>
    public override void Lower(StageLowering lowering, Node node)
    {
        if (!lowering.TryEmitSparseStep(node))
        {
            base.Lower(lowering, node);
        }
    }
}
