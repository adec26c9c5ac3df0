using NUnit.Framework;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Training;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;

namespace RduEmu.Tests.Training;

/// <summary>The SN10's UNet with two features on large images by tiles: a step of training, then a prediction.</summary>
[TestFixture]
[Category("Slow")]
[Explicit("minutes, and gigabytes of memory for 4096 x 4096")]
public sealed class LargeImageTests
{
    private static readonly UnetConfiguration Sn10 = UnetPresets.Sn10 with { Features = 2 };

    [TestCase(512, new[] { 1, 2, 4, 8 })]
    [TestCase(1024, new[] { 1, 4, 8 })]
    [TestCase(4096, new[] { 4, 8 })]
    [TestCase(4096, new[] { 1, 8 })]
    public void Tiles_HaveTheBitsOfTheImage_AndLessMemory(int extent, int[] tiles)
    {
        var results = new List<(string Weights, float Loss, float[] Prediction, long Bytes)>();
        foreach (int count in tiles)
        {
            results.Add(Run(extent, new BatchSplit(count, Kind: count == 1 ? ParallelKind.Data : ParallelKind.Spatial)));
            TestContext.Out.WriteLine($"{extent} x {extent}, {count} tiles: {results[^1].Bytes:N0} bytes, loss {results[^1].Loss}, {results[^1].Weights}");
        }

        for (int i = 1; i < results.Count; i++)
        {
            Assert.That(results[i].Weights, Is.EqualTo(results[0].Weights), $"{tiles[i]} tiles");
            Assert.That(results[i].Loss, Is.EqualTo(results[0].Loss), $"{tiles[i]} tiles");
            Assert.That(results[i].Prediction.AsSpan().SequenceEqual(results[0].Prediction), $"{tiles[i]} tiles");
            Assert.That(results[i].Bytes, Is.LessThan(results[i - 1].Bytes));
        }
    }

    private static (string Weights, float Loss, float[] Prediction, long Bytes) Run(int extent, BatchSplit split)
    {
        using UnetData data = UnetData.Open(Sn10, new SegmentationChoices(null, null, extent, AugmentationKind.None, false), seed: 1);
        using var session = new ModelSession(
            new UnetModel(Sn10, (extent, extent), (extent, extent), seed: 1), new ExecutionTarget("host", 1), new SessionPurpose(1, InferenceSamples: 1), split);
        session.Initialize(1);
        Batch image = data.Training.CreateBatch(1);
        data.Training.Read(image);
        float loss = session.Step(image, new StepMoment(0, 1e-3f));
        float[][] predictions = session.PredictionBuffers();
        session.Predict(image, predictions);
        return (session.WeightDigests().All, loss, predictions[0], session.RduBytes);
    }
}
