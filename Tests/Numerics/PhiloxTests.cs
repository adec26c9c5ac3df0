using System.Runtime.Intrinsics;
using NUnit.Framework;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Tests.Numerics;

[TestFixture]
public sealed class PhiloxTests
{
    /// <summary>The known answers that the authors' Random123 library ships for philox4x32-10.</summary>
    [TestCase(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [TestCase(~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [TestCase(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void KnownAnswers(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint w0, uint w1, uint w2, uint w3) =>
        Assert.That(Scalar(c0, c1, c2, c3, k0, k1), Is.EqualTo(new[] { w0, w1, w2, w3 }));

    [Test]
    public void WideLane_EqualsScalarLane()
    {
        Vector512<int> c0 = Vector512.Create(Enumerable.Range(0, 16).Select(i => i * 0x1234567).ToArray());
        Vector512<int> c1 = c0 * 3;
        Vector512<int> c2 = c0 * -7;
        Vector512<int> c3 = ~c0;
        var k0 = Vector512.Create(42);
        var k1 = Vector512.Create(-1);
        uint[][] expected = [.. Enumerable.Range(0, 16).Select(i => Scalar((uint)c0[i], (uint)c1[i], (uint)c2[i], (uint)c3[i], 42, ~0u))];

        Philox.Generate<WideLane, Vector512<float>, Vector512<int>>(ref c0, ref c1, ref c2, ref c3, k0, k1);

        for (int i = 0; i < 16; i++)
        {
            Assert.That(new[] { (uint)c0[i], (uint)c1[i], (uint)c2[i], (uint)c3[i] }, Is.EqualTo(expected[i]), $"lane {i}");
        }
    }

    [TestCase(0u, 0f)]
    [TestCase(0xFFu, 0f)]
    [TestCase(0x80000000u, 0.5f)]
    [TestCase(~0u, 1f - 1f / (1 << 24))]
    public void Uniform_IsBelowOne_AndExact(uint word, float expected) =>
        Assert.That(
            BitConverter.SingleToInt32Bits(Philox.Uniform<ScalarLane, float, int>((int)word)),
            Is.EqualTo(BitConverter.SingleToInt32Bits(expected)));

    private static uint[] Scalar(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        int a = (int)c0;
        int b = (int)c1;
        int c = (int)c2;
        int d = (int)c3;
        Philox.Generate<ScalarLane, float, int>(ref a, ref b, ref c, ref d, (int)k0, (int)k1);
        return [(uint)a, (uint)b, (uint)c, (uint)d];
    }
}
