using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Lowering;

/// <summary>
/// A softmax over the last axis that is written as its formula, e = exp(x - max x), e / (sum of e), becomes the template for it. Both
/// have the same order, so the bits do not change; what the formula computes on the way must be read by nothing else.
/// </summary>
internal static class SoftmaxPattern
{
    /// <returns>False if the quotient is none of a softmax.</returns>
    public static bool TryLower(StageLowering lowering, Node quotient)
    {
        TensorType type = lowering.Graph[quotient.Output].Type;
        if (!lowering.Fuses || type.Element != ElementType.Float32 || type.Rank == 0 || type.CountElements == 0)
        {
            return false;
        }

        ValueId powers = quotient.Inputs[0];
        if (lowering.Producer(powers) is not { Operator: Exponential } power || lowering.CountUses(powers) != 2
            || Reduced(lowering, quotient.Inputs[1], ReduceKind.Sum) is not { } sum || sum.Inputs[0] != powers
            || lowering.Producer(power.Inputs[0]) is not { Operator: Subtract } difference || lowering.CountUses(difference.Output) != 1
            || Reduced(lowering, difference.Inputs[1], ReduceKind.Max) is not { } most || most.Inputs[0] != difference.Inputs[0])
        {
            return false;
        }

        ValueId x = difference.Inputs[0];
        ValueId[] stages = [most.Output, powers, sum.Output];
        if (lowering.Graph[x].Type != type || !stages.All(lowering.HasStage))
        {
            return false;
        }

        foreach (ValueId value in stages)
        {
            lowering.Remove(value);
        }

        lowering.Emit(new SoftmaxStage($"{quotient.Name}.softmax", quotient.Output, x, Scale: 1f, Mask: null, Whole: !type.HasSamples));
        return true;
    }

    /// <summary>The reduction over the last axis of which this value is the result, perhaps in another shape; nothing else may read it.</summary>
    private static Node? Reduced(StageLowering lowering, ValueId value, ReduceKind kind)
    {
        Node? node = lowering.CountUses(value) == 1 ? lowering.Producer(value) : null;
        if (node?.Operator is Reshape && lowering.CountUses(node.Inputs[0]) == 1)
        {
            node = lowering.Producer(node.Inputs[0]);
        }

        return node?.Operator is Reduce reduce && reduce.Kind == kind && reduce.Axes.Count == 1
            && reduce.Axes[0] == lowering.Graph[node.Inputs[0]].Type.Rank - 1 && IsLastAxis(lowering, node, value)
            ? node : null;
    }

    /// <summary>True if the reduced value broadcasts along the last axis, with its other axes where they were.</summary>
    private static bool IsLastAxis(StageLowering lowering, Node reduce, ValueId value)
    {
        int[] input = [.. lowering.Graph[reduce.Inputs[0]].Type.Shape];
        int[] shape = [.. lowering.Graph[value].Type.Shape];
        int[] expected = [.. input.Take(input.Length - 1), 1];
        int missing = expected.Length - shape.Length;
        return missing >= 0 && expected.Take(missing).All(extent => extent == 1) && expected.Skip(missing).SequenceEqual(shape);
    }
}
