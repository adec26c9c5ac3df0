using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Tests.Templates.Strided;

/// <summary>Functions of 64-bit words: against the runtime's own integers and doubles, on host, simulator and as PTX.</summary>
[TestFixture]
public sealed class WordMapTests
{
    private static readonly long[] Integers =
    [
        0, 1, -1, 2, -2, 3, 7, -7, 8, 31, 32, 33, 63, 64, 127, 128, -128, 255, 256, int.MaxValue, int.MinValue, uint.MaxValue, long.MaxValue, long.MinValue,
        (1L << 53) + 1, -(1L << 53) - 1, (1L << 62) + (1L << 38), (1L << 62) + (1L << 38) + 1, 16777217, 16777219, 1L << 40,
    ];

    private static readonly long[] Doubles =
    [
        .. new[] { 0d, -0d, 1, -1, 0.5, -2.5, 3, 1e300, -1e300, double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.Epsilon, 1e-310, 255.9, -0.9, 1.8e19, 9.3e18, -9.3e18, 16777217, 65520, 3.4028236e38, 1e-46 }
            .Select(BitConverter.DoubleToInt64Bits),
    ];

    private static readonly long[] Floats =
    [
        .. new[] { 0f, -0f, 1, -1, 0.5f, -2.5f, 3, 5.3f, -5.3f, 1e30f, -1e30f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, 255.9f, 1.8e19f, 9.3e18f, 65520f, 2.1f, -1e-40f, float.MaxValue }
            .Select(x => (long)BitConverter.SingleToInt32Bits(x)),
    ];

    private static IEnumerable<TestCaseData> Cases()
    {
        yield return I<AddWord>((x, y) => x + y);
        yield return I<SubWord>((x, y) => x - y);
        yield return I<MulWord>((x, y) => x * y);
        yield return I<DivWord>((x, y) => y == 0 ? 0 : (long)(Int128)((Int128)x / y));
        yield return I<DivUnsignedWord>((x, y) => y == 0 ? 0 : (long)((ulong)x / (ulong)y));
        yield return I<ModWord>((x, y) => y == 0 ? 0 : (long)(((Int128)x % y + y) % y));
        yield return I<RemWord>((x, y) => y == 0 ? 0 : (long)((Int128)x % y));
        yield return I<ModUnsignedWord>((x, y) => y == 0 ? 0 : (long)((ulong)x % (ulong)y));
        yield return I<MinWord>(Math.Min);
        yield return I<MaxUnsignedWord>((x, y) => (long)Math.Max((ulong)x, (ulong)y));
        yield return I<LessWord>((x, y) => x < y ? 1 : 0);
        yield return I<LessUnsignedWord>((x, y) => (ulong)x < (ulong)y ? 1 : 0);
        yield return I<GreaterOrEqualUnsignedWord>((x, y) => (ulong)x >= (ulong)y ? 1 : 0);
        yield return I<ShiftLeftWord>((x, y) => y is < 0 or > 63 ? 0 : x << (int)y);
        yield return I<ShiftRightWord>((x, y) => y is < 0 or > 63 ? 0 : x >>> (int)y);
        yield return I<XorWord>((x, y) => x ^ y);
        yield return I<PowWord>((x, y) => y < 0 ? (x == 1 ? 1 : x == -1 ? (y % 2 == 0 ? 1 : -1) : 0) : (long)(ulong)(System.Numerics.BigInteger.ModPow(x, y, System.Numerics.BigInteger.One << 64) is var p && p.Sign < 0 ? p + (System.Numerics.BigInteger.One << 64) : System.Numerics.BigInteger.ModPow(x, y, System.Numerics.BigInteger.One << 64)));
        yield return I<AbsWord>((x, _) => x < 0 ? unchecked(-x) : x);
        yield return I<SignWord>((x, _) => Math.Sign(x));
        yield return I<IntegerToFloat64Word>((x, _) => BitConverter.DoubleToInt64Bits(x));
        yield return I<UnsignedToFloat64Word>((x, _) => BitConverter.DoubleToInt64Bits((ulong)x));
        yield return I<IntegerToFloat32Word>((x, _) => Float(Parsed(x)), ElementCode.Float32);
        yield return I<UnsignedToFloat32Word>((x, _) => Float(Parsed((ulong)x)), ElementCode.Float32);
        yield return D<AddFloat64Word>((x, y) => x + y);
        yield return D<SubFloat64Word>((x, y) => x - y);
        yield return D<MulFloat64Word>((x, y) => x * y);
        yield return D<DivFloat64Word>((x, y) => x / y);
        yield return D<SqrtFloat64Word>((x, _) => Math.Sqrt(x));
        yield return D<ReciprocalFloat64Word>((x, _) => 1 / x);
        yield return D<RemFloat64Word>((x, y) => x % y);
        yield return D<MaxFloat64Word>((x, y) => x == 0 && y == 0 ? x : Math.Max(x, y));
        yield return D<MinFloat64Word>((x, y) => x == 0 && y == 0 ? x : Math.Min(x, y));
        yield return new TestCaseData(typeof(Float64ToFloat32Word), Doubles, (long x, long _) => Float((float)BitConverter.Int64BitsToDouble(x)), ElementCode.Float64, ElementCode.Float32).SetArgDisplayNames(nameof(Float64ToFloat32Word));
        yield return new TestCaseData(typeof(Float64ToIntegerWord), Doubles, (long x, long _) => Saturated(BitConverter.Int64BitsToDouble(x)), ElementCode.Float64, ElementCode.Int64).SetArgDisplayNames(nameof(Float64ToIntegerWord));
        yield return new TestCaseData(typeof(Float64ToUnsignedWord), Doubles, (long x, long _) => BitConverter.Int64BitsToDouble(x) is > -1 and < 9e18 and var d ? (long)d : Unsigned(BitConverter.Int64BitsToDouble(x)), ElementCode.Float64, ElementCode.UInt64).SetArgDisplayNames(nameof(Float64ToUnsignedWord));
        yield return F<RemFloat32Word>((x, y) => x % y);
        yield return F<ModFloat32Word>((x, y) => x % y is var r && r != 0 && r < 0 != y < 0 ? (float)((double)r + y) : r);
        yield return F<RoundToFloat16Word>((x, _) => (float)(Half)x);
        yield return new TestCaseData(typeof(Float32ToIntegerWord), Floats, (long x, long _) => Saturated(BitConverter.Int32BitsToSingle((int)x)), ElementCode.Float32, ElementCode.Int64).SetArgDisplayNames(nameof(Float32ToIntegerWord));
        yield return new TestCaseData(typeof(Float32ToFloat64Word), Floats, (long x, long _) => BitConverter.DoubleToInt64Bits(BitConverter.Int32BitsToSingle((int)x)), ElementCode.Float32, ElementCode.Float64).SetArgDisplayNames(nameof(Float32ToFloat64Word));
        yield return new TestCaseData(typeof(Float32ToBoolWord), Floats, (long x, long _) => BitConverter.Int32BitsToSingle((int)x) == 0 ? 0L : 1L, ElementCode.Float32, ElementCode.Bool).SetArgDisplayNames(nameof(Float32ToBoolWord));
    }

    [TestCaseSource(nameof(Cases))]
    public void EveryPair(Type function, long[] values, Func<long, long, long> expected, int inputCode, int outputCode)
    {
        int side = values.Length;
        int inputWords = ElementCode.Words(inputCode);
        int outputWords = ElementCode.Words(outputCode);
        int y = side * inputWords;
        int output = 2 * y;
        var before = new uint[output + side * side * outputWords];
        for (int i = 0; i < side; i++)
        {
            Store(before, i * inputWords, inputCode, values[i]);
            Store(before, y + i * inputWords, inputCode, values[i]);
        }

        var unit = (Kernels.Templates.ConfiguredUnit)Activator.CreateInstance(
            typeof(WordMapUnit<>).MakeGenericType(function),
            "f", new[] { side }, NdOperand.Dense(output, [side], outputWords), outputCode,
            new[] { new NdOperand(0, inputWords, [0]), new NdOperand(y, 0, [inputWords]) }, new[] { inputCode, inputCode })!;
        uint[] after = UnitHarness.Check(unit, side, before);

        for (int i = 0; i < side * side; i++)
        {
            long actual = outputWords == 2 ? after[output + 2 * i] | ((long)after[output + 2 * i + 1] << 32) : (int)after[output + i];
            long wanted = expected(values[i / side], values[i % side]);
            Assert.That(actual == wanted || BothNaN(actual, wanted, outputCode), $"f(0x{values[i / side]:X}, 0x{values[i % side]:X}) = 0x{actual:X}, expected 0x{wanted:X}");
        }

        using var inspector = new PtxInspector();
        Assert.That(inspector.Violations(WordMapKernel.Method(function)), Is.Empty);
    }

    /// <summary>A result keeps the bits of its type: sums wrap, and words that hold fewer bits are extended as the type says.</summary>
    [TestCase(ElementCode.Int8, 127, 1, -128)]
    [TestCase(ElementCode.UInt8, 255, 1, 0)]
    [TestCase(ElementCode.Int16, 32767, 1, -32768)]
    [TestCase(ElementCode.UInt16, 65535, 1, 0)]
    [TestCase(ElementCode.Int32, int.MaxValue, 1, int.MinValue)]
    [TestCase(ElementCode.UInt32, -1, 1, 0)]
    [TestCase(ElementCode.Bool, 1, 1, 1)]
    public void Sum_Wraps(int code, int x, int y, int expected)
    {
        uint[] before = [(uint)x, (uint)y, 7];
        var unit = new WordMapUnit<AddWord>("x + y", [1], NdOperand.Dense(2, [1]), code, [NdOperand.Dense(0, [1]), NdOperand.Dense(1, [1])], [code, code]);

        uint[] after = UnitHarness.Check(unit, 1, before);

        Assert.That((int)after[2], Is.EqualTo(expected));
    }

    /// <summary>exp and log of float64 against the runtime's, which are within one unit themselves.</summary>
    [Test]
    public void Float64Functions_AreWithinTwoUlp()
    {
        var random = new Random(3);
        for (int i = 0; i < 200_000; i++)
        {
            double x = (random.NextDouble() - 0.5) * 1500;
            Assert.That(Ulps(Kernels.Numerics.Special.Float64Functions.Exp(x), Math.Exp(x)), Is.LessThanOrEqualTo(2), $"exp({x:R})");
            double positive = BitConverter.Int64BitsToDouble(random.NextInt64(1, 0x7FF0000000000000));
            Assert.That(Ulps(Kernels.Numerics.Special.Float64Functions.Log(positive), Math.Log(positive)), Is.LessThanOrEqualTo(2), $"log({positive:R})");
            double near = 0.5 + random.NextDouble() * 1.5;
            Assert.That(Ulps(Kernels.Numerics.Special.Float64Functions.Log(near), Math.Log(near)), Is.LessThanOrEqualTo(2), $"log({near:R})");
        }

        foreach (double x in new[] { 0d, -0d, 1, -1, double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.Epsilon, double.MaxValue })
        {
            Assert.That(Kernels.Numerics.Special.Float64Functions.Log(x), Is.EqualTo(Math.Log(x)).Within(1).Ulps);
            Assert.That(Kernels.Numerics.Special.Float64Functions.Exp(x), Is.EqualTo(Math.Exp(x)).Within(1).Ulps);
        }
    }

    private static long Ulps(double a, double b) => a == b ? 0 : Math.Abs(BitConverter.DoubleToInt64Bits(a) - BitConverter.DoubleToInt64Bits(b));

    private static TestCaseData I<TFunction>(Func<long, long, long> expected, int outputCode = ElementCode.Int64) =>
        new TestCaseData(typeof(TFunction), Integers, expected, ElementCode.Int64, outputCode).SetArgDisplayNames(typeof(TFunction).Name);

    private static TestCaseData D<TFunction>(Func<double, double, double> expected) =>
        new TestCaseData(
            typeof(TFunction), Doubles,
            (long x, long y) => BitConverter.DoubleToInt64Bits(expected(BitConverter.Int64BitsToDouble(x), BitConverter.Int64BitsToDouble(y))),
            ElementCode.Float64, ElementCode.Float64).SetArgDisplayNames(typeof(TFunction).Name);

    private static TestCaseData F<TFunction>(Func<float, float, float> expected) =>
        new TestCaseData(
            typeof(TFunction), Floats,
            (long x, long y) => Float(expected(BitConverter.Int32BitsToSingle((int)x), BitConverter.Int32BitsToSingle((int)y))),
            ElementCode.Float32, ElementCode.Float32).SetArgDisplayNames(typeof(TFunction).Name);

    /// <summary>The float next to an integer: reading decimal digits rounds once.</summary>
    private static float Parsed(Int128 x) => float.Parse(x.ToString(null, null), null);

    private static long Float(float value) => BitConverter.SingleToInt32Bits(value);

    private static long Saturated(double x) => double.IsNaN(x) ? 0 : x >= 9.2233720368547758e18 ? long.MaxValue : x <= -9.2233720368547758e18 ? long.MinValue : (long)x;

    private static long Unsigned(double x) => double.IsNaN(x) ? 0 : x < 0 ? Saturated(x) : x >= 1.8446744073709552e19 ? -1 : (long)(ulong)x;

    private static bool BothNaN(long a, long b, int code) =>
        code == ElementCode.Float64 ? double.IsNaN(BitConverter.Int64BitsToDouble(a)) && double.IsNaN(BitConverter.Int64BitsToDouble(b))
        : code < ElementCode.Bool && float.IsNaN(BitConverter.Int32BitsToSingle((int)a)) && float.IsNaN(BitConverter.Int32BitsToSingle((int)b));

    private static void Store(uint[] words, int at, int code, long value)
    {
        words[at] = (uint)value;
        if (ElementCode.Words(code) == 2)
        {
            words[at + 1] = (uint)(value >> 32);
        }
    }
}
