using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;

namespace RduEmu.Compiler.Operators;

/// <summary>The columns of all inputs, one after the other: samples [B, ..., N0], [B, ..., N1], ... to samples [B, ..., N0 + N1 + ...].</summary>
public sealed record Concat : Operator
{
    public override bool OnlyMoves => true;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.Require(inputs.Types.Count > 0, "at least one input");
        int columns = 0;
        foreach (TensorType type in inputs.Types)
        {
            inputs.Require(
                type.Rank >= 2 && type.HasSamples && type.WithLastExtent(1) == inputs[0].WithLastExtent(1),
                "samples [B, ..., N] of one batch and one element type");
            columns = checked(columns + type.LastExtent);
        }

        return inputs[0].WithLastExtent(columns);
    }

    /// <summary>Where a sample has one row, what is computed is written straight into its place.</summary>
    public override void Lower(StageLowering lowering, Node node)
    {
        if (lowering.Graph[node.Output].Type.Rank > 2)
        {
            lowering.Emit(new ConcatStage(node.Name, node.Output, node.Inputs));
            return;
        }

        int first = 0;
        foreach (ValueId input in node.Inputs)
        {
            // A computed value can be written straight into its place, once; anything else is copied there.
            if (lowering.CanBePlaced(input))
            {
                lowering.Places.SliceOf(input, node.Output, first);
            }
            else
            {
                lowering.EmitPiece(new CopyStage($"{node.Name}@{first}", node.Output, input, first));
            }

            first += lowering.Graph[input].Type.Shape[1];
        }
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        int begin = 0;
        foreach (ValueId input in node.Inputs)
        {
            int count = scope.Builder[input].LastExtent;
            scope.Add(input, scope.Builder.Apply(ColumnMap.Slice(begin, count), gradient));
            begin += count;
        }
    }

    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => Slices.ByRow(this, inputs, output, region);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);
}
