using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[i] = x[offset + sum over j of factor[:, j] · i_j]: each axis of x at a sum of indices. Transposes, windows, diagonals, slices.
/// </summary>
/// <param name="Shape">Extents of the indices.</param>
/// <param name="Factors">For each axis of x the factor of each index, row-major.</param>
/// <param name="Offsets">For each axis of x.</param>
public sealed record IndexView(EquatableArray<int> Shape, EquatableArray<int> Factors, EquatableArray<int> Offsets) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(Math.Max(Shape.Count, inputs[0].Rank) < BroadcastShape.MaximumRank, $"ranks below {BroadcastShape.MaximumRank}");
        inputs.Require(!inputs[0].HasSamples && inputs[0].Rank == Offsets.Count && Factors.Count == Shape.Count * Offsets.Count, $"a whole value of rank {Offsets.Count}");
        for (int axis = 0; axis < Offsets.Count && !Shape.Contains(0); axis++)
        {
            long least = Offsets[axis];
            long most = least;
            for (int index = 0; index < Shape.Count; index++)
            {
                long reach = (long)Factors[axis * Shape.Count + index] * (Shape[index] - 1);
                least += Math.Min(0, reach);
                most += Math.Max(0, reach);
            }

            inputs.Require(least >= 0 && most < inputs[0].Shape[axis], $"positions within axis {axis}", $"{least} to {most} of {inputs[0]}");
        }

        return inputs[0] with { Shape = Shape };
    }

    public override long CountOperations(OperatorInputs inputs) => 0;

    public override void Lower(StageLowering lowering, Node node) => lowering.Emit(new IndexViewStage(node.Name, node.Output, node.Inputs[0], this));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        scope.Add(node.Inputs[0], scope.Builder.Apply(new IndexViewGradient(scope.Builder[node.Inputs[0]], this), gradient));

    /// <summary>Words along x for one step of an index.</summary>
    internal int[] StridesOf(ReadOnlySpan<int> own)
    {
        var strides = new int[Shape.Count];
        for (int index = 0; index < strides.Length; index++)
        {
            for (int axis = 0; axis < own.Length; axis++)
            {
                strides[index] += checked(Factors[axis * Shape.Count + index] * own[axis]);
            }
        }

        return strides;
    }

    internal long OffsetOf(ReadOnlySpan<int> own)
    {
        long offset = 0;
        for (int axis = 0; axis < own.Length; axis++)
        {
            offset += (long)Offsets[axis] * own[axis];
        }

        return offset;
    }

    /// <summary>True if no two steps of the index meet at one element: it is alone in an axis.</summary>
    internal bool IsAlone(int index) => Enumerable.Range(0, Offsets.Count).Any(axis =>
        Enumerable.Range(0, Shape.Count).All(other => (Factors[axis * Shape.Count + other] != 0) == (other == index)));
}

/// <summary>Zeros of x's type with the elements of dy added where the view took them from, in ascending order of their index.</summary>
public sealed record IndexViewGradient(TensorType Input, IndexView View) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].Shape == View.Shape && inputs[0].Element == Input.Element, $"a gradient of {View.Shape}");
        return Input;
    }

    public override long CountOperations(OperatorInputs inputs) => inputs[0].CountElements;

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new IndexViewGradientStage(node.Name, node.Output, node.Inputs[0], View));
}
