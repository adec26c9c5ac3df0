using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Kernels.Templates.Window;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[b, i, j, c] = the first of the largest x in the window of (i, j); what lies outside does not count. Samples [B, H, W, C] to
/// samples [B, H', W', C].
/// </summary>
public sealed record MaxPool(ConvolutionWindow Window, int TapRows, int TapColumns) : Operator
{
    /// <summary>Square windows side by side.</summary>
    public static MaxPool Of(int extent) => new(ConvolutionWindow.Strided(extent), extent, extent);

    public override bool OnlyMoves => true;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        ConvolutionShape.RequireImage(inputs, 0);
        inputs.Require(
            Window.IsLegal && TapRows > 0 && TapColumns > 0 && Math.Max(Window.Top, Window.Bottom) < TapRows && Math.Max(Window.Left, Window.Right) < TapColumns,
            "a window that reaches into the image");
        WindowGeometry g = GeometryOf(inputs[0]);
        inputs.Require(g.Height.Result > 0 && g.Width.Result > 0, "an image that the window fits into");
        return TensorType.Samples(inputs[0].Shape[0], g.Height.Result, g.Width.Result, g.Channels);
    }

    public override long CountOperations(OperatorInputs inputs)
    {
        WindowGeometry g = GeometryOf(inputs[0]);
        return inputs[0].Shape[0] * g.Height.CountTaps() * g.Width.CountTaps() * g.Channels;
    }

    /// <summary>A tile of rows reads the rows under its windows.</summary>
    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) =>
        ImageRows.HasWholeRows(region, output)
            && ImageRows.Read(Window, TapRows, inputs[0].Shape[1], region.Begin[1], region.Extent[1]) is var (begin, count, window)
                ? new(this with { Window = window }, [Slices.Columns(ImageRows.Of(inputs[0], region, begin, count), region)])
                : base.SliceOf(inputs, output, region);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new MaxPoolStage(node.Name, node.Output, node.Inputs[0], GeometryOf(lowering.Graph[node.Inputs[0]].Type)));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        scope.Add(node.Inputs[0], scope.Builder.Apply(new MaxPoolGradient(this), gradient, node.Inputs[0]));

    internal WindowGeometry GeometryOf(TensorType x) => new(Window.Height(x.Shape[1], TapRows), Window.Width(x.Shape[2], TapColumns), x.Shape[3]);
}

/// <summary>
/// dx[b, h, w, c] = sum over the windows whose first largest x is at (h, w, c) of their dy, in ascending order. Inputs: samples dy
/// [B, H', W', C] and x [B, H, W, C].
/// </summary>
public sealed record MaxPoolGradient(MaxPool Pool) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        TensorType result = Pool.Infer(inputs with { Types = [inputs[1]] });
        inputs.Require(inputs[0] == result, $"a gradient {result}");
        return inputs[1];
    }

    public override long CountOperations(OperatorInputs inputs) => 2 * Pool.CountOperations(inputs with { Types = [inputs[1]] });

    /// <summary>Rows of x that hold all windows which reach into them: windows are not cut.</summary>
    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region)
    {
        if (!ImageRows.HasWholeRows(region, output)
            || ImageRows.ReadBy(Pool.Window, Pool.TapRows, inputs[0].Shape[1], region.Begin[1], region.Extent[1]) is not var (begin, count, window)
            || ImageRows.Read(Pool.Window, Pool.TapRows, inputs[1].Shape[1], begin, count) is not var (first, rows, _)
            || first < region.Begin[1] || first + rows > region.End(1))
        {
            return base.SliceOf(inputs, output, region);
        }

        return new SliceRule(new MaxPoolGradient(Pool with { Window = window }), [Slices.Columns(ImageRows.Of(inputs[0], region, begin, count), region), region]);
    }

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new MaxPoolGradientStage(
            node.Name, node.Output, node.Inputs[0], node.Inputs[1], Pool.GeometryOf(lowering.Graph[node.Inputs[1]].Type)));
}
