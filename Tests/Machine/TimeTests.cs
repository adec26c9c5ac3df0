using NUnit.Framework;
using RduEmu.Emulator.Machine.Time;

namespace RduEmu.Tests.Machine;

[TestFixture]
public sealed class TimeTests
{
    [TestCase(0, 0)]
    [TestCase(1, 1)]
    [TestCase(64, 1)]
    [TestCase(65, 2)]
    public void Width_RoundsUp(long bytes, long cycles) =>
        Assert.That(BytesPerCycle.Width(64).CyclesFor(new Bytes(bytes)), Is.EqualTo(new Cycles(cycles)));

    /// <summary>1.6 TB/s at 1.2 GHz are 4000/3 bytes a cycle: 4000 bytes are three cycles, one byte more a fourth.</summary>
    [Test]
    public void Fraction_IsExact()
    {
        var bandwidth = new BytesPerCycle(1_600_000_000_000, 1_200_000_000);

        Assert.That(bandwidth.CyclesFor(new Bytes(4000)), Is.EqualTo(new Cycles(3)));
        Assert.That(bandwidth.CyclesFor(new Bytes(4001)), Is.EqualTo(new Cycles(4)));
        Assert.That(bandwidth.Percent(50).CyclesFor(new Bytes(4000)), Is.EqualTo(new Cycles(6)));
        Assert.That(bandwidth.Times(2, 4).CyclesFor(new Bytes(4000)), Is.EqualTo(new Cycles(6)));
        Assert.That(bandwidth.CyclesFor(new Bytes(1L << 50)).Count, Is.EqualTo((long)(((Int128)1 << 50) * 3 / 4000) + 1));
    }

    [Test]
    public void Overflow_IsNotSilent() => Assert.Throws<OverflowException>(() => _ = new Cycles(long.MaxValue) + new Cycles(1));
}
