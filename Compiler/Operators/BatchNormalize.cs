using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[r, c] = fma((x[r, c] - mean[c]) · deviation[c], gamma[c], beta[c]). Inputs: samples [B, ..., C], then whole values [C]: the mean,
/// the reciprocal deviation, gamma and beta; where the statistics are the batch's, the number of rows n [1] too.
/// </summary>
/// <remarks>
/// With the batch's statistics the gradient by x goes through them as well: with xhat = (x - mean) · deviation, dx = gamma · deviation ·
/// (dy - (sum of dy) / n - xhat · ((sum of dy · xhat) / n)) (Ioffe and Szegedy, ICML 2015, section 3). With running ones they are
/// constants: dx = dy · (gamma · deviation).
/// </remarks>
/// <param name="OfBatch">True if mean and deviation are those of x itself.</param>
public sealed record BatchNormalize(bool OfBatch) : ElementwiseOperator
{
    public override Type Function => typeof(FmaFunction);

    public override SlotAccess Access(int input) => input switch
    {
        0 => SlotAccess.Full,
        5 => SlotAccess.Uniform,
        _ => SlotAccess.PerColumn,
    };

    public override ProgramTree Program(IReadOnlyList<ProgramTree> inputs) =>
        new ProgramTree.Call3(Function, Normalized(inputs[0], inputs[1], inputs[2]), inputs[3], inputs[4]);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(OfBatch ? 6 : 5);
        BatchNormalizeShape.Require(inputs, 0, 1, 5);
        inputs.Require(!OfBatch || inputs[5] == TensorType.Whole(1), "a count [1]");
        return inputs[0];
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        (ValueId x, ValueId mean, ValueId deviation, ValueId gamma) = (node.Inputs[0], node.Inputs[1], node.Inputs[2], node.Inputs[3]);
        GraphBuilder builder = scope.Builder;
        ValueId sum = builder.Apply(new SampleSum(), gradient);
        ValueId product = builder.Apply(new NormalizedProductSum(), gradient, x, mean, deviation);
        scope.Add(node.Inputs[4], sum);
        scope.Add(gamma, product);
        if (scope.IsNeeded(x))
        {
            scope.Add(x, OfBatch
                ? builder.Apply(
                    new BatchNormalizeInputGradient(), gradient, x, mean, deviation, gamma,
                    builder.Apply(new DivideByCount(), sum, node.Inputs[5]), builder.Apply(new DivideByCount(), product, node.Inputs[5]))
                : builder.Apply(new ScaleColumns(), gradient, gamma, deviation));
        }
    }

    /// <summary>(x - mean) · deviation.</summary>
    internal static ProgramTree Normalized(ProgramTree x, ProgramTree mean, ProgramTree deviation) =>
        new ProgramTree.Call2(typeof(MulFunction), new ProgramTree.Call2(typeof(SubFunction), x, mean), deviation);
}

/// <summary>
/// y[c] = sum over the rows of all samples of dy[r, c] · ((x[r, c] - mean[c]) · deviation[c]), in the order of <see cref="SampleSum"/>,
/// products rounded: the gradient of gamma. Inputs: samples dy and x [B, ..., C], mean and deviation [C].
/// </summary>
public sealed record NormalizedProductSum : Operator
{
    public override bool ReadsPairs(int input, IReadOnlyList<TensorType> inputs, TensorType output) => inputs[input].HasSamples;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(4);
        BatchNormalizeShape.Require(inputs, 1, 2, 4);
        inputs.Require(inputs[0] == inputs[1], "a gradient of the type of x");
        return inputs[2];
    }

    public override long CountOperations(OperatorInputs inputs) => 4 * inputs[0].CountElements;

    public override int? SampleGroup(IReadOnlyList<TensorType> inputs) => SampleTree.GroupSamples(Sectioning.RowsPerItem(inputs[0]));

    public override void Lower(StageLowering lowering, Node node)
    {
        SlotAccess[] accesses = [SlotAccess.Full, SlotAccess.Full, SlotAccess.PerColumn, SlotAccess.PerColumn];
        ProgramTree[] slots = [.. accesses.Select((access, slot) => new ProgramTree.Input(slot, access))];
        var tree = new ProgramTree.Call2(typeof(MulFunction), slots[0], BatchNormalize.Normalized(slots[1], slots[2], slots[3]));
        lowering.Emit(new SampleProgramStage(
            node.Name, node.Output, node.Inputs[0],
            new FusedProgram(tree, node.Inputs, EquatableArray.Create<int>([.. accesses.Select(access => (int)access)]))));
    }
}

/// <summary>
/// dx = (gamma · deviation) · ((dy - a) - ((x - mean) · deviation) · b), each operation rounded; a and b are the means of dy and of dy · xhat.
/// Inputs: samples dy and x [B, ..., C], then [C]: mean, deviation, gamma, a, b.
/// </summary>
public sealed record BatchNormalizeInputGradient : ElementwiseOperator
{
    public override Type Function => typeof(MulFunction);

    public override SlotAccess Access(int input) => input < 2 ? SlotAccess.Full : SlotAccess.PerColumn;

    public override ProgramTree Program(IReadOnlyList<ProgramTree> inputs)
    {
        ProgramTree centred = new ProgramTree.Call2(typeof(SubFunction), inputs[0], inputs[5]);
        ProgramTree along = new ProgramTree.Call2(typeof(MulFunction), BatchNormalize.Normalized(inputs[1], inputs[2], inputs[3]), inputs[6]);
        ProgramTree scale = new ProgramTree.Call2(typeof(MulFunction), inputs[4], inputs[3]);
        return new ProgramTree.Call2(Function, scale, new ProgramTree.Call2(typeof(SubFunction), centred, along));
    }

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(7);
        BatchNormalizeShape.Require(inputs, 1, 2, 7);
        inputs.Require(inputs[0] == inputs[1], "a gradient of the type of x");
        return inputs[1];
    }
}

/// <summary>y[r, c] = x[r, c] · (a[c] · b[c]). Inputs: samples [B, ..., C], a and b [C].</summary>
public sealed record ScaleColumns : ElementwiseOperator
{
    public override Type Function => typeof(MulFunction);

    public override SlotAccess Access(int input) => input == 0 ? SlotAccess.Full : SlotAccess.PerColumn;

    public override ProgramTree Program(IReadOnlyList<ProgramTree> inputs) =>
        new ProgramTree.Call2(Function, inputs[0], new ProgramTree.Call2(Function, inputs[1], inputs[2]));

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(3);
        BatchNormalizeShape.Require(inputs, 0, 1, 3);
        return inputs[0];
    }
}

/// <summary>y[i] = x[i] / n. Inputs: a whole value and n [1].</summary>
public sealed record DivideByCount : ElementwiseOperator
{
    public override Type Function => typeof(DivFunction);

    public override SlotAccess Access(int input) => input == 0 ? SlotAccess.Full : SlotAccess.Uniform;

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(!inputs[0].HasSamples && inputs[1] == TensorType.Whole(1), "a whole value and a count [1]");
        return inputs[0];
    }
}

internal static class BatchNormalizeShape
{
    /// <summary>Samples [B, ..., C] at one position, and values [C] from one position on.</summary>
    public static void Require(OperatorInputs inputs, int samples, int first, int end)
    {
        TensorType x = inputs[samples];
        inputs.Require(x.Rank >= 2 && x.HasSamples && x.Element == ElementType.Float32, "samples [B, ..., C]");
        for (int i = first; i < end; i++)
        {
            inputs.Require(inputs[i] == TensorType.Whole(x.LastExtent), $"values [{x.LastExtent}]");
        }
    }
}
