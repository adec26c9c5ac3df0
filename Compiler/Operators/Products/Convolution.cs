using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Operators.Layout;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// A convolution over any number of axes, channels first, without padding: y[b, o, p] = sum over taps t and channels c of
/// x[b, c, p · stride + t · dilation] · w[o, c, t]; inputs x [B, C, ...] and w [O, C / groups, taps...]. The sum runs over the taps in row-major
/// order and inside over the channels.
/// </summary>
/// <param name="Strides">For each axis.</param>
/// <param name="Dilations">For each axis.</param>
/// <param name="Flipped">
/// True for the gathering form of a transposed convolution: w is [C, O / groups, taps...] and its taps run backwards.
/// </param>
public sealed record Convolution(EquatableArray<int> Strides, EquatableArray<int> Dilations, int Groups, bool Flipped = false) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        int axes = Strides.Count;
        inputs.Require(inputs[0].Rank == axes + 2 && inputs[1].Rank == axes + 2 && Dilations.Count == axes, $"an image and filters over {axes} axes");
        inputs.Require(inputs[0].Element == inputs[1].Element && inputs[0].Element != ElementType.Bool, "numbers of one type");
        int channels = inputs[0].Shape[1];
        int filterChannels = Flipped ? inputs[1].Shape[0] : checked(inputs[1].Shape[1] * Groups);
        inputs.Require(Groups >= 1 && channels == filterChannels && channels % Groups == 0, $"filters for {channels} channels in {Groups} groups");
        inputs.Require(Flipped || inputs[1].Shape[0] % Groups == 0, $"filters in {Groups} groups");
        var shape = new int[axes + 2];
        shape[0] = inputs[0].Shape[0];
        shape[1] = Flipped ? checked(inputs[1].Shape[1] * Groups) : inputs[1].Shape[0];
        for (int axis = 0; axis < axes; axis++)
        {
            shape[axis + 2] = Windows.Count(inputs, inputs[0].Shape[axis + 2], inputs[1].Shape[axis + 2], Strides[axis], Dilations[axis]);
        }

        return inputs[0] with { Shape = EquatableArray.Create<int>(shape) };
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        long pixels = output.CountElements / Math.Max(1, output.Shape[1]);
        long depth = inputs[1].CountElements / Math.Max(1, Flipped ? inputs[1].Shape[1] : inputs[1].Shape[0]) / (Flipped ? Groups : 1);
        return OperatorProfile.Systolic(new GemmShape(Groups, checked((int)pixels), output.Shape[1] / Groups, checked((int)depth)));
    }

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType x = lowering.Graph[node.Inputs[0]].Type;
        TensorType w = lowering.Graph[node.Inputs[1]].Type;
        TensorType y = lowering.Graph[node.Output].Type;
        int channels = x.Shape[1] / Groups;
        int filters = y.Shape[1] / Groups;
        int filterAxis = Flipped ? 1 : 0;
        int channelAxis = Flipped ? 0 : 1;
        var axes = new ProductAxes(
            [ProductAxis.Of(x.Shape[0], -1, 0, 0), new ProductAxis(Groups, 0, Flipped ? channels : filters, 1, channels, 1, filters)],
            [ProductAxis.Of(filters, filterAxis, -1, 1)],
            EquatableArray.Create<ProductAxis>([.. Strides.Select((stride, axis) => new ProductAxis(y.Shape[axis + 2], -1, 1, axis + 2, stride, axis + 2, 1))]),
            EquatableArray.Create<ProductAxis>(
            [
                .. Dilations.Select((dilation, axis) => new ProductAxis(w.Shape[axis + 2], axis + 2, Flipped ? -1 : 1, axis + 2, dilation, -1, 1)),
                ProductAxis.Of(channels, channelAxis, 1, -1),
            ]));
        lowering.Emit(new ProductStage(node.Name, node.Output, node.Inputs[1], node.Inputs[0], axes, !y.HasSamples));
    }

    /// <summary>
    /// dx is the convolution of the spread and padded dy with the filters in the other direction; dw the sum over images and results of
    /// dy times the pixels that w met.
    /// </summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        GraphBuilder builder = scope.Builder;
        TensorType w = builder[node.Inputs[1]];
        if (scope.IsNeeded(node.Inputs[0]))
        {
            scope.Add(node.Inputs[0], InputGradient(builder, builder[node.Inputs[0]], gradient, node.Inputs[1], this));
        }

        if (scope.IsNeeded(node.Inputs[1]))
        {
            scope.Add(node.Inputs[1], builder.Apply(new ConvolutionFilterGradient(w.Shape, Strides, Dilations, Groups, Flipped), node.Inputs[0], gradient));
        }
    }

    internal static ValueId InputGradient(GraphBuilder builder, TensorType x, ValueId gradient, ValueId filters, Convolution convolution)
    {
        int axes = convolution.Strides.Count;
        ValueId spread = convolution.Strides.All(stride => stride == 1)
            ? gradient
            : builder.Apply(new Spread([1, 1, .. convolution.Strides]), gradient);
        int[] around = [0, 0, .. Enumerable.Range(0, axes).Select(axis => convolution.Dilations[axis] * (builder[filters].Shape[axis + 2] - 1))];

        // Pixels behind the last window have no part in the result.
        int[] behind = [0, 0, .. Enumerable.Range(2, axes).Select(axis => around[axis] + x.Shape[axis] - (builder[spread].Shape[axis] + around[axis]))];
        ValueId padded = builder.Apply(new Pad(EquatableArray.Create<int>(around), EquatableArray.Create<int>(behind), 0), spread);
        int[] ones = [.. Enumerable.Repeat(1, axes)];
        var back = new Convolution(EquatableArray.Create<int>(ones), convolution.Dilations, convolution.Groups, !convolution.Flipped);
        return builder.Apply(back, padded, filters);
    }
}

/// <summary>
/// The gradient of a <see cref="Convolution"/> by its filters, inputs x and dy: dw[o, c, t] = sum over b and p of
/// dy[b, o, p] · x[b, c, p · stride + t · dilation].
/// </summary>
/// <param name="Filters">The shape of the filters.</param>
public sealed record ConvolutionFilterGradient(
    EquatableArray<int> Filters, EquatableArray<int> Strides, EquatableArray<int> Dilations, int Groups, bool Flipped) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(!inputs[0].HasSamples && inputs[0].Element == inputs[1].Element, "whole values of one type");
        return inputs[0] with { Shape = Filters };
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Systolic(new GemmShape(
        1, output.Shape[0], checked((int)(output.CountElements / Math.Max(1, output.Shape[0]))), checked((int)(inputs[1].CountElements / Math.Max(1, inputs[1].Shape[1])))));

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType x = lowering.Graph[node.Inputs[0]].Type;
        TensorType y = lowering.Graph[node.Inputs[1]].Type;
        int channels = x.Shape[1] / Groups;
        int filters = y.Shape[1] / Groups;
        int filterAxis = Flipped ? 1 : 0;
        int channelAxis = Flipped ? 0 : 1;
        var axes = new ProductAxes(
            [new ProductAxis(Groups, 1, filters, 1, channels, 0, Flipped ? channels : filters)],
            [ProductAxis.Of(filters, 1, -1, filterAxis)],
            EquatableArray.Create<ProductAxis>(
            [
                ProductAxis.Of(channels, -1, 1, channelAxis),
                .. Dilations.Select((dilation, axis) => new ProductAxis(Filters[axis + 2], -1, 1, axis + 2, dilation, axis + 2, Flipped ? -1 : 1)),
            ]),
            EquatableArray.Create<ProductAxis>(
            [
                ProductAxis.Of(x.Shape[0], 0, 0, -1),
                .. Strides.Select((stride, axis) => new ProductAxis(y.Shape[axis + 2], axis + 2, 1, axis + 2, stride, -1, 1)),
            ]));
        lowering.Emit(new ProductStage(node.Name, node.Output, node.Inputs[1], node.Inputs[0], axes, Whole: true));
    }
}

/// <summary>The elements with zeros between them: element i of an axis goes to i · step.</summary>
public sealed record Spread(EquatableArray<int> Steps) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].Rank < BroadcastShape.MaximumRank && Steps.Count == inputs[0].Rank && Steps.All(step => step >= 1), "a step for each axis");
        inputs.Require(!inputs[0].HasSamples || Steps[0] == 1, "samples as they are");
        int[] shape = [.. inputs[0].Shape.Select((extent, axis) => extent == 0 ? 0 : checked((extent - 1) * Steps[axis] + 1))];
        return inputs[0] with { Shape = EquatableArray.Create<int>(shape) };
    }

    public override long CountOperations(OperatorInputs inputs) => 0;

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new SpreadStage(node.Name, node.Output, node.Inputs[0], Steps, !lowering.Graph[node.Output].Type.HasSamples));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        TensorType x = scope.Builder[node.Inputs[0]];
        int[] first = new int[x.Rank];
        scope.Add(node.Inputs[0], scope.Builder.Apply(new Slice(EquatableArray.Create<int>(first), x.Shape, Steps), gradient));
    }
}

/// <summary>What operators over windows share.</summary>
internal static class Windows
{
    /// <summary>Windows of so many taps that fit into an axis.</summary>
    public static int Count(OperatorInputs inputs, int extent, int taps, int stride, int dilation)
    {
        inputs.Require(stride >= 1 && dilation >= 1 && taps >= 1, "strides, dilations and taps of at least 1");
        int reach = checked(dilation * (taps - 1) + 1);
        inputs.Require(extent >= reach, $"an axis of at least {reach}", $"{extent}");
        return (extent - reach) / stride + 1;
    }
}
