using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[b, ..., n] = sum over k of x[b, ..., k] · w[n, k]: chunks of 256 in k, an FMA chain from +0 in each, added left to right.
/// Inputs: samples [B, ..., K] and a weight [N, K], or of more axes whose product is K; output: samples [B, ..., N].
/// </summary>
/// <param name="GroupSamples">Samples of a group in the gradient of the weight; see <see cref="SampleSum"/>.</param>
public sealed record Linear(int GroupSamples = 0) : Operator
{
    public override int? PackedInput => 1;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Rank >= 2 && inputs[0].HasSamples && inputs[1].Rank >= 2 && !inputs[1].HasSamples
                && inputs[0].LastExtent == Sectioning.MatrixOf(inputs[1]).Columns,
            "samples [B, ..., K] and a weight [N, K]");
        return inputs[0].WithLastExtent(inputs[1].Shape[0]);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        long n = output.Shape[^1];
        long m = output.CountElements / Math.Max(1, n);
        return OperatorProfile.Systolic(new GemmShape(1, m, n, inputs[0].CountElements / Math.Max(1, m)));
    }

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new ContractStage(node.Name, node.Output, node.Inputs[0], lowering.WeightOf(node.Inputs[1]), Transposed: false, FusedProgram.Identity));

    /// <summary>Columns of y are rows of w; the sum over k is never cut.</summary>
    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) =>
        new(this, [Slices.Rows(inputs[0], region), Slices.Columns(inputs[1], 0, region)]);

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        if (scope.IsNeeded(node.Inputs[0]))
        {
            scope.Add(node.Inputs[0], scope.Builder.Apply(new LinearInputGradient(), gradient, node.Inputs[1]));
        }

        if (scope.IsNeeded(node.Inputs[1]))
        {
            scope.Add(node.Inputs[1], scope.Builder.Apply(new LinearWeightGradient(GroupSamples), gradient, node.Inputs[0]));
        }
    }
}

/// <summary>
/// dx[b, ..., k] = sum over n of dy[b, ..., n] · w[n, k], in the order of <see cref="Linear"/> with n in the place of k.
/// </summary>
public sealed record LinearInputGradient : Operator
{
    public override int? PackedInput => 1;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Rank >= 2 && inputs[0].HasSamples && inputs[1].Rank >= 2 && !inputs[1].HasSamples
                && inputs[0].LastExtent == inputs[1].Shape[0],
            "samples [B, ..., N] and a weight [N, K]");
        return inputs[0].WithLastExtent(Sectioning.MatrixOf(inputs[1]).Columns);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        long k = output.Shape[^1];
        long m = output.CountElements / Math.Max(1, k);
        return OperatorProfile.Systolic(new GemmShape(1, m, k, inputs[0].CountElements / Math.Max(1, m)));
    }

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new ContractStage(node.Name, node.Output, node.Inputs[0], lowering.WeightOf(node.Inputs[1]), Transposed: true, FusedProgram.Identity));

    /// <summary>As a layer of its own, y = x · w with a weight [K, N]: the roles of input and output are those of <see cref="Linear"/> turned round.</summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        if (scope.IsNeeded(node.Inputs[0]))
        {
            scope.Add(node.Inputs[0], scope.Builder.Apply(new Linear(), gradient, node.Inputs[1]));
        }

        if (scope.IsNeeded(node.Inputs[1]))
        {
            scope.Add(node.Inputs[1], scope.Builder.Apply(new LinearWeightGradient(), node.Inputs[0], gradient));
        }
    }

    /// <summary>Columns of dx are columns of w; the sum over n is never cut.</summary>
    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => inputs[1].Rank == 2
        ? new(this, [Slices.Rows(inputs[0], region), Slices.Columns(inputs[1], 1, region)])
        : base.SliceOf(inputs, output, region);
}

/// <summary>
/// dw[n, k] = sum over the rows r of all samples of dy[r, n] · x[r, k]: an FMA chain from +0 over the 32 rows of a leaf, leaves
/// combined by the binary trees of <see cref="Kernels.Templates.SampleReduce.SampleTree"/>.
/// </summary>
/// <param name="GroupSamples">Samples of a group; see <see cref="SampleSum"/>.</param>
public sealed record LinearWeightGradient(int GroupSamples = 0) : Operator
{
    public override bool ReadsPairs(int input, IReadOnlyList<TensorType> inputs, TensorType output) => inputs[input].HasSamples;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Rank >= 2 && inputs[0].HasSamples && inputs[1].HasSamples
                && inputs[0].WithLastExtent(1) == inputs[1].WithLastExtent(1),
            "samples [B, ..., N] and samples [B, ..., K]");
        return TensorType.Whole(inputs[0].LastExtent, inputs[1].LastExtent);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        long n = output.Shape[0];
        return OperatorProfile.Systolic(new GemmShape(1, n, output.CountElements / Math.Max(1, n), inputs[0].CountElements / Math.Max(1, n)));
    }

    public override int? SampleGroup(IReadOnlyList<TensorType> inputs) => SampleTree.GroupSamples(Sectioning.RowsPerItem(inputs[0]), GroupSamples);

    /// <summary>Rows of dw are columns of dy, columns of it those of x.</summary>
    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => new(
        this,
        [
            Region.Of(inputs[0]).With(inputs[0].Rank - 1, region.Begin[0], region.Extent[0]),
            Region.Of(inputs[1]).With(inputs[1].Rank - 1, region.Begin[1], region.Extent[1]),
        ]);

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new SampleContractStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], GroupSamples));
}
