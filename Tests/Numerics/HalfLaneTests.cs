using System.Runtime.Intrinsics;
using NUnit.Framework;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Tests.Numerics;

/// <summary>Half lanes give the bits of one value at a time, whether or not this host prefers them.</summary>
[TestFixture]
public sealed class HalfLaneTests
{
    private static readonly float[] Arguments =
    [
        0f, -0f, 1e-40f, -1e-40f, 0.3f, -0.7f, 0.9f, -1.2f, 2f, -3.3f, 5.5f, -17f, 88f, -87.5f, 1e9f, -1e9f,
        float.PositiveInfinity, float.NegativeInfinity, float.NaN, 104.5f, -104.5f, 1e-7f, 0.875f, 2.375f,
    ];

    [Test]
    public void SpecialFunctions_AreTheScalarOnes()
    {
        for (int i = 0; i < Arguments.Length; i += HalfLane.WidthElements)
        {
            var x = Vector256.Create<float>(Arguments.AsSpan(i));
            Same(i, "exp", Exponential.Exp<HalfLane, Vector256<float>, Vector256<int>>(x), Exponential.Exp<ScalarLane, float, int>);
            Same(i, "log", Logarithm.Log<HalfLane, Vector256<float>, Vector256<int>>(x), Logarithm.Log<ScalarLane, float, int>);
            Same(i, "tanh", Hyperbolic.Tanh<HalfLane, Vector256<float>, Vector256<int>>(x), Hyperbolic.Tanh<ScalarLane, float, int>);
            Same(i, "erf", ErrorFunction.Erf<HalfLane, Vector256<float>, Vector256<int>>(x), ErrorFunction.Erf<ScalarLane, float, int>);
            Same(i, "sin", Trigonometric.Sin<HalfLane, Vector256<float>, Vector256<int>>(x), Trigonometric.Sin<ScalarLane, float, int>);
            Same(i, "rsqrt", ReciprocalRoot.Rsqrt<HalfLane, Vector256<float>, Vector256<int>>(x), ReciprocalRoot.Rsqrt<ScalarLane, float, int>);
        }
    }

    [Test]
    public void RandomWords_AreTheScalarOnes()
    {
        var random = new Random(1);
        int[] Draw() => [.. Enumerable.Range(0, HalfLane.WidthElements).Select(_ => random.Next(int.MinValue, int.MaxValue))];
        for (int repetition = 0; repetition < 50; repetition++)
        {
            int[] low = Draw(), high = Draw(), step = Draw();
            Vector256<int> words = RandomElement.Words<HalfLane, Vector256<float>, Vector256<int>>(
                Vector256.Create<int>(low), Vector256.Create<int>(high), Vector256.Create<int>(step), Vector256.Create(5), Vector256.Create(-7), out Vector256<int> second);
            for (int lane = 0; lane < HalfLane.WidthElements; lane++)
            {
                int expected = RandomElement.Words<ScalarLane, float, int>(low[lane], high[lane], step[lane], 5, -7, out int expectedSecond);
                Assert.That((words[lane], second[lane]), Is.EqualTo((expected, expectedSecond)));
            }
        }
    }

    private static void Same(int first, string name, Vector256<float> actual, Func<float, float> scalar)
    {
        for (int lane = 0; lane < HalfLane.WidthElements; lane++)
        {
            float expected = scalar(Arguments[first + lane]);
            bool isSame = float.IsNaN(expected) ? float.IsNaN(actual[lane]) : BitConverter.SingleToInt32Bits(actual[lane]) == BitConverter.SingleToInt32Bits(expected);
            Assert.That(isSame, $"{name}({Arguments[first + lane]:R}) is {actual[lane]:R}, one at a time {expected:R}");
        }
    }
}
