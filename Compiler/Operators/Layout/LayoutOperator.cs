using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Kernels.Templates.Layout;

namespace RduEmu.Compiler.Operators.Layout;

/// <summary>An operator that moves the elements of one whole value and computes nothing: a strided view of it, made dense.</summary>
public abstract record LayoutOperator : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(!inputs[0].HasSamples, "a whole value");
        return inputs[0] with { Shape = EquatableArray.Create<int>(ShapeOf(inputs)) };
    }

    /// <summary>The shape of the output.</summary>
    /// <exception cref="Kernels.Errors.RduException">RDU0401: the operator does not fit the input.</exception>
    protected abstract int[] ShapeOf(OperatorInputs inputs);

    /// <summary>Where each element comes from; the axes need not be the output's, only their product.</summary>
    protected abstract StridedView ViewOf(TensorType input);

    public override long CountOperations(OperatorInputs inputs) => 0;

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType input = lowering.Graph[node.Inputs[0]].Type;
        lowering.Emit(new StridedCopyStage(node.Name, node.Output, node.Inputs[0], ViewOf(input).Simplify()));
    }

    /// <summary>Elements from one index of an axis to the next, in a dense value.</summary>
    protected static long[] StridesOf(IReadOnlyList<int> shape)
    {
        var strides = new long[shape.Count];
        long stride = 1;
        for (int axis = shape.Count - 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride *= Math.Max(1, shape[axis]);
        }

        return strides;
    }

    /// <summary>A view all of whose elements lie in the input.</summary>
    protected static StridedView Inside(TensorType input, IReadOnlyList<int> extents, IEnumerable<long> strides, long offset = 0) =>
        new([.. extents], [.. strides], [.. new int[extents.Count]], [.. extents], offset, 0, input.Element.WordsPerElement());

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);
}
