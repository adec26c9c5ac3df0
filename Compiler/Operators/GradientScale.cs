using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>limit / sqrt(s) where sqrt(s) is above the limit, else 1: clipping by the global norm. Inputs: the sum of squares s [1] and the limit [1].</summary>
public sealed record ClipScale : ElementwiseOperator
{
    public override Type Function => typeof(ClipScaleFunction);

    public override TensorType Infer(OperatorInputs inputs) => ScalarPair.Of(inputs, "a sum of squares [1] and a limit [1]");
}

/// <summary>sqrt(w) / sqrt(r), 1 where one of them is 0. Inputs: the sums of squares of a parameter and of its direction, [1] each.</summary>
public sealed record TrustRatio : ElementwiseOperator
{
    public override Type Function => typeof(TrustRatioFunction);

    public override TensorType Infer(OperatorInputs inputs) => ScalarPair.Of(inputs, "two sums of squares [1]");
}

internal static class ScalarPair
{
    public static TensorType Of(OperatorInputs inputs, string expected)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[0] == TensorType.Whole(1) && inputs[1] == inputs[0], expected);
        return inputs[0];
    }
}
