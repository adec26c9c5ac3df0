using NUnit.Framework;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.Machine.Simulation;
using RduEmu.Emulator.Machine.Spec;
using RduEmu.Emulator.Machine.Time;
using RduEmu.Emulator.Machine.Units;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Llm;

namespace RduEmu.Tests.Machine;

/// <summary>Sections one after the other: gradients of several RDUs, and programs that stay on the chip.</summary>
public sealed class ProgramTimingTests
{
    private static readonly RduSpec Spec = RduParts.Find("sn30");

    private static readonly int[] CurveBatches = [1, 64, 4096, 65536];

    private static readonly PlacedProgram Step = PlacementCompiler.Compile(
        Gpt2Graph.BuildTrainingStep(new Gpt2Configuration(256, 4, 2, Tokens: 128, Vocabulary: 1000), 8), Spec.Resources(4), new PlacementOptions());

    [TestCase(2)]
    [TestCase(8)]
    [TestCase(16)]
    public void Gradients_OverTheLinksInAll_WaitedForOnlyWhereNothingHidesThem(int sockets)
    {
        ProgramTiming timing = new ProgramSimulator(Spec, Step, sockets).Run();
        var collectives = new CollectiveModel(Spec);
        long expected = 0;
        foreach (MachineWork work in Step.Graph.Operators.Where(op => op.Phase != Phase.Forward).Select(op => op.Work))
        {
            expected += work.IndexedRowBytes > 0 ? collectives.AllGather(new Bytes(work.OutputBytes), sockets).Count
                : work.AccumulatesSamples ? collectives.AllReduce(new Bytes(work.OutputBytes / 2 * 4), sockets).Count
                : 0;
        }

        Assert.That(timing.AllReduceWork.Count, Is.EqualTo(expected).And.GreaterThan(0));
        Assert.That(timing.AllReduce, Is.GreaterThan(Cycles.Zero).And.LessThan(timing.AllReduceWork));
        Assert.That(timing.Step, Is.EqualTo(timing.Rdu + timing.AllReduce));
    }

    [Test]
    public void OneSocket_HasNothingToExchange()
    {
        ProgramTiming timing = new ProgramSimulator(Spec, Step).Run();

        Assert.That((timing.AllReduce, timing.AllReduceWork), Is.EqualTo((Cycles.Zero, Cycles.Zero)));
    }

    /// <summary>Two nodes: each RDU's share crosses the nodes, at a node's bandwidth, before the node has it all.</summary>
    [Test]
    public void AllGather_NodesFirst_ThenTheNode()
    {
        var collectives = new CollectiveModel(Spec);
        var each = new Bytes(1 << 20);
        long across = Spec.NodeBandwidth.CyclesFor(each).Count + Spec.FromNanoseconds(Spec.Link.NodeLatencyNanoseconds).Count;
        long within = Spec.LinkBandwidth.CyclesFor(each * 14).Count + Spec.FromNanoseconds(Spec.Link.LatencyNanoseconds).Count;

        Assert.That(collectives.AllGather(each, 16).Count, Is.EqualTo(across + within));
        Assert.That(collectives.AllGather(each, 1), Is.EqualTo(Cycles.Zero));
    }

    /// <summary>A prediction of one section stays on the chip: its weights are loaded once, and batches follow each other.</summary>
    [TestCase(1)]
    [TestCase(512)]
    public void ResidentProgram_BatchesFollowEachOther(int batch)
    {
        RduSpec sn10 = RduParts.Find("sn10");
        PlacedProgram program = PlacementCompiler.Compile(
            DlrmGraph.BuildInference(DlrmPresets.Kaggle.WithTableRowsCap(1000), batch).Graph, sn10.Resources(4), new PlacementOptions());
        ProgramTiming timing = new ProgramSimulator(sn10, program).Run();
        SectionRun run = timing.Sections.Single();

        Assert.That(run.ProgramLoad + run.ArgumentLoad + run.Launch, Is.EqualTo(Cycles.Zero));
        Assert.That(timing.Interval, Is.Not.Null.And.GreaterThan(Cycles.Zero).And.LessThan(timing.Rdu));
        Assert.That(timing.Step, Is.EqualTo(Cycles.Max(timing.Interval!.Value, timing.HostTransfer)));
    }

    [Test]
    public void TrainingStepOfSeveralSections_IsLoadedEachTime()
    {
        ProgramTiming timing = new ProgramSimulator(Spec, Step).Run();

        Assert.That(timing.Interval, Is.Null);
        Assert.That(timing.Sections.Sum(run => run.ProgramLoad.Count), Is.GreaterThan(0));
    }

    /// <summary>Inference of DLRM is almost flat over the batch: even a batch of one reads its weights from as many PMUs as its time asks for.</summary>
    [Test]
    public void DlrmInference_AlmostFlatOverTheBatch()
    {
        RduSpec sn10 = RduParts.Find("sn10");
        double[] rates =
        [
            .. CurveBatches.Select(batch => new ProgramSimulator(
                sn10, PlacementCompiler.Compile(DlrmGraph.BuildInference(DlrmPresets.MlPerf, batch).Graph, sn10.Resources(4), new PlacementOptions())).Run().SamplesPerSecond),
        ];

        Assert.That(rates.Max() / rates.Min(), Is.LessThan(4), string.Join(' ', rates));
    }
}
