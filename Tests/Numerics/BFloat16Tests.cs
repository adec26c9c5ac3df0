using System.Runtime.Intrinsics;
using NUnit.Framework;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Tests.Numerics;

[TestFixture]
public sealed class BFloat16Tests
{
    [Test]
    public void EveryBFloat16_StaysUnderBothRoundings_AndRoundTrips()
    {
        for (int bits = 0; bits < 1 << 16; bits++)
        {
            float x = BFloat16.FromBits<ScalarLane, float, int>(bits);
            float nearest = BFloat16.NearestEven<ScalarLane, float, int>(x);
            float stochastic = BFloat16.Stochastic<ScalarLane, float, int>(x, bits * 40503);
            if (float.IsNaN(x))
            {
                Assert.That(float.IsNaN(nearest) && float.IsNaN(stochastic), $"0x{bits:X4}");
                continue;
            }

            Assert.That(BFloat16.ToBits<ScalarLane, float, int>(nearest), Is.EqualTo(bits), "nearest");
            Assert.That(BFloat16.ToBits<ScalarLane, float, int>(stochastic), Is.EqualTo(bits), "stochastic");
        }
    }

    /// <summary>The reference measures both neighbours in float64, where every difference of them is exact.</summary>
    [Test]
    public void NearestEven_IsTheNearerNeighbour_OnADenseSample()
    {
        for (long pattern = 0; pattern < 1L << 32; pattern += 997)
        {
            Compare((uint)pattern);
        }

        for (uint upper = 0; upper < 1 << 16; upper += 3)
        {
            // Just below, at and just above the middle of two bf16, and a NaN whose payload is in the lower half.
            Compare((upper << 16) | 0x7FFF);
            Compare((upper << 16) | 0x8000);
            Compare((upper << 16) | 0x8001);
        }

        Compare(0x7F7FFFFF);
        Compare(0x7F800001);
        Compare(0xFFFFFFFF);
    }

    [Test]
    public void WideLane_EqualsScalarLane()
    {
        for (long pattern = 0; pattern < 1L << 32; pattern += 16 * 10007)
        {
            Vector512<int> bits = Vector512.Create((int)(uint)pattern) + (Vector512<int>.Indices * 10007);
            Vector512<int> random = bits * 48271;
            Vector512<float> nearest = BFloat16.NearestEven<WideLane, Vector512<float>, Vector512<int>>(bits.AsSingle());
            Vector512<float> stochastic = BFloat16.Stochastic<WideLane, Vector512<float>, Vector512<int>>(bits.AsSingle(), random);
            for (int lane = 0; lane < 16; lane++)
            {
                float x = BitConverter.Int32BitsToSingle(bits[lane]);
                Assert.That(Bits(nearest[lane]), Is.EqualTo(Bits(BFloat16.NearestEven<ScalarLane, float, int>(x))));
                Assert.That(Bits(stochastic[lane]), Is.EqualTo(Bits(BFloat16.Stochastic<ScalarLane, float, int>(x, random[lane]))));
            }
        }
    }

    /// <summary>Over all 65536 words the mean is x: 65536 x = (words that go down) below + (words that go up) above, exactly.</summary>
    [TestCase(1.2345678f)]
    [TestCase(-3.1415927f)]
    [TestCase(1f)]
    [TestCase(1.99999988f)]
    [TestCase(6.1e-41f)]
    [TestCase(-1e-45f)]
    [TestCase(2.5e38f)]
    public void Stochastic_IsUnbiased(float x)
    {
        double below = BFloat16.FromBits<ScalarLane, float, int>(Bits(x) >>> 16);
        var counts = new Dictionary<float, int>();
        for (int word = 0; word < 1 << 16; word++)
        {
            // The upper half of the word must not matter.
            float rounded = BFloat16.Stochastic<ScalarLane, float, int>(x, word | (word << 16));
            counts[rounded] = counts.GetValueOrDefault(rounded) + 1;
        }

        // Relative to the lower neighbour every product is an integer multiple of the last place of x, and exact.
        double excess = counts.Sum(pair => (pair.Key - below) * pair.Value);
        Assert.That(counts, Has.Count.LessThanOrEqualTo(2));
        Assert.That(excess, Is.EqualTo((x - below) * 65536));
    }

    [TestCase(float.PositiveInfinity, 0xFFFF, float.PositiveInfinity)]
    [TestCase(float.NegativeInfinity, 0xFFFF, float.NegativeInfinity)]
    [TestCase(float.MaxValue, 0xFFFF, float.PositiveInfinity)]
    [TestCase(float.MaxValue, 0, 3.3895314e38f)]
    [TestCase(float.NaN, 0xFFFF, float.NaN)]
    public void Stochastic_AtTheEndOfTheRange(float x, int word, float expected) =>
        Assert.That(BFloat16.Stochastic<ScalarLane, float, int>(x, word), Is.EqualTo(expected));

    private static int Bits(float x) => BitConverter.SingleToInt32Bits(x);

    private static void Compare(uint pattern)
    {
        float x = BitConverter.UInt32BitsToSingle(pattern);
        float y = BFloat16.NearestEven<ScalarLane, float, int>(x);
        if (float.IsNaN(x))
        {
            Assert.That(float.IsNaN(y) && (Bits(y) & 0xFFFF) == 0, $"0x{pattern:X8}");
            return;
        }

        uint lower = pattern & 0xFFFF0000;
        uint upper = lower + 0x10000;
        double exact = x;
        double toLower = Math.Abs(exact - BitConverter.UInt32BitsToSingle(lower));

        // Beyond the largest bf16 the next step would be 2^128: IEEE rounds as if it existed.
        double next = (upper & 0x7FFFFFFF) == 0x7F800000 ? Math.CopySign(Math.Pow(2, 128), exact) : BitConverter.UInt32BitsToSingle(upper);
        double toUpper = float.IsInfinity(x) ? double.PositiveInfinity : Math.Abs(next - exact);
        bool lowerIsEven = (lower & 0x10000) == 0;
        uint expected = toLower < toUpper || (toLower == toUpper && lowerIsEven) || float.IsInfinity(x) ? lower : upper;
        if ((uint)Bits(y) != expected)
        {
            Assert.Fail($"0x{pattern:X8} gave 0x{Bits(y):X8}, nearest is 0x{expected:X8}");
        }
    }
}
