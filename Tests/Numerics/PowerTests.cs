using System.Runtime.Intrinsics;
using NUnit.Framework;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Tests.Numerics;

/// <summary>x^y against float64 (whose own error is far below a float's), and the special cases of IEEE 754.</summary>
[TestFixture]
public sealed class PowerTests
{
    private const double BoundUlp = 1.0;

    [Test]
    public void Sample([Values] Draw draw) => Check(draw, 2_000_000, BoundUlp);

    [Test, Category("Slow"), Explicit("2^28 pairs of each kind, minutes: dotnet test -c Release --filter TestCategory=Slow")]
    public void LargeSample([Values] Draw draw) => Check(draw, 1L << 28, BoundUlp);

    [Test]
    public void SpecialCases_AreThoseOfIeee754()
    {
        float[] values =
        [
            0f, -0f, 1f, -1f, 2f, -2f, 3f, -3f, 0.5f, -0.5f, 1.5f, -1.5f, 16777215f, -16777215f, 16777216f, -16777216f, 8388607.5f, 1e30f, -1e30f,
            float.Epsilon, -float.Epsilon, float.MaxValue, float.MinValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN,
        ];
        foreach (float x in values)
        {
            foreach (float y in values)
            {
                double error = UlpError.Of(PowFunction.Apply<ScalarLane, float, int>(x, y), Math.Pow(x, y));
                Assert.That(error, Is.LessThanOrEqualTo(BoundUlp), $"{x:R} to the power of {y:R}");
            }
        }
    }

    public enum Draw
    {
        /// <summary>Every bit pattern of both is as likely: mostly overflow, underflow and NaN.</summary>
        AnyBits,

        /// <summary>Any positive x, and y such that the result is anywhere in the floats' range.</summary>
        WholeRange,

        /// <summary>x within a factor of 4 of 1, y such that the result is anywhere: the hardest for the logarithm.</summary>
        NearOne,

        /// <summary>A negative x and a small integer y.</summary>
        IntegerPower,
    }

    private static void Check(Draw draw, long count, double boundUlp)
    {
        var gate = new Lock();
        double worst = 0;
        string at = "";
        Parallel.For(0, 64, part =>
        {
            var random = new Random(part);
            var x = new float[16];
            var y = new float[16];
            var result = new float[16];
            for (long i = 0; i < count / 64; i += 16)
            {
                for (int lane = 0; lane < 16; lane++)
                {
                    (x[lane], y[lane]) = Next(draw, random);
                }

                PowFunction.Apply<WideLane, Vector512<float>, Vector512<int>>(Vector512.Create(x), Vector512.Create(y)).CopyTo(result);
                int chosen = (int)(i / 16 % 16);
                float scalar = PowFunction.Apply<ScalarLane, float, int>(x[chosen], y[chosen]);
                Assert.That(BitConverter.SingleToInt32Bits(scalar) == BitConverter.SingleToInt32Bits(result[chosen]) || (float.IsNaN(scalar) && float.IsNaN(result[chosen])));
                for (int lane = 0; lane < 16; lane++)
                {
                    double error = UlpError.Of(result[lane], Math.Pow(x[lane], y[lane]));
                    if (error > worst)
                    {
                        lock (gate)
                        {
                            if (error > worst)
                            {
                                worst = error;
                                at = $"{x[lane]:R} to the power of {y[lane]:R}";
                            }
                        }
                    }
                }
            }
        });
        TestContext.Out.WriteLine($"worst error {worst:F4} ulp at {at}");
        Assert.That(worst, Is.LessThanOrEqualTo(boundUlp), at);
    }

    private static (float X, float Y) Next(Draw draw, Random random)
    {
        float any = BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32));
        switch (draw)
        {
            case Draw.AnyBits:
                return (any, BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32)));
            case Draw.WholeRange:
                float positive = Math.Abs(any);
                return (positive, (float)((random.NextDouble() * 280 - 151) / Math.Log2(positive)));
            case Draw.NearOne:
                float near = (float)Math.Pow(2, random.NextDouble() * 4 - 2);
                return (near, (float)((random.NextDouble() * 280 - 151) / Math.Log2(near)));
            default:
                return (-(float)Math.Pow(2, random.NextDouble() * 20 - 10), random.Next(-12, 13));
        }
    }
}
