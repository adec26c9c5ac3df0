using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;
using RduEmu.Emulator.Conformance;

namespace RduEmu.Tests.Onnx;

/// <summary>
/// Every operator over tensors as an exported model: imported again it has the same bits, and in ONNX Runtime the same values within the
/// tolerance of the ONNX suites.
/// </summary>
internal sealed class OnnxRoundTripTests
{
    /// <param name="Operator">Applied to inputs of these types.</param>
    /// <param name="Given">Tensors of inputs that are not drawn, by position; null for a drawn one.</param>
    public sealed record Case(Operator Operator, TensorType[] Inputs, HostTensor?[] Given)
    {
        /// <summary>True where an input must be known to have an ONNX form.</summary>
        public bool IsKnown(int input) => input > 0 && Operator is Elu or Celu or Selu or Swish or HardSigmoid or ThresholdedRelu or Shrink;

        public override string ToString() => $"{Operator.Name} {RduEmu.Compiler.Executables.OperatorCatalogue.Attributes(Operator).ToJsonString()} of {string.Join(" ", Inputs.Select(type => $"{type}"))}";
    }

    /// <summary>What re-imports as other operators whose sums have another order: equal within a tolerance only.</summary>
    private static bool HasAnotherOrder(Operator op) => op is GatherSum;

    private static IEnumerable<Case> Cases()
    {
        TensorType f = TensorType.Whole(2, 3, 5);
        foreach (Operator op in new Operator[]
        {
            new Negate(), new Absolute(), new Sign(), new Reciprocal(), new SquareRoot(), new Square(), new Floor(), new Ceiling(), new Round(), new Exponential(), new Logarithm(),
            new ErrorFunction(), new HyperbolicTangent(), new Sine(), new Cosine(), new Tangent(), new ArcSine(), new ArcCosine(), new ArcTangent(), new HyperbolicSine(),
            new HyperbolicCosine(), new ArcHyperbolicSine(), new ArcHyperbolicCosine(), new ArcHyperbolicTangent(), new Relu(), new Sigmoid(), new HardSwish(), new Softplus(), new Softsign(),
            new Mish(), new IsNaN(), new IsInfinity(), new IsInfinity(Positive: false), new Cast(ElementType.Int32), new Cast(ElementType.Float16), new Cast(ElementType.Float64),
            new Cast(ElementType.Bool), new Reinterpret(ElementType.Int32),
        })
        {
            yield return Of(op, f);
        }

        foreach (Operator op in new Operator[]
        {
            new Add(), new Subtract(), new Multiply(), new Divide(), new Power(), new Maximum(), new Minimum(), new Equal(), new Less(), new LessOrEqual(), new Greater(), new GreaterOrEqual(),
            new LeakyRelu(), new Modulo(IsC: true),
        })
        {
            yield return Of(op, f, TensorType.Whole(3, 1));
            yield return Of(op, TensorType.Whole(1, 5), f);
            yield return Of(op, f, TensorType.Whole());
        }

        TensorType bools = TensorType.Whole(ElementType.Bool, 2, 3, 5);
        TensorType ints = TensorType.Whole(ElementType.Int32, 2, 3, 5);
        TensorType longs = TensorType.Whole(ElementType.Int64, 3, 4);
        TensorType unsigned = TensorType.Whole(ElementType.UInt32, 7);
        foreach (Operator op in new Operator[] { new And(), new Or(), new ExclusiveOr() })
        {
            yield return Of(op, bools, TensorType.Whole(ElementType.Bool, 5));
            yield return Of(op, ints, TensorType.Whole(ElementType.Int32, 5));
        }

        yield return Of(new Not(), bools);
        yield return Of(new BitwiseNot(), ints);
        yield return Of(new Where(), bools, f, TensorType.Whole(5));
        yield return Of(new Add(), longs, longs);
        yield return Of(new Multiply(), ints, ints);
        yield return Of(new Modulo(IsC: false), longs, TensorType.Whole(ElementType.Int64, 4));
        yield return Of(new Modulo(IsC: true), longs, TensorType.Whole(ElementType.Int64, 4));
        yield return Of(new BitShift(IsLeft: true), unsigned, unsigned);
        yield return Of(new BitShift(IsLeft: false), unsigned, unsigned);
        yield return Of(new Clip(), f, TensorType.Whole(), TensorType.Whole());
        yield return Of(new Clip(), f, TensorType.Whole(5), TensorType.Whole(3, 1));
        foreach (Operator op in new Operator[] { new Elu(), new Celu(), new Swish(), new ThresholdedRelu() })
        {
            yield return Of(op, f, TensorType.Whole());
        }

        foreach (Operator op in new Operator[] { new Selu(), new HardSigmoid(), new Shrink() })
        {
            yield return Of(op, f, TensorType.Whole(), TensorType.Whole());
        }

        foreach (ReduceKind kind in Enum.GetValues<ReduceKind>())
        {
            yield return Of(new Reduce(kind, [1], KeepAxes: false), TensorType.Whole(2, 17, 3));
            yield return Of(new Reduce(kind, [0, 2], KeepAxes: true), TensorType.Whole(3, 2, 33));
            yield return Of(new Reduce(kind, [], KeepAxes: true), TensorType.Whole(3, 2));
        }

        yield return Of(new Reduce(ReduceKind.Sum, [1], KeepAxes: false), longs);
        yield return Of(new Reduce(ReduceKind.Max, [0], KeepAxes: false), ints);
        yield return Of(new Repeat([2, 3, 5], [1]), TensorType.Whole(2, 1));
        yield return Of(new RduEmu.Compiler.Operators.Scan(1, IsProduct: false, Exclusive: false, Reverse: false), f);
        yield return Of(new RduEmu.Compiler.Operators.Scan(2, IsProduct: false, Exclusive: true, Reverse: true), f);
        yield return Of(new RduEmu.Compiler.Operators.Scan(2, IsProduct: true, Exclusive: true, Reverse: false), f);
        yield return Of(new SelectPositions(1, 1, Largest: true), f);
        yield return Of(new SelectPositions(2, 1, Largest: false, LastOfEqual: true), f);
        yield return Of(new SelectPositions(2, 3, Largest: true), f);
        yield return Of(new SelectPositions(0, 2, Largest: false), TensorType.Whole(7));
        yield return Of(new MatMul(), TensorType.Whole(3, 4), TensorType.Whole(4, 5));
        yield return Of(new MatMul(true, false), TensorType.Whole(300, 3), TensorType.Whole(300, 17));
        yield return Of(new MatMul(false, true), TensorType.Whole(2, 3, 4), TensorType.Whole(5, 4));
        yield return Of(new MatMul(true, true), TensorType.Whole(2, 1, 4, 3), TensorType.Whole(3, 5, 4));
        yield return Of(new MatMul(), TensorType.Whole(4), TensorType.Whole(2, 4, 3));
        yield return Of(new MatMul(), TensorType.Whole(5), TensorType.Whole(5));
        yield return Of(new MatMul(), TensorType.Whole(ElementType.Int8, 3, 4), TensorType.Whole(ElementType.Int8, 4, 5));
        yield return Of(new MatMul(false, true), TensorType.Whole(ElementType.Float64, 3, 4), TensorType.Whole(ElementType.Float64, 5, 4));
        yield return Of(new Convolution([2], [1], 1), TensorType.Whole(2, 3, 8), TensorType.Whole(4, 3, 3));
        yield return Of(new Convolution([1, 2], [2, 1], 2), TensorType.Whole(1, 4, 6, 5), TensorType.Whole(6, 2, 2, 2));
        yield return Of(new Convolution([1, 1], [1, 2], 2, Flipped: true), TensorType.Whole(2, 4, 5, 6), TensorType.Whole(4, 3, 2, 2));
        yield return Of(new Spread([1, 2, 3]), f);
        foreach (ReduceKind kind in new[] { ReduceKind.Max, ReduceKind.Min, ReduceKind.Sum, ReduceKind.L1, ReduceKind.L2, ReduceKind.SumSquare })
        {
            yield return Of(new WindowReduce(kind, [2, 3], [2, 1], [1, 2]), TensorType.Whole(2, 3, 6, 7));
            yield return Of(new WindowReduce(kind, [3], [2], [1]), TensorType.Whole(1, 2, 9));
        }

        yield return Of(new Gather(1), TensorType.Whole(2, 5, 3), Longs([3, -1, 3, 0], 2, 2));
        yield return Of(new GatherElements(1), TensorType.Whole(2, 5), Longs([0, 4, 4, -2, 3, -2], 2, 3));
        yield return Of(new GatherND(1), TensorType.Whole(2, 5, 3), Longs([0, 4, 4, 4], 2, 2, 1));
        yield return Of(new GatherSum(), TensorType.Whole(6, 3), Longs([0, 5, 5, -1, 2, 2], 3, 2));
        foreach (ScatterKind kind in Enum.GetValues<ScatterKind>())
        {
            yield return new Case(
                new ScatterElements(1, kind), [TensorType.Whole(2, 5), TensorType.Whole(ElementType.Int64, 2, 3), TensorType.Whole(2, 3)],
                [null, HostTensor.Create<long>([0, 4, 1, -2, 2, 0], 2, 3), null]);
            yield return new Case(
                new ScatterND(kind), [TensorType.Whole(4, 3), TensorType.Whole(ElementType.Int64, 2, 1), TensorType.Whole(2, 3)], [null, HostTensor.Create<long>([3, 1], 2, 1), null]);
        }

        yield return Of(new Slice([1, 2, 4], [1, 1, 2], [1, 1, -2]), f);
        yield return Of(new Slice([0, 2, 4], [2, 3, 5], [1, -1, -1]), f);
        yield return Of(new Slice([0, 1, 0], [2, 0, 3], [1, 1, 2]), f);
        yield return Of(new Reshape([5, 6]), f);
        yield return Of(new Reshape([0, 7]), TensorType.Whole(3, 0));
        yield return Of(new Expand([4, 2, 3, 5]), TensorType.Whole(2, 1, 5));
        yield return Of(new Transpose([2, 0, 1]), f);
        yield return Of(new Pad([1, 0, 2], [0, 3, -1], BitConverter.SingleToInt32Bits(1.5f)), f);
        yield return Of(new Pad([1], [2], 7L), TensorType.Whole(ElementType.Int64, 4));
        yield return Of(new Join(1), f, f, TensorType.Whole(2, 1, 5));
        yield return Of(new AxisMap(1, [2, -1, 0, 0]), f);
        yield return Of(new IndexView([3, 2], [1, 2, 1, 0], [0, 1]), TensorType.Whole(5, 4));
        yield return Of(new IndexView([3, 2], [0, 1, 1, 0], [0, 0]), TensorType.Whole(2, 3));
        yield return Of(
            new IndexedProduct(
                new RduEmu.Compiler.Lowering.Stages.ProductAxes([new(3, 0, 1, 0, 1, 1, 1)], [new(2, 1, 1, -1, 1, 0, 1)], [new(4, -1, 1, 1, 1, 2, 1)], [new(3, 2, 2, 2, 1, -1, 1), new(2, 2, 1, 3, 1, -1, 1)]), [2, 3, 4]),
            TensorType.Whole(3, 2, 6), TensorType.Whole(3, 4, 3, 2));
    }

    [TestCaseSource(nameof(Cases))]
    public void AnOperator_ComesBackWithTheSameBits(Case test)
    {
        (Graph graph, Dictionary<string, HostTensor> inputs, Dictionary<ValueId, HostTensor> all) = Build(test);
        HostTensor expected = GraphInterpreter.Run(graph, all)[0];
        byte[] model = RoundTrip.Export(graph, all);

        HostTensor again = RoundTrip.Reimported(model, inputs)[0];

        Assert.That(again.Type, Is.EqualTo(expected.Type));
        if (HasAnotherOrder(test.Operator))
        {
            Assert.That(Tolerance.FirstDifference(again, expected), Is.Null);
        }
        else
        {
            Assert.That(again.Bytes.ToArray(), Is.EqualTo(expected.Bytes.ToArray()).AsCollection);
        }

        if (RoundTrip.InOnnxRuntime(model, inputs) is { } other)
        {
            Assert.That(Tolerance.FirstDifference(expected, other[0]), Is.Null, "ONNX Runtime");
        }
    }

    private static Case Of(Operator op, params object[] inputs) => new(
        op, [.. inputs.Select(input => input is HostTensor tensor ? tensor.Type : (TensorType)input)], [.. inputs.Select(input => input as HostTensor)]);

    private static HostTensor Longs(long[] elements, params int[] shape) => HostTensor.Create<long>(elements, shape);

    private static (Graph Graph, Dictionary<string, HostTensor> Inputs, Dictionary<ValueId, HostTensor> All) Build(Case test)
    {
        var builder = new GraphBuilder();
        var random = new Random(11);
        var inputs = new Dictionary<string, HostTensor>();
        var all = new Dictionary<ValueId, HostTensor>();
        var ids = new List<ValueId>();
        for (int i = 0; i < test.Inputs.Length; i++)
        {
            HostTensor tensor = test.Given[i] ?? Draw(test, i, random);
            ValueId id = test.IsKnown(i) ? builder.Parameter($"x{i}", test.Inputs[i]) : builder.Input($"x{i}", test.Inputs[i]);
            ids.Add(id);
            all.Add(id, tensor);
            if (!test.IsKnown(i))
            {
                inputs.Add($"x{i}", tensor);
            }
        }

        return (builder.Build(builder.Apply(test.Operator, [.. ids])), inputs, all);
    }

    private static HostTensor Draw(Case test, int input, Random random)
    {
        TensorType type = test.Inputs[input];
        bool isSmall = test.Operator is BitShift && input == 1;
        (double low, double high) = test.Operator switch
        {
            Logarithm or SquareRoot or Power or Reduce { Kind: ReduceKind.LogSum } => (0.5, 2),
            ArcSine or ArcCosine or ArcHyperbolicTangent => (-0.9, 0.9),
            ArcHyperbolicCosine => (1.1, 3),
            HardSigmoid or Shrink or Selu or Elu or Celu or Swish or ThresholdedRelu when input > 0 => (0.2, 0.8),
            Clip => input == 0 ? (-2, 2) : input == 1 ? (-1, -0.5) : (0.5, 1),
            _ => (-2, 2),
        };
        double[] elements = [.. Enumerable.Range(0, (int)type.CountElements).Select(_ => low + (high - low) * random.NextDouble())];
        int[] shape = [.. type.Shape];
        int Whole(int limit) => random.Next(limit) is var n && test.Operator is Modulo && input == 1 ? n + 1 : n;
        return type.Element switch
        {
            ElementType.Float32 => HostTensor.Create<float>([.. elements.Select(x => (float)x)], shape),
            ElementType.Float64 => HostTensor.Create<double>(elements, shape),
            ElementType.Bool => HostTensor.Create<bool>([.. elements.Select(x => x > 0)], shape),
            ElementType.Int8 => HostTensor.Create<sbyte>([.. elements.Select(x => (sbyte)(50 * x))], shape),
            ElementType.Int32 => HostTensor.Create<int>([.. elements.Select(x => (int)(1000 * x))], shape),
            ElementType.UInt32 => HostTensor.Create<uint>([.. elements.Select(_ => (uint)random.Next(isSmall ? 8 : 1000))], shape),
            _ => HostTensor.Create<long>([.. elements.Select(x => test.Operator is Modulo && input == 1 ? Whole(9) : (long)(1000 * x))], shape),
        };
    }
}
