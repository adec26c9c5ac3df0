using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Emulator.Machine.Simulation;
using RduEmu.Emulator.Machine.Time;
using RduEmu.Kernels.Errors;

namespace RduEmu.Tests.Machine;

[TestFixture]
public sealed class SectionSimulatorTests
{
    /// <summary>A chain without contention: the first piece passes all stages, then one comes out in the time of the slowest.</summary>
    [TestCase(new long[] { 5 }, 1)]
    [TestCase(new long[] { 5, 9, 3 }, 1)]
    [TestCase(new long[] { 5, 9, 3 }, 1000)]
    [TestCase(new long[] { 100, 1, 100, 1 }, 37)]
    public void Chain_TakesItsFillAndTheSlowestStage(long[] services, long firings)
    {
        const long Latency = 7;
        SectionProgram chain = Chain(services, firings, Latency, depth: 4);
        long expected = services.Sum() + (Latency * services.Length) + ((firings - 1) * services.Max());

        Assert.That(SectionSimulator.Run(chain, fastForward: false).Total.Count, Is.EqualTo(expected));
        Assert.That(SectionSimulator.Run(chain).Total.Count, Is.EqualTo(expected));
    }

    /// <summary>With one buffer the producer waits until the consumer is done: the interval is the sum of both and the latency between.</summary>
    [Test]
    public void SingleBuffer_TakesTurns()
    {
        SectionTiming timing = SectionSimulator.Run(Chain([10, 20], firings: 100, latency: 3, depth: 1));

        Assert.That(timing.Total.Count, Is.EqualTo((99 * 33) + 36));
        Assert.That(timing.Interval, Is.EqualTo(33));
        Assert.That(timing.Actors[0].WaitedForRoom.Count, Is.EqualTo(99 * 23));
        Assert.That(timing.Actors[1].WaitedForInput.Count, Is.EqualTo(13 + (99 * 13)));
    }

    /// <summary>Two loads over one memory: it is busy all the time, and its time is what counts.</summary>
    [Test]
    public void SharedMemory_IsTheBottleneck()
    {
        Resource[] resources = [new("memory", ResourceKind.Memory)];
        Actor Load(string name, long occupancy) =>
            new(name, ActorKind.Load, 0, 500, new Cycles(4), Cycles.Zero, [new ResourceUse(0, new Cycles(occupancy), new Bytes(64 * occupancy))]);
        Actor stage = new("stage", ActorKind.Stage, 0, 500, new Cycles(5), Cycles.Zero, []);
        var program = new SectionProgram(
            "shared", [Load("a", 10), Load("b", 7), stage], [new("x", 0, 2, ChannelKind.Stream), new("y", 1, 2, ChannelKind.Stream)], EquatableArray.Create<Resource>(resources));
        SectionTiming timing = SectionSimulator.Run(program);

        Assert.That(timing.Total.Count, Is.EqualTo((500 * 17) + 5));
        Assert.That(timing.Interval, Is.EqualTo(17));
        Assert.That(timing.Resources[0], Is.EqualTo(new ResourceTiming(new Cycles(500 * 17), new Bytes(500 * 17 * 64), timing.Resources[0].Contention)));
        Assert.That(timing.Resources[0].Contention.Count, Is.GreaterThan(0));
    }

    /// <summary>A consumer that needs a whole sample of four pieces, and weights before the first of them.</summary>
    [Test]
    public void LagAndCompletion_HoldTheConsumerBack()
    {
        Actor weights = new("weights", ActorKind.Load, 0, 1, new Cycles(1000), Cycles.Zero, []);
        Actor producer = new("producer", ActorKind.Stage, 0, 16, new Cycles(10), Cycles.Zero, []);
        Actor consumer = new("consumer", ActorKind.Stage, 1, 16, new Cycles(10), Cycles.Zero, []);
        Actor store = new("store", ActorKind.Store, 0, 1, new Cycles(50), Cycles.Zero, []);
        SectionProgram Program(long depth) => new(
            "lag", [weights, producer, consumer, store],
            [new("x", 1, 2, ChannelKind.Stream, Lag: 4, Depth: depth), new("w", 0, 2, ChannelKind.Completion), new("sums", 2, 3, ChannelKind.Completion)], []);

        Assert.That(SectionSimulator.Run(Program(8)).Total.Count, Is.EqualTo(1000 + 160 + 50));
        RduException error = Assert.Throws<RduException>(() => SectionSimulator.Run(Program(3)))!;
        Assert.That(error.Message, Does.StartWith("RDU0602").And.Contain("producer (after 3 of 16) waits for room in x (holds 3), which consumer must empty").And
            .Contain("consumer (after 0 of 16) waits for the next of x from producer"));
    }

    /// <summary>The fast path is the same simulation: sections by chance, with diamonds, skips, shared resources, lags and late phases.</summary>
    [Test]
    public void FastForward_EqualsFiringByFiring([Range(1, 60)] int seed)
    {
        SectionProgram program = Random(new Random(seed), firings: 400 + seed);
        SectionTiming slow = SectionSimulator.Run(program, fastForward: false);
        SectionTiming fast = SectionSimulator.Run(program);

        Assert.That(fast.Total, Is.EqualTo(slow.Total));
        Assert.That(fast.Actors, Is.EqualTo(slow.Actors).AsCollection);
        Assert.That(fast.Resources, Is.EqualTo(slow.Resources).AsCollection);
        long fill = program.Resources.Count == 0 ? 0 : slow.Resources.Max(resource => resource.Busy.Count);
        Assert.That(slow.Total.Count, Is.GreaterThanOrEqualTo(Math.Max(fill, slow.Actors.Max(actor => actor.Busy.Count))));
    }

    /// <summary>Without it the theory above would compare the simulation with itself.</summary>
    [Test]
    public void FastForward_SkipsMostOfALongSection()
    {
        long skipped = 0;
        for (int seed = 1; seed <= 60; seed++)
        {
            skipped += SectionSimulator.Run(Random(new Random(seed), firings: 20_000)).SkippedFirings > 10_000 ? 1 : 0;
        }

        Assert.That(skipped, Is.GreaterThan(50));
    }

    private static SectionProgram Chain(long[] services, long firings, long latency, long depth) => new(
        "chain",
        EquatableArray.Create<Actor>([.. services.Select((service, i) => new Actor($"s{i}", ActorKind.Stage, i, firings, new Cycles(service), new Cycles(latency), []))]),
        EquatableArray.Create<Channel>([.. Enumerable.Range(1, services.Length - 1).Select(i => new Channel($"c{i}", i - 1, i, ChannelKind.Stream, 1, depth))]),
        []);

    private static SectionProgram Random(Random random, long firings)
    {
        int stages = random.Next(2, 9);
        Resource[] resources = [.. Enumerable.Range(0, random.Next(1, 4)).Select(i => new Resource($"r{i}", ResourceKind.Memory))];
        var actors = new List<Actor>();
        var channels = new List<Channel>();
        bool late = random.Next(3) == 0;
        for (int i = 0; i < stages; i++)
        {
            ResourceUse[] uses = [.. Enumerable.Range(0, resources.Length).Where(_ => random.Next(3) == 0).Select(r => new ResourceUse(r, new Cycles(random.Next(1, 30)), new Bytes(random.Next(1, 999))))];
            actors.Add(new Actor($"s{i}", ActorKind.Stage, i, firings, new Cycles(random.Next(1, 50)), new Cycles(random.Next(0, 40)), EquatableArray.Create<ResourceUse>(uses)));
            for (int from = 0; from < i; from++)
            {
                if (from == i - 1 || random.Next(4) == 0)
                {
                    long lag = random.Next(4) == 0 ? random.Next(1, 5) : 1;
                    channels.Add(new Channel($"c{from}_{i}", from, i, ChannelKind.Stream, lag, (lag * 8) + random.Next(0, 3)));
                }
            }
        }

        actors.Add(new Actor("weights", ActorKind.Load, 0, 1, new Cycles(random.Next(1, 3000)), Cycles.Zero, [new ResourceUse(0, new Cycles(500), new Bytes(9))]));
        channels.Add(new Channel("w", stages, random.Next(0, stages), ChannelKind.Completion));
        actors.Add(new Actor("sums", ActorKind.Store, 0, 1, new Cycles(random.Next(1, 300)), Cycles.Zero, []));
        channels.Add(new Channel("sums", stages - 1, stages + 1, ChannelKind.Completion));
        if (late)
        {
            // A second phase: rows of a parameter, after all sums are there.
            actors.Add(new Actor("update", ActorKind.Stage, 0, 133, new Cycles(random.Next(1, 50)), new Cycles(3), []));
            channels.Add(new Channel("gradient", stages + 1, stages + 2, ChannelKind.Completion));
        }

        return new SectionProgram("chance", EquatableArray.Create<Actor>([.. actors]), EquatableArray.Create<Channel>([.. channels]), EquatableArray.Create<Resource>(resources));
    }
}
