using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Kernels.Templates.Window;

namespace RduEmu.Compiler.Operators;

/// <summary>A way of resampling images along both axes.</summary>
public enum ResampleKind
{
    /// <summary>Each pixel <c>First</c> times.</summary>
    Nearest,

    /// <summary>Bilinear, <c>First</c> times as large, corners aligned.</summary>
    BilinearAligned,

    /// <summary>Bilinear, <c>First</c> times as large, pixels as areas.</summary>
    Bilinear,

    /// <summary>The mean of windows of <c>First</c>, side by side.</summary>
    Mean,

    /// <summary>What is left after <c>First</c> pixels at the begin and <c>Last</c> at the end have been cut off.</summary>
    Crop,
}

/// <summary>
/// Linear resampling of images, samples [B, H, W, C] to samples [B, H', W', C]; both axes alike. Order and weights:
/// <see cref="ResampleUnit"/> and <see cref="ResampleAxis"/>.
/// </summary>
public sealed record Resample(ResampleKind Kind, int First, int Last = 0) : Operator
{
    public override bool OnlyMoves => Kind is ResampleKind.Nearest or ResampleKind.Crop;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        ConvolutionShape.RequireImage(inputs, 0);
        TensorType x = inputs[0];
        int least = Math.Min(x.Shape[1], x.Shape[2]);
        bool isLegal = Kind switch
        {
            ResampleKind.Crop => First >= 0 && Last >= 0 && First + Last < least,
            ResampleKind.Mean => First > 0 && First <= least,
            _ => First > 0 && least > 0,
        };
        inputs.Require(isLegal, $"images that {this} fits");
        return TensorType.Samples(x.Shape[0], AxisOf(x.Shape[1]).Result, AxisOf(x.Shape[2]).Result, x.Shape[3]);
    }

    public override long CountOperations(OperatorInputs inputs) => ResampleGradient.Count(inputs[0], AxisOf(inputs[0].Shape[1]), AxisOf(inputs[0].Shape[2]));

    /// <summary>Pixels that are repeated, or whole windows of a mean: tiles of rows whose sources are whole rows of their own.</summary>
    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region)
    {
        bool repeats = Kind == ResampleKind.Nearest && region.Begin[1] % First == 0 && region.Extent[1] % First == 0;
        if (!ImageRows.HasWholeRows(region, output) || !(repeats || Kind == ResampleKind.Mean))
        {
            return base.SliceOf(inputs, output, region);
        }

        (int begin, int count) = repeats ? (region.Begin[1] / First, region.Extent[1] / First) : (region.Begin[1] * First, region.Extent[1] * First);
        return new SliceRule(this, [Slices.Columns(ImageRows.Of(inputs[0], region, begin, count), region)]);
    }

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType x = lowering.Graph[node.Inputs[0]].Type;
        lowering.Emit(new ResampleStage(node.Name, node.Output, node.Inputs[0], this, x.Shape[1], x.Shape[2], Transposed: false));
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        TensorType x = scope.Builder[node.Inputs[0]];
        scope.Add(node.Inputs[0], scope.Builder.Apply(new ResampleGradient(this, x.Shape[1], x.Shape[2]), gradient));
    }

    /// <summary>The table of one axis.</summary>
    public ResampleAxis AxisOf(int extent) => Kind switch
    {
        ResampleKind.Nearest => ResampleAxis.Nearest(extent, First),
        ResampleKind.BilinearAligned => ResampleAxis.Linear(extent, extent * First, alignCorners: true),
        ResampleKind.Bilinear => ResampleAxis.Linear(extent, extent * First, alignCorners: false),
        ResampleKind.Mean => ResampleAxis.Mean(Kernels.Templates.Convolve.ConvolveAxis.Forward(extent, First, First, 1, 0, 0)),
        _ => ResampleAxis.Crop(extent, First, extent - First - Last),
    };
}

/// <summary>The gradient of a <see cref="Resample"/>: the same template with both tables turned round. Samples [B, H', W', C] to [B, Height, Width, C].</summary>
/// <param name="Of">What is differentiated.</param>
/// <param name="Height">Rows of its input.</param>
/// <param name="Width">Columns of its input.</param>
public sealed record ResampleGradient(Resample Of, int Height, int Width) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        ConvolutionShape.RequireImage(inputs, 0);
        TensorType x = TensorType.Samples(inputs[0].Shape[0], Height, Width, inputs[0].Shape[3]);
        TensorType result = Of.Infer(inputs with { Types = [x] });
        inputs.Require(inputs[0] == result, $"a gradient {result}");
        return x;
    }

    public override long CountOperations(OperatorInputs inputs) => Count(inputs[0], Of.AxisOf(Height).Transpose(), Of.AxisOf(Width).Transpose());

    /// <inheritdoc cref="Resample.SliceOf"/>
    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region)
    {
        bool gathers = Of.Kind == ResampleKind.Nearest;
        bool repeats = Of.Kind == ResampleKind.Mean && Height % Of.First == 0 && region.Begin[1] % Of.First == 0 && region.Extent[1] % Of.First == 0;
        if (!ImageRows.HasWholeRows(region, output) || !(gathers || repeats))
        {
            return base.SliceOf(inputs, output, region);
        }

        (int begin, int count) = gathers
            ? (region.Begin[1] * Of.First, region.Extent[1] * Of.First) : (region.Begin[1] / Of.First, region.Extent[1] / Of.First);
        return new SliceRule(this with { Height = region.Extent[1] }, [Slices.Columns(ImageRows.Of(inputs[0], region, begin, count), region)]);
    }

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new ResampleStage(node.Name, node.Output, node.Inputs[0], Of, Height, Width, Transposed: true));

    internal static long Count(TensorType x, ResampleAxis rows, ResampleAxis columns) =>
        2L * x.Shape[0] * x.Shape[3] * rows.CountEntries * (columns.CountEntries + columns.Result);
}
