using System.Runtime.Intrinsics;
using MathNet.Numerics;
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
        yield return Case("Log1p", new Subject<Log1pFunction>(), Log1p, 1.0);
        yield return Case("Sigmoid", new Subject<SigmoidFunction>(), x => x < 0 ? Math.Exp(x) / (1 + Math.Exp(x)) : 1 / (1 + Math.Exp(-x)), 1.0);
        yield return Case("Tanh", new Subject<TanhFunction>(), Math.Tanh, 1.0);
        yield return Case("Erf", new Subject<ErfFunction>(), x => x == 0 ? x : SpecialFunctions.Erf(x), 1.0);
        yield return Case("Rsqrt", new Subject<RsqrtFunction>(), x => 1 / Math.Sqrt(x), 1.0);
        yield return Case("Sin", new Subject<SinFunction>(), Math.Sin, 1.0);
        yield return Case("Cos", new Subject<CosFunction>(), Math.Cos, 1.0);
        yield return Case("Tan", new Subject<TanFunction>(), Math.Tan, 2.5);
        yield return Case("Asin", new Subject<AsinFunction>(), Math.Asin, 1.0);
        yield return Case("Acos", new Subject<AcosFunction>(), Math.Acos, 1.0);
        yield return Case("Atan", new Subject<AtanFunction>(), Math.Atan, 1.0);
        yield return Case("Sinh", new Subject<SinhFunction>(), Math.Sinh, 1.0);
        yield return Case("Cosh", new Subject<CoshFunction>(), Math.Cosh, 1.0);
        yield return Case("Asinh", new Subject<AsinhFunction>(), Math.Asinh, 2.0);
        yield return Case("Acosh", new Subject<AcoshFunction>(), Math.Acosh, 2.0);
        yield return Case("Atanh", new Subject<AtanhFunction>(), Math.Atanh, 2.0);
        yield return Case("Expm1", new Subject<Expm1Function>(), Expm1, 1.0);
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
        // The last two lie closest to a multiple of pi / 2: the hardest for the reduction.
        float[] special = [0f, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, -float.Epsilon, float.MaxValue, float.MinValue, 1f, -1f, 16367173f * 4.7223665e21f, 1.5707964f];
        var gate = new Lock();
        double worst = 0;
        float at = 0;
        void Take(float x, float y)
        {
            double error = UlpError.Of(y, reference(x));
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

    /// <summary>log(1 + x) in float64: 1 + x is exact or its lost part is put back.</summary>
    private static double Log1p(double x)
    {
        double u = 1 + x;
        return u == 1 ? x : double.IsInfinity(u) || u <= 0 ? Math.Log(u) : Math.Log(u) + (Math.Abs(x) > 1 ? 1 - (u - x) : x - (u - 1)) / u;
    }

    /// <summary>exp(x) - 1 in float64: small x by the series, whose next term is 1e-21 of the sum.</summary>
    private static double Expm1(double x) =>
        Math.Abs(x) < 1e-3 ? x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6))))) : Math.Exp(x) - 1;

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
