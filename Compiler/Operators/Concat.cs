using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Operators;

/// <summary>The columns of all inputs, one after the other: samples [B, N0], [B, N1], ... to samples [B, N0 + N1 + ...].</summary>
public sealed record Concat : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.Require(inputs.Types.Count > 0, "at least one input");
        int columns = 0;
        foreach (TensorType type in inputs.Types)
        {
            inputs.Require(
                type.Rank == 2 && type.HasSamples && type.Shape[0] == inputs[0].Shape[0] && type.Element == inputs[0].Element,
                "samples [B, N] of one batch and one element type");
            columns = checked(columns + type.Shape[1]);
        }

        return inputs[0] with { Shape = [inputs[0].Shape[0], columns] };
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        int begin = 0;
        foreach (ValueId input in node.Inputs)
        {
            int count = scope.Builder[input].Shape[1];
            scope.Add(input, scope.Builder.Apply(ColumnMap.Slice(begin, count), gradient));
            begin += count;
        }
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);
}
