using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[n] = sum over the rows r of all samples of x[r, n]: leaves of 32 rows in ascending order from +0, combined by the binary
/// trees of <see cref="Kernels.Templates.SampleReduce.SampleTree"/>. The gradient of a bias.
/// </summary>
/// <param name="GroupSamples">Samples of a group, a power of two; 0 for the least that has 32 rows. A model whose samples are sequences takes 1 everywhere.</param>
public sealed record SampleSum(int GroupSamples = 0) : Operator
{
    public override bool ReadsPairs(int input, IReadOnlyList<TensorType> inputs, TensorType output) => inputs[input].HasSamples;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].Rank >= 2 && inputs[0].HasSamples, "samples [B, ..., N]");
        return TensorType.Whole(inputs[0].LastExtent);
    }

    public override int? SampleGroup(IReadOnlyList<TensorType> inputs) => SampleTree.GroupSamples(Sectioning.RowsPerItem(inputs[0]), GroupSamples);

    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) =>
        new(this, [Slices.Columns(inputs[0], inputs[0].Rank - 1, region)]);

    public override void Lower(StageLowering lowering, Node node) => lowering.Emit(new SampleSumStage(node.Name, node.Output, node.Inputs[0], GroupSamples));
}
