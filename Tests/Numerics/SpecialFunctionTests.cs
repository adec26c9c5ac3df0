using System.Runtime.Intrinsics;
using NUnit.Framework;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Tests.Numerics;

/// <summary>Each special function against float64, over a dense sample of all floats; the slow suite takes every one.</summary>
[TestFixture]
public sealed class SpecialFunctionTests
{
    private const int SampleStride = 4099;

    /// <summary>The name, the functions, and the largest error in ulp that is accepted.</summary>
    private static IEnumerable<TestCaseData> Functions()
    {
        yield return Case("Exp", new Subject<ExpFunction>(), Math.Exp, 1.0);
        yield return Case("Log", new Subject<LogFunction>(), Math.Log, 1.0);
        yield return Case("Log1p", new Subject<Log1pFunction>(), Log1p, 1.5);
        yield return Case("Sigmoid", new Subject<SigmoidFunction>(), x => x < 0 ? Math.Exp(x) / (1 + Math.Exp(x)) : 1 / (1 + Math.Exp(-x)), 1.0);
    }

    [TestCaseSource(nameof(Functions))]
    public void DenseSample(ISubject subject, Func<double, double> reference, double boundUlp)
    {
        (double worst, float at) = Worst(subject, reference, SampleStride);

        TestContext.Out.WriteLine($"worst error {worst:F3} ulp at {at:R}");
        Assert.That(worst, Is.LessThanOrEqualTo(boundUlp), $"at {at:R}");
    }

    [TestCaseSource(nameof(Functions)), Category("Slow"), Explicit("all 2^32 floats, minutes: dotnet test -c Release --filter TestCategory=Slow")]
    public void EveryFloat(ISubject subject, Func<double, double> reference, double boundUlp)
    {
        (double worst, float at) = Worst(subject, reference, stride: 1);

        TestContext.Out.WriteLine($"worst error {worst:F4} ulp at {at:R}");
        Assert.That(worst, Is.LessThanOrEqualTo(boundUlp), $"at {at:R}");
    }

    [TestCaseSource(nameof(Functions))]
    public void WideLane_EqualsScalarLane(ISubject subject, Func<double, double> reference, double boundUlp)
    {
        var inputs = new float[16];
        var outputs = new float[16];
        for (long bits = 0; bits < 1L << 32; bits += 1_000_003L * 16)
        {
            for (int i = 0; i < 16; i++)
            {
                inputs[i] = BitConverter.UInt32BitsToSingle((uint)(bits + i * 1_000_003L));
            }

            subject.Wide(inputs, outputs);
            for (int i = 0; i < 16; i++)
            {
                float scalar = subject.Scalar(inputs[i]);
                Assert.That(
                    float.IsNaN(scalar) ? float.IsNaN(outputs[i]) : BitConverter.SingleToInt32Bits(scalar) == BitConverter.SingleToInt32Bits(outputs[i]),
                    $"{inputs[i]:R}: {scalar:R} and {outputs[i]:R}");
            }
        }
    }

    private static (double WorstUlp, float At) Worst(ISubject subject, Func<double, double> reference, long stride)
    {
        float[] special = [0f, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, -float.Epsilon, float.MaxValue, float.MinValue, 1f, -1f];
        var gate = new Lock();
        double worst = 0;
        float at = 0;
        void Take(float x, float y)
        {
            double error = ErrorUlp(y, reference(x));
            if (error > worst)
            {
                lock (gate)
                {
                    if (error > worst)
                    {
                        worst = error;
                        at = x;
                    }
                }
            }
        }

        foreach (float x in special)
        {
            Take(x, subject.Scalar(x));
        }

        long count = ((1L << 32) + stride - 1) / stride;
        Parallel.For(0, Environment.ProcessorCount * 8, part =>
        {
            int parts = Environment.ProcessorCount * 8;
            var inputs = new float[16];
            var outputs = new float[16];
            for (long i = count * part / parts; i < count * (part + 1) / parts; i += 16)
            {
                for (int lane = 0; lane < 16; lane++)
                {
                    inputs[lane] = BitConverter.UInt32BitsToSingle((uint)((i + lane) * stride));
                }

                subject.Wide(inputs, outputs);
                for (int lane = 0; lane < 16; lane++)
                {
                    Take(inputs[lane], outputs[lane]);
                }
            }
        });
        return (worst, at);
    }

    /// <summary>|y - exact| in units of the last place of the float next to exact; infinite where only one is NaN or infinite.</summary>
    private static double ErrorUlp(float y, double exact)
    {
        if (double.IsNaN(exact) || float.IsNaN(y))
        {
            return double.IsNaN(exact) && float.IsNaN(y) ? 0 : double.PositiveInfinity;
        }

        float rounded = (float)exact;
        if (y == rounded)
        {
            // Equal, or half a unit off at most; signs of zero count.
            return y == 0 && float.IsNegative(y) != double.IsNegative(exact) ? double.PositiveInfinity
                : float.IsInfinity(y) ? 0 : Math.Abs(y - exact) / Ulp(rounded);
        }

        return float.IsInfinity(y) && !float.IsInfinity(rounded) && Math.Abs(rounded) < float.MaxValue ? double.PositiveInfinity
            : float.IsInfinity(rounded) ? (Math.Abs(y) == float.MaxValue ? 1 : double.PositiveInfinity)
            : Math.Abs(y - exact) / Ulp(rounded);
    }

    private static double Ulp(float x)
    {
        float magnitude = Math.Abs(x);
        return magnitude < 1.17549435e-38f ? float.Epsilon : (double)magnitude - BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(magnitude) - 1) is var below && (BitConverter.SingleToInt32Bits(magnitude) & 0x7FFFFF) == 0
            ? 2 * below : below;
    }

    /// <summary>log(1 + x) in float64: 1 + x is exact or its lost part is put back.</summary>
    private static double Log1p(double x)
    {
        double u = 1 + x;
        return u == 1 ? x : double.IsInfinity(u) || u <= 0 ? Math.Log(u) : Math.Log(u) + (Math.Abs(x) > 1 ? 1 - (u - x) : x - (u - 1)) / u;
    }

    private static TestCaseData Case(string name, ISubject subject, Func<double, double> reference, double boundUlp) =>
        new TestCaseData(subject, reference, boundUlp).SetArgDisplayNames(name);

    public interface ISubject
    {
        float Scalar(float x);

        void Wide(float[] x, float[] y);
    }

    private sealed class Subject<TFunction> : ISubject
        where TFunction : struct, IUnaryFunction
    {
        public float Scalar(float x) => TFunction.Apply<ScalarLane, float, int>(x);

        public void Wide(float[] x, float[] y) => TFunction.Apply<WideLane, Vector512<float>, Vector512<int>>(Vector512.Create(x)).CopyTo(y);
    }
}
