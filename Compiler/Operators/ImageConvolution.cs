using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Templates.Convolve;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[b, i, j, o] = sum over taps (t, u) and channels c of the group of x[b, i · stride + t · dilation - top, ..., c] · w[o, t, u, c]; taps
/// outside the image are skipped. Inputs: samples [B, H, W, C] and a filter [O, Kh, Kw, C / Groups]; output: samples [B, H', W', O].
/// Order: <see cref="ConvolveUnit{TEpilogue}"/>.
/// </summary>
public sealed record ImageConvolution(ConvolutionWindow Window, int Groups = 1) : Operator
{
    public override int? PackedInput => 1;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        ConvolutionShape.RequireImage(inputs, 0);
        ConvolveGeometry g = ConvolutionShape.Of(inputs, this, inputs[0].Shape[1], inputs[0].Shape[2], inputs[1]);
        inputs.Require(inputs[0].LastExtent == g.SourceChannels, $"samples [B, H, W, {g.SourceChannels}]");
        return TensorType.Samples(inputs[0].Shape[0], g.Height.Result, g.Width.Result, g.ResultChannels);
    }

    public override long CountOperations(OperatorInputs inputs) =>
        inputs[0].Shape[0] * ConvolutionShape.Of(inputs, this, inputs[0].Shape[1], inputs[0].Shape[2], inputs[1]).Operations;

    /// <summary>A product of pixels by filters for each group.</summary>
    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        ConvolveGeometry g = ConvolutionShape.Of(this, inputs[0].Shape[1], inputs[0].Shape[2], inputs[1]);
        return OperatorProfile.Systolic(new GemmShape(Groups, (long)inputs[0].Shape[0] * g.ResultPixels, g.ResultChannelsPerGroup, g.Depth));
    }

    /// <summary>A tile of rows reads a halo of its neighbours'; result channels are filters. The sum over taps and channels is never cut.</summary>
    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) =>
        ImageRows.HasWholeRows(region, output) && (Groups == 1 || region.HasAll(output, 3))
            && ImageRows.Read(Window, inputs[1].Shape[1], inputs[0].Shape[1], region.Begin[1], region.Extent[1]) is var (begin, count, window)
                ? new(this with { Window = window }, [ImageRows.Of(inputs[0], region, begin, count), Groups == 1 ? Slices.Columns(inputs[1], 0, region) : Region.Of(inputs[1])])
                : base.SliceOf(inputs, output, region);

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType x = lowering.Graph[node.Inputs[0]].Type;
        ConvolveGeometry g = ConvolutionShape.Of(this, x.Shape[1], x.Shape[2], lowering.Graph[node.Inputs[1]].Type);
        lowering.Emit(new ConvolveStage(node.Name, node.Output, node.Inputs[0], lowering.WeightOf(node.Inputs[1]), g, Transposed: false, FusedProgram.Identity));
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        TensorType x = scope.Builder[node.Inputs[0]];
        TensorType filter = scope.Builder[node.Inputs[1]];
        if (scope.IsNeeded(node.Inputs[0]))
        {
            var back = new ImageConvolutionTransposed(Window, x.Shape[1], x.Shape[2], Groups);
            scope.Add(node.Inputs[0], scope.Builder.Apply(back, gradient, node.Inputs[1]));
        }

        if (scope.IsNeeded(node.Inputs[1]))
        {
            var byFilter = new ImageFilterGradient(Window, filter.Shape[1], filter.Shape[2], Groups);
            scope.Add(node.Inputs[1], scope.Builder.Apply(byFilter, gradient, node.Inputs[0]));
        }
    }
}

/// <summary>
/// The gradient of a <see cref="ImageConvolution"/> by its input, and a layer of its own: x[b, h, w, c] = sum over taps and filters of
/// y[b, i, j, o] · w[o, t, u, c] where (i, j, t, u) reads (h, w). Inputs: samples [B, H', W', O] and a filter [O, Kh, Kw, C / Groups];
/// output: samples [B, Height, Width, C]. Order: that of a convolution with the filter turned round.
/// </summary>
/// <param name="Window">Of the convolution that it turns round.</param>
/// <param name="Height">Rows of the output.</param>
/// <param name="Width">Columns of the output.</param>
/// <param name="Groups">Of the convolution.</param>
public sealed record ImageConvolutionTransposed(ConvolutionWindow Window, int Height, int Width, int Groups = 1) : Operator
{
    public override int? PackedInput => 1;

    private ImageConvolution Forward => new(Window, Groups);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        ConvolutionShape.RequireImage(inputs, 0);
        ConvolveGeometry g = ConvolutionShape.Of(inputs, Forward, Height, Width, inputs[1]);
        inputs.Require(
            inputs[0].Shape[1] == g.Height.Result && inputs[0].Shape[2] == g.Width.Result && inputs[0].LastExtent == g.ResultChannels,
            $"samples [B, {g.Height.Result}, {g.Width.Result}, {g.ResultChannels}]");
        return TensorType.Samples(inputs[0].Shape[0], Height, Width, g.SourceChannels);
    }

    public override long CountOperations(OperatorInputs inputs) =>
        inputs[0].Shape[0] * ConvolutionShape.Of(inputs, Forward, Height, Width, inputs[1]).Operations;

    /// <summary>A product of the pixels of y by filters, all taps at once, for each group.</summary>
    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        ConvolveGeometry g = ConvolutionShape.Of(Forward, Height, Width, inputs[1]);
        return OperatorProfile.Systolic(new GemmShape(Groups, (long)inputs[0].Shape[0] * g.ResultPixels, g.Depth, g.ResultChannelsPerGroup));
    }

    /// <inheritdoc cref="ImageConvolution.SliceOf"/>
    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) =>
        ImageRows.HasWholeRows(region, output) && (Groups == 1 || region.HasAll(output, 3))
            && ImageRows.ReadBy(Window, inputs[1].Shape[1], inputs[0].Shape[1], region.Begin[1], region.Extent[1]) is var (begin, count, window)
                ? new(
                    this with { Window = window, Height = region.Extent[1] },
                    [ImageRows.Of(inputs[0], region, begin, count), Groups == 1 ? Slices.Columns(inputs[1], 3, region) : Region.Of(inputs[1])])
                : base.SliceOf(inputs, output, region);

    public override void Lower(StageLowering lowering, Node node)
    {
        ConvolveGeometry g = ConvolutionShape.Of(Forward, Height, Width, lowering.Graph[node.Inputs[1]].Type).ToGradient();
        lowering.Emit(new ConvolveStage(node.Name, node.Output, node.Inputs[0], lowering.WeightOf(node.Inputs[1]), g, Transposed: true, FusedProgram.Identity));
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        TensorType filter = scope.Builder[node.Inputs[1]];
        if (scope.IsNeeded(node.Inputs[0]))
        {
            scope.Add(node.Inputs[0], scope.Builder.Apply(Forward, gradient, node.Inputs[1]));
        }

        if (scope.IsNeeded(node.Inputs[1]))
        {
            var byFilter = new ImageFilterGradient(Window, filter.Shape[1], filter.Shape[2], Groups);
            scope.Add(node.Inputs[1], scope.Builder.Apply(byFilter, node.Inputs[0], gradient));
        }
    }
}

/// <summary>
/// dw[o, t, u, c] = sum over images and pixels (i, j) of dy[b, i, j, o] · x[b, ..., c] at the pixel that tap (t, u) reads. Inputs: samples
/// dy [B, H', W', O] and x [B, H, W, C]; output: a filter [O, TapRows, TapColumns, C / Groups]. Order: <see cref="SampleConvolveUnit"/>.
/// A third input, of the output's shape, is a total that it continues: dy and x are then a tile of one image, and the total that of the tiles
/// before.
/// </summary>
public sealed record ImageFilterGradient(ConvolutionWindow Window, int TapRows, int TapColumns, int Groups = 1) : Operator
{
    public override bool ReadsPairs(int input, IReadOnlyList<TensorType> inputs, TensorType output) => Groups == 1;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.Require(inputs.Types.Count is 2 or 3, "2 or 3 inputs", $"{inputs.Types.Count}");
        ConvolutionShape.RequireImage(inputs, 0);
        ConvolutionShape.RequireImage(inputs, 1);
        inputs.Require(Groups > 0 && inputs[1].LastExtent % Groups == 0, $"channels in {Groups} groups");
        TensorType filter = FilterOf(inputs[0], inputs[1]);
        ConvolveGeometry g = ConvolutionShape.Of(inputs, new ImageConvolution(Window, Groups), inputs[1].Shape[1], inputs[1].Shape[2], filter);
        inputs.Require(
            inputs[0].Shape[0] == inputs[1].Shape[0] && inputs[0].Shape[1] == g.Height.Result && inputs[0].Shape[2] == g.Width.Result,
            $"samples [B, {g.Height.Result}, {g.Width.Result}, O] and [B, H, W, C]");
        inputs.Require(inputs.Types.Count == 2 || (inputs[2] == filter && inputs[0].Shape[0] == 1), $"a total {filter} and one image");
        return filter;
    }

    public override long CountOperations(OperatorInputs inputs) => inputs[0].Shape[0] * GeometryOf(inputs[0], inputs[1]).Operations;

    /// <summary>A product of filters by taps, summed over all pixels, for each group.</summary>
    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        ConvolveGeometry g = GeometryOf(inputs[0], inputs[1]);
        return OperatorProfile.Systolic(new GemmShape(Groups, g.ResultChannelsPerGroup, g.Depth, (long)inputs[0].Shape[0] * g.ResultPixels));
    }

    public override int? SampleGroup(IReadOnlyList<TensorType> inputs) => SampleTree.GroupSamples(Sectioning.RowsPerItem(inputs[0]));

    public override SumRule? Shares(OperatorInputs inputs) => new(this, [0, 1], ShareOrder.Continued);

    public override SliceRule? Share(OperatorInputs inputs, Region rows) =>
        ImageRows.Read(Window, TapRows, inputs[1].Shape[1], rows.Begin[1], rows.Extent[1]) is var (begin, count, window)
            ? new(this with { Window = window }, [rows, ImageRows.Of(inputs[1], rows, begin, count)])
            : null;

    /// <summary>Filters are channels of dy, their channels those of x.</summary>
    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) =>
        Groups == 1 && region.HasAll(output, 1) && region.HasAll(output, 2)
            ? new(this, [Region.Of(inputs[0]).With(3, region.Begin[0], region.Extent[0]), Slices.Columns(inputs[1], 3, region)])
            : null;

    public override void Lower(StageLowering lowering, Node node)
    {
        ConvolveGeometry g = GeometryOf(lowering.Graph[node.Inputs[0]].Type, lowering.Graph[node.Inputs[1]].Type);
        lowering.Emit(new SampleConvolveStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], g, node.OptionalInput(2)));
    }

    private TensorType FilterOf(TensorType dy, TensorType x) => TensorType.Whole(dy.LastExtent, TapRows, TapColumns, x.LastExtent / Groups);

    private ConvolveGeometry GeometryOf(TensorType dy, TensorType x) =>
        ConvolutionShape.Of(new ImageConvolution(Window, Groups), x.Shape[1], x.Shape[2], FilterOf(dy, x));
}

/// <summary>What the operators over images ask of their inputs.</summary>
internal static class ConvolutionShape
{
    public static void RequireImage(OperatorInputs inputs, int index) => inputs.Require(
        inputs[index].Rank == 4 && inputs[index].HasSamples && inputs[index].Element == ElementType.Float32, "images, samples [B, H, W, C]");

    /// <summary>The geometry of a convolution, checked.</summary>
    public static ConvolveGeometry Of(OperatorInputs inputs, ImageConvolution convolution, int height, int width, TensorType filter)
    {
        inputs.Require(filter.Rank == 4 && !filter.HasSamples, "a filter [O, Kh, Kw, C]");
        inputs.Require(
            convolution.Window.IsLegal && convolution.Groups > 0 && filter.Shape[0] % convolution.Groups == 0,
            $"strides and dilations of at least 1, paddings of at least 0 and filters in {convolution.Groups} groups");
        ConvolveGeometry g = Of(convolution, height, width, filter);
        inputs.Require(g.Height.Result > 0 && g.Width.Result > 0, "an image that the filter fits into", $"{height}x{width}");
        return g;
    }

    public static ConvolveGeometry Of(ImageConvolution convolution, int height, int width, TensorType filter) => new(
        convolution.Window.Height(height, filter.Shape[1]), convolution.Window.Width(width, filter.Shape[2]),
        filter.Shape[3] * convolution.Groups, filter.Shape[0], convolution.Groups);
}
