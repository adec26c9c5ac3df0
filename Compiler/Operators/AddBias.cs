using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>y[b, ..., n] = x[b, ..., n] + bias[n], rounded once.</summary>
/// <param name="GroupSamples">Samples of a group in the gradient of the bias; see <see cref="SampleSum"/>.</param>
public sealed record AddBias(int GroupSamples = 0) : ElementwiseOperator
{
    public override Type Function => typeof(AddFunction);

    public override SlotAccess Access(int input) => input == 0 ? SlotAccess.Full : SlotAccess.PerColumn;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Rank >= 2 && inputs[0].HasSamples && !inputs[1].HasSamples
                && inputs[1].Rank == 1 && inputs[0].LastExtent == inputs[1].Shape[0],
            "samples [B, ..., N] and a bias [N]");
        return inputs[0];
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        scope.Add(node.Inputs[0], gradient);
        scope.Add(node.Inputs[1], scope.Builder.Apply(new SampleSum(GroupSamples), gradient));
    }
}
