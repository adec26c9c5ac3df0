using NUnit.Framework;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Training;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Models.Bert;
using RduEmu.Models.Bert.Data;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;

namespace RduEmu.Tests.Training;

/// <summary>A graph that RDUs share has the bits of one that one RDU runs: weights, losses and predictions after some steps.</summary>
[TestFixture]
public sealed class ShardingTests
{
    private const int Steps = 3;

    private static readonly ExecutionTarget Host = new("host", 1);

    private static readonly BertConfiguration SmallBert = new("small test", Layers: 2, Hidden: 32, Heads: 4, Intermediate: 48)
    {
        Positions = 16,
        Vocabulary = 160,
        BatchSamples = 4,
    };

    [Test]
    public void Dlrm_OnSharingRdus_HasTheSameBits(
        [Values(ParallelKind.Tensor, ParallelKind.Pipeline)] ParallelKind kind, [Values(2, 4, 8)] int sockets)
    {
        IModel model = new DlrmModel(DlrmPresets.Ml100k, RduEmu.Compiler.Optimizers.OptimizerKind.RowWiseAdagrad);
        Check(model, () => DlrmData.Open(DlrmPresets.Ml100k, null, null, seed: 1), 64, new BatchSplit(sockets, kind == ParallelKind.Pipeline ? 4 : 1, kind));
    }

    [Test]
    public void Bert_OnSharingRdus_HasTheSameBits(
        [Values(ParallelKind.Tensor, ParallelKind.Pipeline)] ParallelKind kind, [Values(2, 4)] int sockets, [Values("adamw", "lamb")] string optimizer)
    {
        IModel model = new BertModel(SmallBert, tokens: 8, seed: 1, optimizer);
        Check(
            model, () => new BertData(SmallBert, TokenText.Generate(SmallBert.Vocabulary, 1), 8, 1, isGenerated: true), 4,
            new BatchSplit(sockets, kind == ParallelKind.Pipeline ? 2 : 1, kind));
    }

    [TestCase(ParallelKind.Spatial, 2, 2, 64)]
    [TestCase(ParallelKind.Spatial, 4, 1, 64)]
    [TestCase(ParallelKind.Spatial, 2, 3, 48)]
    [TestCase(ParallelKind.Pipeline, 4, 2, 32)]
    [TestCase(ParallelKind.Tensor, 2, 2, 32)]
    public void Unet_OnSharingRdus_HasTheSameBits(ParallelKind kind, int sockets, int batch, int extent)
    {
        UnetConfiguration configuration = UnetPresets.Sn10 with { Features = 2, Channels = 1 };
        Check(
            new UnetModel(configuration, (extent, extent), (extent, extent), seed: 1),
            () => UnetData.Open(configuration, new SegmentationChoices(null, null, extent, AugmentationKind.None, false), seed: 1), batch,
            new BatchSplit(sockets, 1, kind));
    }

    private static void Check(IModel model, Func<IModelData> open, int batch, BatchSplit split)
    {
        (string Weights, float[] Losses, float[][] Predictions) whole = Train(model, open, batch, BatchSplit.None);
        (string Weights, float[] Losses, float[][] Predictions) shared = Train(model, open, batch, split);

        Assert.That(shared.Losses, Is.EqualTo(whole.Losses).AsCollection);
        Assert.That(shared.Weights, Is.EqualTo(whole.Weights));
        for (int i = 0; i < whole.Predictions.Length; i++)
        {
            Assert.That(shared.Predictions[i], Is.EqualTo(whole.Predictions[i]).AsCollection, $"prediction {i}");
        }
    }

    private static (string Weights, float[] Losses, float[][] Predictions) Train(IModel model, Func<IModelData> open, int batch, BatchSplit split)
    {
        using IModelData data = open();
        using var session = new ModelSession(model, Host, new SessionPurpose(batch, InferenceSamples: batch), split);
        session.PoisonScratch(0xFF);
        session.Initialize(1);
        Batch samples = data.Training.CreateBatch(batch);
        var losses = new float[Steps];
        for (int step = 0; step < Steps; step++)
        {
            samples.CountSamples = 0;
            data.Training.Read(samples);
            Assert.That(samples.CountSamples, Is.EqualTo(batch));
            losses[step] = session.Step(samples, new StepMoment(step, 0.01f));
        }

        float[][] predictions = session.PredictionBuffers();
        session.Predict(samples, predictions);
        return (session.WeightDigests().All, losses, predictions);
    }
}
