using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators.Layout;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// The product of matrices in the last two axes, all axes before them broadcast, as numpy's matmul: a vector as first operand is a
/// row, as second a column, and its axis leaves the result. Integers are summed in 64 bits and wrap; integers of 8 bits give int32.
/// </summary>
/// <param name="TransposeA">True if the first operand's last two axes are [k, m].</param>
/// <param name="TransposeB">True if the second operand's last two axes are [n, k].</param>
public sealed record MatMul(bool TransposeA = false, bool TransposeB = false) : Operator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("MatMul", 1, OnnxTypes.Numbers, node => [node.Apply(new MatMul(), node[0], node[1])]) { HasGradient = true },
        new("Gemm", 7, OnnxTypes.Numbers, Gemm) { HasGradient = true },
        new("MatMulInteger", 10, [ElementType.Int8, ElementType.UInt8], MatMulInteger),
    ];

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        ElementType element = inputs[0].Element;
        bool isSmall = element is ElementType.Int8 or ElementType.UInt8;
        inputs.Require(isSmall ? inputs[1].Element is ElementType.Int8 or ElementType.UInt8 : inputs[1].Element == element && element != ElementType.Bool, "numbers of one type");
        inputs.Require(inputs[0].Rank >= 1 && inputs[1].Rank >= 1, "vectors, matrices or stacks of them");
        inputs.Require(!(TransposeA && inputs[0].Rank == 1) && !(TransposeB && inputs[1].Rank == 1), "a matrix to transpose");
        Extents(inputs[0], inputs[1], out int m, out int depthA, out int depthB, out int n);
        inputs.Require(depthA == depthB, "a last axis of the first that is as long as the second's last but one");
        int[] batch = BatchOf(inputs);
        bool hasSamples = inputs.Types.Any(type => type.HasSamples);
        inputs.Require(
            !hasSamples || (batch.Length > 0 && inputs.Types.All(type => !type.HasSamples || type.Rank == batch.Length + 2)), "samples in a batch axis");
        int[] shape = [.. batch, .. inputs[0].Rank == 1 ? [] : new[] { m }, .. inputs[1].Rank == 1 ? [] : new[] { n }];
        return new TensorType(isSmall ? ElementType.Int32 : element, EquatableArray.Create<int>(shape), hasSamples);
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        Extents(inputs[0], inputs[1], out int m, out int depth, out _, out int n);
        return OperatorProfile.Systolic(new GemmShape(BatchOf(inputs).Aggregate(1, (product, extent) => product * extent), m, n, depth));
    }

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType a = lowering.Graph[node.Inputs[0]].Type;
        TensorType b = lowering.Graph[node.Inputs[1]].Type;
        TensorType output = lowering.Graph[node.Output].Type;
        Extents(a, b, out int m, out int depth, out _, out int n);
        int batchRank = output.Rank - (a.Rank == 1 ? 0 : 1) - (b.Rank == 1 ? 0 : 1);
        ProductAxis[] batch = [.. Enumerable.Range(0, batchRank).Select(axis => ProductAxis.Of(
            output.Shape[axis], OwnAxis(a, output, batchRank, axis), OwnAxis(b, output, batchRank, axis), axis))];
        int rowAxisA = a.Rank == 1 ? -1 : TransposeA ? a.Rank - 1 : a.Rank - 2;
        int depthAxisA = TransposeA ? a.Rank - 2 : a.Rank - 1;
        int columnAxisB = b.Rank == 1 ? -1 : TransposeB ? b.Rank - 2 : b.Rank - 1;
        int depthAxisB = b.Rank == 1 || TransposeB ? b.Rank - 1 : b.Rank - 2;
        var axes = new ProductAxes(
            EquatableArray.Create<ProductAxis>(batch),
            [ProductAxis.Of(m, rowAxisA, -1, a.Rank == 1 ? -1 : batchRank)],
            [ProductAxis.Of(n, -1, columnAxisB, b.Rank == 1 ? -1 : output.Rank - 1)],
            [ProductAxis.Of(depth, depthAxisA, depthAxisB, -1)]);
        ProductLowering.Emit(lowering, node, node.Inputs[0], node.Inputs[1], axes);
    }

    /// <summary>da = dy · bᵀ and db = aᵀ · dy, or their transposes; summed over batch axes that were repeated.</summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        GraphBuilder builder = scope.Builder;
        TensorType typeA = builder[node.Inputs[0]];
        TensorType typeB = builder[node.Inputs[1]];
        ValueId a = AsMatrix(builder, node.Inputs[0], typeA.Rank == 1 ? 0 : -1);
        ValueId b = AsMatrix(builder, node.Inputs[1], typeB.Rank == 1 ? 1 : -1);
        TensorType typeY = builder[gradient];
        int batchRank = typeY.Rank - (typeA.Rank == 1 ? 0 : 1) - (typeB.Rank == 1 ? 0 : 1);
        ValueId y = typeA.Rank == 1 ? AsMatrix(builder, gradient, batchRank) : gradient;
        y = typeB.Rank == 1 ? AsMatrix(builder, y, batchRank + 1) : y;
        if (scope.IsNeeded(node.Inputs[0]))
        {
            ValueId da = TransposeA
                ? builder.Apply(new MatMul(TransposeB, true), b, y)
                : builder.Apply(new MatMul(false, !TransposeB), y, b);
            scope.Add(node.Inputs[0], InShape(scope, da, builder[a], typeA));
        }

        if (scope.IsNeeded(node.Inputs[1]))
        {
            ValueId db = TransposeB
                ? builder.Apply(new MatMul(true, TransposeA), y, a)
                : builder.Apply(new MatMul(!TransposeA, false), a, y);
            scope.Add(node.Inputs[1], InShape(scope, db, builder[b], typeB));
        }
    }

    private static ValueId AsMatrix(GraphBuilder builder, ValueId value, int newAxis)
    {
        if (newAxis < 0)
        {
            return value;
        }

        List<int> shape = [.. builder[value].Shape];
        shape.Insert(newAxis, 1);
        return builder.Apply(new Reshape(EquatableArray.Create<int>([.. shape])), value);
    }

    private static ValueId InShape(GradientScope scope, ValueId gradient, TensorType matrix, TensorType input)
    {
        ValueId summed = BroadcastShape.SumTo(scope, gradient, matrix);
        return matrix == input ? summed : scope.Builder.Apply(new Reshape(input.Shape), summed);
    }

    private void Extents(TensorType a, TensorType b, out int m, out int depthA, out int depthB, out int n)
    {
        m = a.Rank == 1 ? 1 : a.Shape[TransposeA ? a.Rank - 1 : a.Rank - 2];
        depthA = a.Shape[TransposeA ? a.Rank - 2 : a.Rank - 1];
        n = b.Rank == 1 ? 1 : b.Shape[TransposeB ? b.Rank - 2 : b.Rank - 1];
        depthB = b.Shape[b.Rank == 1 || TransposeB ? b.Rank - 1 : b.Rank - 2];
    }

    private static int[] BatchOf(OperatorInputs inputs)
    {
        TensorType[] batches = [.. inputs.Types.Select(type => type with { Shape = EquatableArray.Create<int>([.. type.Shape.Take(Math.Max(0, type.Rank - 2))]), HasSamples = false })];
        return [.. BroadcastShape.Of(inputs with { Types = batches }).Shape];
    }

    /// <summary>The operand's own axis for a batch axis of the result; -1 where it is repeated along it.</summary>
    private static int OwnAxis(TensorType type, TensorType output, int batchRank, int axis)
    {
        int own = axis - (batchRank - Math.Max(0, type.Rank - 2));
        return own < 0 || (type.Shape[own] == 1 && output.Shape[axis] != 1) ? -1 : own;
    }

    /// <summary>alpha · A' · B' + beta · C.</summary>
    private static IReadOnlyList<OnnxValue> Gemm(OnnxNode node)
    {
        float alpha = node.Float("alpha", 1f);
        float beta = node.Float("beta", 1f);
        ElementType element = node.TypeOf(0).Element;
        ValueId product = node.Apply(new MatMul(node.Flag("transA"), node.Flag("transB")), node[0], node[1]);
        product = alpha == 1f ? product : node.Apply(new Multiply(), product, node.ScalarOf(element, alpha));
        if (!node.HasInput(2))
        {
            return [product];
        }

        ValueId added = beta == 1f ? node[2] : node.Apply(new Multiply(), node[2], node.ScalarOf(element, beta));
        return [node.Apply(new Add(), product, added)];
    }

    /// <summary>Products of 8-bit integers less their zero points, as int32.</summary>
    private static IReadOnlyList<OnnxValue> MatMulInteger(OnnxNode node)
    {
        ValueId a = Shifted(node, 0, 2, node.TypeOf(0).Rank - 2);
        ValueId b = Shifted(node, 1, 3, -1);
        return [node.Apply(new MatMul(), a, b)];
    }

    /// <summary>An 8-bit input less its zero point, as int32; a vector of zero points runs along an axis (-1: the last).</summary>
    internal static ValueId Shifted(OnnxNode node, int input, int zeroInput, int axis)
    {
        ValueId x = node.Apply(new Cast(ElementType.Int32), node[input]);
        if (!node.HasInput(zeroInput))
        {
            return x;
        }

        ValueId zero = node.Apply(new Cast(ElementType.Int32), node[zeroInput]);
        TensorType type = node.TypeOf(zero);
        int after = axis < 0 ? 0 : node.TypeOf(x).Rank - 1 - axis;
        if (type.Rank == 1 && type.Shape[0] > 1 && after > 0)
        {
            zero = node.Apply(new Reshape(EquatableArray.Create<int>([type.Shape[0], .. Enumerable.Repeat(1, after)])), zero);
        }

        return node.Apply(new Subtract(), x, zero);
    }
}
