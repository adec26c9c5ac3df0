using System.Collections.Immutable;
using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Optimizers;
using RduEmu.Compiler.Parallelism;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Fabric;
using RduEmu.Emulator.Training;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Training;

namespace RduEmu.Tests.Training;

/// <summary>A batch that is cut, over RDUs or in time, has the bits of the whole.</summary>
[TestFixture]
public sealed class BatchCutTests
{
    private static readonly DlrmConfiguration Small = DlrmPresets.Ml100k;

    /// <summary>Parts of whole leaves, whose sums are cut at the top of the tree; parts that cut leaves; three parts; one sample each.</summary>
    [TestCase(64, 2, 1)]
    [TestCase(64, 1, 2)]
    [TestCase(256, 8, 1)]
    [TestCase(256, 2, 4)]
    [TestCase(96, 1, 3)]
    [TestCase(40, 4, 1)]
    [TestCase(16, 4, 2)]
    [TestCase(8, 8, 1)]
    public void Bits_AreThoseOfTheWholeBatch(int batch, int sockets, int accumulate)
    {
        foreach (OptimizerKind optimizer in new[] { OptimizerKind.Sgd, OptimizerKind.RowWiseAdagrad })
        {
            (string Weights, float[] Losses) whole = Train(optimizer, batch, new ExecutionTarget("host", 1), BatchSplit.None);
            (string Weights, float[] Losses) cut = Train(optimizer, batch, new ExecutionTarget("host", 2), new BatchSplit(sockets, accumulate));

            Assert.That(cut.Weights, Is.EqualTo(whole.Weights), $"{optimizer}");
            Assert.That(cut.Losses, Is.EqualTo(whole.Losses).AsCollection, $"{optimizer}");
        }
    }

    [Test]
    public void Bits_AreThoseOfTheWholeBatch_OnTheSimulator()
    {
        string whole = Train(OptimizerKind.Sgd, 64, new ExecutionTarget("host", 1), BatchSplit.None).Weights;

        Assert.That(Train(OptimizerKind.Sgd, 64, new ExecutionTarget("ilgpu", 1), new BatchSplit(2)).Weights, Is.EqualTo(whole));
    }

    /// <summary>Whole leaves are summed by the parts: their inputs do not cross. Where parts cut leaves, rows do.</summary>
    [TestCase(2, true)]
    [TestCase(4, false)]
    public void Sums_AreCutWhereThePartsAreWholeSubtrees(int parts, bool areShared)
    {
        Graph step = new DlrmModel(Small).BuildTrainingStep(64).Graph;
        ImmutableArray<CutPhase> phases = BatchCut.Run(step, parts);
        int weights = step.Nodes.Count(node => node.Operator is LinearWeightGradient);

        Assert.That(phases, Has.Length.EqualTo(1));
        Assert.That(phases[0].Part.Graph.Nodes.Count(node => node.Operator is LinearWeightGradient), Is.EqualTo(areShared ? weights : 0));
        Assert.That(phases[0].Join.Graph.Nodes.Count(node => node.Operator is LinearWeightGradient), Is.EqualTo(areShared ? 0 : weights));
        Assert.That(phases[0].Join.Graph.Nodes.Any(node => node.Operator is EmbeddingBagGradient));
    }

    /// <summary>y = x + column sum of x, then its sum again: what a normalisation over the batch needs.</summary>
    [Test]
    public void SamplesThatDependOnASum_TakeAnotherPhase()
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(64, 1));
        ValueId sum = builder.Apply(new SampleSum(), x);
        ValueId y = builder.Apply(new AddBias(), x, sum);
        ValueId total = builder.Apply(new SampleSum(), y);
        Graph graph = builder.Build(total);
        ImmutableArray<CutPhase> phases = BatchCut.Run(graph, 2, total);

        Assert.That(phases, Has.Length.EqualTo(2));
        Assert.That(phases[1].Part.Given.Single().Crossing, Is.EqualTo(new Crossing(sum, CrossingKind.Whole)));
        Assert.That(phases[1].Join.Taken.Single().Crossing, Is.EqualTo(new Crossing(total, CrossingKind.Whole)));

        var model = new ModelGraph(graph, [], []) { Loss = total };
        var field = new Batch(64, new BatchField("x", TensorType.Samples(64, 1)));
        var random = new Random(1);
        for (int i = 0; i < field["x"].Floats.Length; i++)
        {
            field["x"].Floats[i] = random.NextSingle();
        }

        Assert.That(Run(new PartedStep(model, 4, null), field), Is.EqualTo(Run(new WholeStep(model), field)));
    }

    /// <summary>Shares that are added as they come have the sum of the whole tree, and few of them are kept.</summary>
    [Test]
    public void SharesThatAreFolded_HaveTheTreesSum([Range(1, 20)] int shares)
    {
        const int length = 37;
        var random = new Random(shares);
        float[][] all = [.. Enumerable.Range(0, shares).Select(_ => Enumerable.Range(0, length).Select(_ => random.NextSingle() - 0.5f).ToArray())];
        var fold = new ShareFold(length);
        var sum = new float[length];
        for (int time = 0; time < 2; time++)
        {
            foreach (float[] share in all)
            {
                float[] room = fold.Next();
                share.CopyTo(room, 0);
                fold.Add(room);
            }

            fold.Finish(sum);
            Assert.That(sum.Select(BitConverter.SingleToInt32Bits), Is.EqualTo(Tree(all).Select(BitConverter.SingleToInt32Bits)).AsCollection);
        }

        Assert.That(fold.CountArrays, Is.LessThanOrEqualTo(1 + (int)Math.Log2(shares) + 1));
    }

    private static float[] Tree(ReadOnlySpan<float[]> shares)
    {
        if (shares.Length == 1)
        {
            return shares[0];
        }

        int left = 1 << (31 - int.LeadingZeroCount(shares.Length - 1));
        return [.. Tree(shares[..left]).Zip(Tree(shares[left..]), (a, b) => a + b)];
    }

    [Test]
    public void PartsThatAreNotEqual_AreRefused() =>
        Assert.That(
            Assert.Throws<RduException>(() => BatchCut.Run(new DlrmModel(Small).BuildTrainingStep(10).Graph, 4))!.Id, Is.SameAs(ErrorCatalogue.OptionInvalid));

    [Test]
    public void Fabric_GathersAndKeepsOrder()
    {
        IFabric[] node = InProcessFabric.Create(4);
        var gathered = new byte[4][];
        Thread[] threads =
        [
            .. node.Select(view => new Thread(() =>
            {
                byte[] all = new byte[8];
                all[2 * view.Socket] = (byte)view.Socket;
                all[2 * view.Socket + 1] = (byte)(10 * view.Socket);
                view.AllGather(all);
                view.Barrier();
                view.Send((view.Socket + 1) % 4, [1, (byte)view.Socket]);
                view.Send((view.Socket + 1) % 4, [2]);
                var first = new byte[2];
                var second = new byte[1];
                view.Receive((view.Socket + 3) % 4, first);
                view.Receive((view.Socket + 3) % 4, second);
                gathered[view.Socket] = [.. all, .. first, .. second];
            })),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        for (int socket = 0; socket < 4; socket++)
        {
            Assert.That(gathered[socket], Is.EqualTo(new byte[] { 0, 0, 1, 10, 2, 20, 3, 30, 1, (byte)((socket + 3) % 4), 2 }).AsCollection);
            Assert.That(node[socket].SentBytes, Is.EqualTo(3 * 2 + 3));
        }
    }

    [Test]
    public void FabricThatIsAborted_EndsAllWaiting()
    {
        InProcessFabric[] node = InProcessFabric.Create(2);
        node[1].Abort();

        Assert.Throws<OperationCanceledException>(() => node[0].Receive(1, new byte[1]));
        Assert.Throws<OperationCanceledException>(node[0].Barrier);
    }

    private static float Run(TrainingStep step, Batch batch)
    {
        var target = new ExecutionTarget("host", 1);
        var programs = new List<RduEmu.Compiler.Lowering.CompiledProgram>();
        foreach (ModelGraph graph in step.Graphs)
        {
            programs.Add(target.Compile(graph.Graph, programs.LastOrDefault()));
        }

        using Executor owner = target.Create(programs[0], programs[^1]);
        Executor[] others = [.. programs.Skip(1).Select(owner.Share)];
        step.Bind([owner, .. others]);
        float result = step.Step(batch, new StepMoment(0, 0f));
        Array.ForEach(others, other => other.Dispose());
        return result;
    }

    private static (string Weights, float[] Losses) Train(OptimizerKind optimizer, int batch, ExecutionTarget target, BatchSplit split)
    {
        var model = new DlrmModel(Small, optimizer);
        using DlrmData data = DlrmData.Open(Small, null, null, seed: 1);
        using var session = new ModelSession(model, target, new SessionPurpose(batch), split);
        session.PoisonScratch(0xFF);
        session.Initialize(1);
        Batch samples = data.Training.CreateBatch(batch);
        var losses = new float[3];
        for (int step = 0; step < losses.Length; step++)
        {
            data.Training.Read(samples);
            losses[step] = session.Step(samples, new StepMoment(step, 0.1f));
        }

        return (session.WeightDigests().All, losses);
    }
}
