using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Onnx.Import;

namespace RduEmu.Compiler.Operators.Layout;

/// <summary>Whole values one after the other along an axis.</summary>
/// <param name="Axis">The axis, from 0.</param>
public sealed record Join(int Axis) : Operator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } = [new("Concat", 4, OnnxTypes.All, FromOnnx) { HasGradient = true }];

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.Require(inputs.Types.Count > 0, "at least one input");
        int[] shape = [.. inputs[0].Shape];
        inputs.Require(Axis >= 0 && Axis < shape.Length, $"values with an axis {Axis}");
        shape[Axis] = 0;
        foreach (TensorType type in inputs.Types)
        {
            inputs.Require(
                !type.HasSamples && type.Element == inputs[0].Element && type.Rank == shape.Length
                    && !type.Shape.Where((extent, axis) => axis != Axis && extent != inputs[0].Shape[axis]).Any(),
                $"whole values of one type that differ along axis {Axis} alone");
            shape[Axis] = checked(shape[Axis] + type.Shape[Axis]);
        }

        return inputs[0] with { Shape = EquatableArray.Create<int>(shape) };
    }

    public override long CountOperations(OperatorInputs inputs) => 0;

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType output = lowering.Graph[node.Output].Type;
        int outer = checked((int)output.Shape.Take(Axis).Aggregate(1L, (count, extent) => count * extent));
        int[] runs = [.. node.Inputs.Select(input => lowering.Graph[input].Type).Select(type => outer == 0 ? 0 : checked((int)(type.CountWords / outer)))];
        lowering.Emit(new JoinStage(node.Name, node.Output, node.Inputs, EquatableArray.Create<int>(runs), outer));
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        int begin = 0;
        foreach (ValueId input in node.Inputs)
        {
            int count = scope.Builder[input].Shape[Axis];
            scope.Add(input, scope.Builder.Apply(Slice.Of(scope.Builder[gradient], Axis, count == 0 ? 0 : begin, count), gradient));
            begin += count;
        }
    }

    /// <summary>A scalar beside vectors counts as a vector of one element: exporters that fold constants leave such models.</summary>
    private static IReadOnlyList<OnnxValue> FromOnnx(OnnxNode node)
    {
        if (node.InputCount == 0)
        {
            throw node.Unsupported("at least one input", "none");
        }

        int rank = Enumerable.Range(0, node.InputCount).Max(i => node.TypeOf(i).Rank);
        int axis = node.Axis(node.Integer("axis", 1), rank);
        ValueId[] inputs = [.. node.Inputs().Select(input => rank == 1 && node.TypeOf(input).Rank == 0 ? node.Reshape(input, 1) : input)];
        return [node.Apply(new Join(axis), inputs)];
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);
}
