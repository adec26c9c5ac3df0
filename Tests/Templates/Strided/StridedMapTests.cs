using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Tests.Templates.Strided;

[TestFixture]
public sealed class StridedMapTests
{
    private static readonly uint[] Special =
    [
        0x00000000, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x00000001, 0x80000001, 0x007FFFFF, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F800000, 0xBF800000,
        0x3F000000, 0xBF000000, 0x4B000001, 0xCB000001, 0x38800000, 0x33000000, 0x477FE000, 0x477FF000,
    ];

    /// <summary>x dense, y broadcast along the inner axis, a dense sum; then a dense tail that the inner axis makes ragged.</summary>
    [Test]
    public void Broadcast_OnEveryPath([Values(0, 1, 2, 7)] int outer, [Values(0, 1, 2, 15, 16, 17, 33, 127, 300)] int inner)
    {
        const int items = 3;
        int count = items * outer * inner;
        uint[] before = UnitHarness.RandomWords(2 * count + items * outer + 1, inner);
        Sprinkle(before);
        var unit = new StridedMapUnit<Binary<AddFunction, Full<S0>, Full<S1>>>(
            "x + y", [outer, inner], NdOperand.Dense(0, [outer, inner]),
            [NdOperand.Dense(count, [outer, inner]), new NdOperand(2L * count, outer, [1, 0])], 1);

        uint[] after = UnitHarness.Check(unit, items, before);

        for (int i = 0; i < count; i++)
        {
            float expected = Float(before[count + i]) + Float(before[2 * count + i / inner]);
            Assert.That(Same(after[i], expected), $"{i}");
        }
    }

    /// <summary>out[i, j, k] = x[k, j, i] · y[j], all axes transposed, the output with gaps.</summary>
    [TestCase(2, 3, 5)]
    [TestCase(17, 1, 33)]
    [TestCase(7, 16, 2)]
    public void Transposed_OnEveryPath(int a, int b, int c)
    {
        int x = a * b * c * 2;
        int y = x + a * b * c;
        uint[] before = UnitHarness.RandomWords(y + b, a);
        var unit = new StridedMapUnit<Binary<MulFunction, Full<S0>, Full<S1>>>(
            "x y", [b, c], new NdOperand(0, b * c * 2, [c * 2, 2]), [new NdOperand(x, 1, [a, a * b]), new NdOperand(y, 0, [1, 0])], 1);

        uint[] after = UnitHarness.Check(unit, a, before);

        for (int i = 0; i < a; i++)
        {
            for (int j = 0; j < b; j++)
            {
                for (int k = 0; k < c; k++)
                {
                    float expected = Float(before[x + (k * b + j) * a + i]) * Float(before[y + j]);
                    Assert.That(Same(after[((i * b + j) * c + k) * 2], expected), $"{i}, {j}, {k}");
                }
            }
        }
    }

    private static IEnumerable<TestCaseData> Scalars()
    {
        yield return Case<FloorFunction>(MathF.Floor);
        yield return Case<CeilFunction>(MathF.Ceiling);
        yield return Case<RoundEvenFunction>(x => MathF.Round(x, MidpointRounding.ToEven));
        yield return Case<RoundFloat16Function>(x => (float)(Half)x);
        yield return Case<SignFunction>(x => float.IsNaN(x) || x == 0 ? x : MathF.Sign(x));
        yield return Case<NegFunction>(x => -x);
        yield return Case<AbsFunction>(MathF.Abs);
        yield return Case<ReciprocalFunction>(x => 1f / x);
        yield return Case<SqrtFunction>(MathF.Sqrt);
        yield return Case<SquareFunction>(x => x * x);
        yield return Case<SoftsignFunction>(x => x / (1f + MathF.Abs(x)));
        yield return Case<IsNaNFunction>(x => Truth(float.IsNaN(x)));
        yield return Case<IsInfinityFunction>(x => Truth(float.IsInfinity(x)));
        yield return Case<IsPositiveInfinityFunction>(x => Truth(float.IsPositiveInfinity(x)));
        yield return Case<IsNegativeInfinityFunction>(x => Truth(float.IsNegativeInfinity(x)));
    }

    /// <summary>Functions whose value is exact, against the runtime's, over special and arbitrary bit patterns.</summary>
    [TestCaseSource(nameof(Scalars))]
    public void Unary_IsExact(Type function, Func<float, float> expected)
    {
        const int count = 4099;
        uint[] before = UnitHarness.RandomWords(2 * count, 3);
        for (int i = 0; i < count; i++)
        {
            before[count + i] = i < Special.Length ? Special[i] : i % 2 == 0 ? (uint)i * 2654435769u : before[count + i];
        }

        uint[] after = UnitHarness.Check(Unit(new ProgramTree.Call1(function, Input(0)), count, 1), 1, before, tiles: false);

        for (int i = 0; i < count; i++)
        {
            Assert.That(Same(after[i], expected(Float(before[count + i]))), $"f({Float(before[count + i]):R}) = {Float(after[i]):R}");
        }
    }

    private static IEnumerable<TestCaseData> Pairs()
    {
        yield return Case<MaxFunction>(MathF.Max, zeros: false);
        yield return Case<MinFunction>(MathF.Min, zeros: false);
        yield return Case<LessFunction>((x, y) => Truth(x < y));
        yield return Case<LessOrEqualFunction>((x, y) => Truth(x <= y));
        yield return Case<GreaterFunction>((x, y) => Truth(x > y));
        yield return Case<GreaterOrEqualFunction>((x, y) => Truth(x >= y));
        yield return Case<EqualFunction>((x, y) => Truth(x == y));
        yield return Case<BitwiseXorFunction>((x, y) => Float(Bits(x) ^ Bits(y)));
        yield return Case<LeakyReluFunction>((x, y) => x < 0 ? y * x : x);
        yield return Case<ThresholdedReluFunction>((x, y) => x > y ? x : 0f);
    }

    [TestCaseSource(nameof(Pairs))]
    public void Binary_IsExact(Type function, Func<float, float, float> expected, bool zeros)
    {
        int side = Special.Length;
        int count = side * side;
        uint[] before = UnitHarness.RandomWords(3 * count, 3);
        for (int i = 0; i < count; i++)
        {
            before[count + i] = Special[i / side];
            before[2 * count + i] = Special[i % side];
        }

        uint[] after = UnitHarness.Check(Unit(new ProgramTree.Call2(function, Input(0), Input(1)), count, 2), 1, before, tiles: false);

        for (int i = 0; i < count; i++)
        {
            float x = Float(before[count + i]);
            float y = Float(before[2 * count + i]);
            if (zeros || x != 0 || y != 0)
            {
                Assert.That(Same(after[i], expected(x, y)), $"f({x:R}, {y:R}) = {Float(after[i]):R}");
            }
        }
    }

    [TestCase(typeof(EluFunction), 2)]
    [TestCase(typeof(CeluFunction), 2)]
    [TestCase(typeof(SwishFunction), 2)]
    [TestCase(typeof(SeluFunction), 3)]
    [TestCase(typeof(HardSigmoidFunction), 3)]
    [TestCase(typeof(ShrinkFunction), 3)]
    [TestCase(typeof(ClipFunction), 3)]
    [TestCase(typeof(WhereFunction), 3)]
    [TestCase(typeof(SoftplusFunction), 1)]
    [TestCase(typeof(MishFunction), 1)]
    [TestCase(typeof(HardSwishFunction), 1)]
    public void Function_OnEveryPath_AndAsPtx(Type function, int inputs)
    {
        const int count = 1000;
        uint[] before = UnitHarness.RandomWords((inputs + 1) * count, 3);
        Sprinkle(before);
        ProgramTree tree = inputs switch
        {
            1 => new ProgramTree.Call1(function, Input(0)),
            2 => new ProgramTree.Call2(function, Input(0), Input(1)),
            _ => new ProgramTree.Call3(function, Input(0), Input(1), Input(2)),
        };
        UnitHarness.Check(Unit(tree, count, inputs), 1, before, tiles: false);

        using var inspector = new PtxInspector();
        Assert.That(inspector.Violations(StridedMapKernel.Method(tree.ToProgramType())), Is.Empty);
    }

    private static ProgramTree.Input Input(int slot) => new(slot, SlotAccess.Full);

    private static Kernels.Templates.ConfiguredUnit Unit(ProgramTree tree, int count, int inputs) =>
        (Kernels.Templates.ConfiguredUnit)Activator.CreateInstance(
            typeof(StridedMapUnit<>).MakeGenericType(tree.ToProgramType()),
            "f", new[] { count }, NdOperand.Dense(0, [count]),
            Enumerable.Range(1, inputs).Select(i => NdOperand.Dense((long)i * count, [count])).ToArray(), 1)!;

    private static TestCaseData Case<TFunction>(Func<float, float> expected) =>
        new TestCaseData(typeof(TFunction), expected).SetArgDisplayNames(typeof(TFunction).Name);

    private static TestCaseData Case<TFunction>(Func<float, float, float> expected, bool zeros = true) =>
        new TestCaseData(typeof(TFunction), expected, zeros).SetArgDisplayNames(typeof(TFunction).Name);

    private static void Sprinkle(uint[] words)
    {
        for (int i = 0; i < words.Length; i += 7)
        {
            words[i] = Special[i / 7 % Special.Length];
        }
    }

    private static float Truth(bool holds) => Float(holds ? 1u : 0u);

    private static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);

    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);

    private static bool Same(uint actual, float expected) => actual == Bits(expected) || (float.IsNaN(expected) && float.IsNaN(Float(actual)));
}
