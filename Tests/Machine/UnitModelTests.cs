using NUnit.Framework;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Compiler.Placement.Sections;
using RduEmu.Emulator.Fabric;
using RduEmu.Emulator.Machine.Spec;
using RduEmu.Emulator.Machine.Time;
using RduEmu.Emulator.Machine.Units;

namespace RduEmu.Tests.Machine;

[TestFixture]
public sealed class UnitModelTests
{
    private static readonly RduSpec Sn10 = RduParts.Find("sn10");
    private static readonly RduSpec Ideal = Sn10 with { Calibration = new CalibrationSpec(100, 100) };

    /// <summary>One block of 16 x 16 outputs takes K cycles and the skew in and out; 17 rows are two blocks.</summary>
    [TestCase(16, 16, 256, 1, 256 + 32)]
    [TestCase(17, 16, 256, 1, 2 * (256 + 32))]
    [TestCase(17, 16, 256, 2, 256 + 32)]
    [TestCase(160, 160, 1024, 10, 10 * (1024 + 32))]
    public void Array_WorksBlockByBlock(int m, int n, int k, int copies, long cycles) =>
        Assert.That(new UnitModel(Ideal).Systolic(new GemmShape(1, m, n, k), copies), Is.EqualTo(new Cycles(cycles)));

    /// <summary>A long product reaches the peak but for the skew: 2·M·N·K operations in M·N·K/256 cycles of one PCU.</summary>
    [Test]
    public void LongProduct_ReachesThePeak()
    {
        var gemm = new GemmShape(1, 1024, 1024, 1 << 16);
        double rate = 2.0 * gemm.MultiplyAdds / new UnitModel(Ideal).Systolic(gemm, 1).Count;

        Assert.That(rate / Ideal.OperationsPerPcuCycle, Is.InRange(0.999, 1.0));
    }

    /// <summary>The planner balances stages by the form that their units will take: an array, or dot products in the lanes.</summary>
    [TestCase(1, 1024, 1024, 1)]
    [TestCase(1, 1024, 1024, 600)]
    [TestCase(1, 27, 128, 10)]
    [TestCase(64, 1024, 1024, 40)]
    [TestCase(4096, 1, 256, 7)]
    [TestCase(2048, 1600, 6400, 500)]
    public void Planner_KnowsTheFormThatUnitsTake(int m, int n, int k, int copies)
    {
        var gemm = new GemmShape(1, m, n, k);
        ((long Pieces, long Cycles) array, (long Pieces, long Cycles) dots) = PlannerModel.ProductWork(Sn10.Resources(4), gemm);
        long Planned((long Pieces, long Cycles) work) => UnitModel.CeilDiv(work.Pieces, Math.Min(copies, work.Pieces)) * work.Cycles;
        long units = Cycles.Min(new UnitModel(Sn10).Systolic(gemm, copies), new UnitModel(Sn10).Dots(gemm, copies)).Count;

        Assert.That(Math.Min(Planned(array), Planned(dots)), Is.EqualTo(units).Within(3).Percent.Or.EqualTo(units).Within(Sn10.Pcu.Lanes));
    }

    [Test]
    public void Calibration_StretchesTime()
    {
        var gemm = new GemmShape(1, 160, 160, 1024);
        long ideal = new UnitModel(Ideal).Systolic(gemm, 10).Count;
        long sustained = new UnitModel(Ideal with { Calibration = new CalibrationSpec(25, 100) }).Systolic(gemm, 10).Count;

        Assert.That(sustained, Is.EqualTo(4 * ideal));
    }

    /// <summary>One row leaves fifteen of sixteen rows of an array idle; as dot products it is 8 times faster.</summary>
    [Test]
    public void SingleRow_IsFasterAsDotProducts()
    {
        var gemm = new GemmShape(1, 1, 4096, 4096);
        var units = new UnitModel(Ideal);

        Assert.That(units.Dots(gemm, 16).Count, Is.LessThan(units.Systolic(gemm, 16).Count));
        Assert.That(units.Dots(new GemmShape(1, 256, 4096, 4096), 16).Count, Is.GreaterThan(units.Systolic(new GemmShape(1, 256, 4096, 4096), 16).Count));
    }

    [TestCase(1600, 8, 1, 1, 100)]
    [TestCase(1600, 9, 1, 1, 200)]
    [TestCase(1600, 9, 1, 2, 100)]
    [TestCase(1601, 8, 1, 1, 101)]
    [TestCase(1600, 8, 4, 1, 25)]
    public void Pipeline_TakesAVectorACycle(long elements, long stages, long copies, long series, long cycles) =>
        Assert.That(new UnitModel(Ideal).Simd(elements, stages, copies, series), Is.EqualTo(new Cycles(cycles)));

    [Test]
    public void Tree_HasALevelForEachDoubling() => Assert.That(new UnitModel(Ideal).ReductionTree, Is.EqualTo(4));

    /// <summary>Words go round 16 banks: an odd stride meets none twice, 2 meets two, 16 all of 16 lanes; one word for all is broadcast.</summary>
    [TestCase(1, 1)]
    [TestCase(3, 1)]
    [TestCase(2, 2)]
    [TestCase(4, 4)]
    [TestCase(16, 16)]
    [TestCase(64, 16)]
    [TestCase(0, 1)]
    public void Stride_MeetsBanks(long stride, long cycles) => Assert.That(new PmuModel(Sn10).ConflictCycles(stride), Is.EqualTo(cycles));

    [Test]
    public void NarrowRows_TakeWholeVectorsAndBursts()
    {
        var memory = new MemoryModel(Sn10, BytesPerCycle.Width(64));

        Assert.That(new PmuModel(Sn10).Padded(new Bytes(320), 32), Is.EqualTo(new Bytes(640)));
        Assert.That(memory.Moved(new Bytes(320), 32), Is.EqualTo(new Bytes(640)));
        Assert.That(memory.Moved(new Bytes(320), 320), Is.EqualTo(new Bytes(320)));
    }

    /// <summary>Two exchanges of 7/8 of the data and two latencies; over two nodes an eighth of it crosses between them, too.</summary>
    [Test]
    public void AllReduce_IsTwoExchanges()
    {
        var collectives = new CollectiveModel(Sn10);
        var amount = new Bytes(8 << 20);
        long latency = Sn10.FromNanoseconds(Sn10.Link.LatencyNanoseconds).Count;
        long within = Sn10.LinkBandwidth.CyclesFor(new Bytes(7 << 20)).Count + latency;
        long across = Sn10.NodeBandwidth.CyclesFor(new Bytes(1 << 19)).Count + Sn10.FromNanoseconds(Sn10.Link.NodeLatencyNanoseconds).Count;

        Assert.That(collectives.AllReduce(amount, 1), Is.EqualTo(Cycles.Zero));
        Assert.That(collectives.AllReduce(amount, 8).Count, Is.EqualTo(2 * within));
        Assert.That(collectives.AllReduce(amount, 16).Count, Is.EqualTo(2 * (within + across)));
    }

    /// <summary>The RDU with most to send or take decides, inside the node and out of it; each round waits a latency.</summary>
    [Test]
    public void Exchanges_TakeAsLongAsTheBusiestRdu()
    {
        var model = new TrafficModel(Sn10);
        LinkTraffic[] inside = [new(0, 1, true, 1, 1 << 20), new(2, 1, true, 1, 1 << 20), new(1, 0, true, 1, 1 << 19)];
        LinkTraffic across = new(0, 9, false, 1, 1 << 20);
        long within = Sn10.LinkBandwidth.CyclesFor(new Bytes(2 << 20)).Count;
        long latency = Sn10.FromNanoseconds(Sn10.Link.LatencyNanoseconds).Count;
        long outside = Sn10.LinkBandwidth.CyclesFor(new Bytes(1 << 20)).Count + Sn10.NodeBandwidth.CyclesFor(new Bytes(1 << 20)).Count;

        Assert.That(model.StepTime([], rounds: 5), Is.EqualTo(Cycles.Zero));
        Assert.That(model.StepTime(inside, rounds: 3).Count, Is.EqualTo(within + 3 * latency));
        Assert.That(model.StepTime([.. inside, across], rounds: 1).Count, Is.EqualTo(outside + Sn10.FromNanoseconds(Sn10.Link.NodeLatencyNanoseconds).Count));
    }

    /// <summary>Half an SN30 alone is limited by its tiles' doors, both halves by their share of the channels.</summary>
    [Test]
    public void Tiles_DrawWhatTheirDoorsAndTheirShareAllow()
    {
        RduSpec spec = RduParts.Find("sn30");
        double all = spec.MemoryBandwidth(8, isShared: false).Value;

        Assert.That(spec.MemoryBandwidth(4, isShared: true).Value, Is.EqualTo(all / 2).Within(1e-9));
        Assert.That(spec.MemoryBandwidth(4, isShared: false).Value, Is.InRange(all / 2, all));
        Assert.That(all * spec.ClockHertz, Is.EqualTo(8 * 25.6e9 * 0.75).Within(1));
    }
}
