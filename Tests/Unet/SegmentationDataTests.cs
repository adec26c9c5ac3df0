using BitMiracle.LibTiff.Classic;
using NUnit.Framework;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Images;
using RduEmu.Models.Metrics;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;

namespace RduEmu.Tests.Unet;

[TestFixture]
public sealed class SegmentationDataTests
{
    private string _folder = string.Empty;

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-images").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void PairsOfPng_AreReadByNumber()
    {
        for (int i = 8; i < 14; i++)
        {
            WritePair("train", $"{i}.png", shade: i / 255f, height: 16, width: 32);
        }

        IReadOnlyList<SegmentationSample> samples = SegmentationFolder.Read(_folder, 3, isForegroundDark: true);

        Assert.That(samples.Select(sample => sample.Image[0]), Is.EqualTo(Enumerable.Range(8, 6).Select(i => i / 255f)));
        Assert.Multiple(() =>
        {
            Assert.That(samples[0].Image, Has.Length.EqualTo(16 * 32 * 3));
            Assert.That(samples[0].Foreground.Take(32), Is.All.EqualTo(1f), "the first row is black");
            Assert.That(samples[0].Foreground.Skip(32), Is.All.EqualTo(0f));
        });
    }

    [Test]
    public void StacksOfTiff_AreRead()
    {
        WriteStack("train-volume.tif", pages: 7, page => page * 20);
        WriteStack("train-labels.tif", pages: 7, _ => 255);

        IReadOnlyList<SegmentationSample> samples = SegmentationFolder.Read(_folder, 1, isForegroundDark: false);

        Assert.That(samples.Select(sample => sample.Image[5]), Is.EqualTo(Enumerable.Range(0, 7).Select(page => page * 20 / 255f)));
        Assert.That(samples[3].Foreground, Is.All.EqualTo(1f));
    }

    [Test]
    public void WhatCannotBeUsed_IsOneClearError()
    {
        Assert.That(Error().Id, Is.EqualTo(ErrorCatalogue.FileMissing));
        WritePair(".", "0.png", 0.5f, 16, 16);
        File.Delete(Path.Combine(_folder, "label", "0.png"));
        Assert.That(Error().Id, Is.EqualTo(ErrorCatalogue.FileMissing));
        WritePair(".", "0.png", 0.5f, 16, 16);
        WritePair(".", "1.png", 0.5f, 16, 32);
        Assert.That(Error().Id, Is.EqualTo(ErrorCatalogue.ImagesUnequal));
        File.WriteAllText(Path.Combine(_folder, "label", "1.png"), "no image");
        Assert.That(Error().Id, Is.EqualTo(ErrorCatalogue.ImageDamaged));
        File.WriteAllBytes(Path.Combine(_folder, "image", "1.png"), File.ReadAllBytes(Path.Combine(_folder, "image", "0.png"))[..60]);
        Assert.That(Error().Id, Is.EqualTo(ErrorCatalogue.ImageDamaged));

        RduException Error() => Assert.Throws<RduException>(() => SegmentationFolder.Read(_folder, 1, isForegroundDark: true))!;
    }

    [Test]
    public void TheMembraneFolder_IsReadWhole()
    {
        IReadOnlyList<SegmentationSample> samples = SegmentationFolder.Read(RealData.Require("data", "isbi2012_membrane"), 1, isForegroundDark: true);

        Assert.That(samples, Has.Count.EqualTo(30));
        Assert.That(samples.Select(sample => (sample.Height, sample.Width)).Distinct(), Is.EqualTo(new[] { (512, 512) }));
        Assert.That(samples.Average(sample => sample.Foreground.Average()), Is.InRange(0.15, 0.3), "membranes are about a fifth");
    }

    [Test]
    public void AVariation_IsAFunctionOfSeedAndNumber([Values] AugmentationKind kind)
    {
        SegmentationSample sample = GeneratedCells.Create(3, 1, 48, 48, 1);
        (float[] first, float[] mask) = Vary(kind, 7, 11);
        (float[] again, _) = Vary(kind, 7, 11);
        (float[] other, _) = Vary(kind, 7, 12);

        Assert.Multiple(() =>
        {
            Assert.That(again, Is.EqualTo(first));
            Assert.That(other, Is.Not.EqualTo(first));
            Assert.That(first, Is.All.InRange(0f, 1f));
            Assert.That(mask, Is.All.AnyOf(0f, 1f));
        });

        (float[], float[]) Vary(AugmentationKind of, int seed, long number)
        {
            var image = new float[32 * 32];
            var foreground = new float[32 * 32];
            new SegmentationAugmentation(of, seed, 32, 32).Fill(sample, number, image, foreground);
            return (image, foreground);
        }
    }

    /// <summary>Image and label move together: where every pixel's value says whether it is foreground, it still does.</summary>
    [Test]
    public void AVariation_MovesImageAndLabelTogether([Values(AugmentationKind.None, AugmentationKind.Flips)] AugmentationKind kind)
    {
        SegmentationSample cells = GeneratedCells.Create(3, 1, 40, 56, 1);
        SegmentationSample sample = cells with { Image = cells.Foreground };
        var image = new float[32 * 32];
        var foreground = new float[32 * 32];
        for (int number = 0; number < 20; number++)
        {
            new SegmentationAugmentation(kind, 1, 32, 32).Fill(sample, number, image, foreground);

            Assert.That(foreground, Is.EqualTo(image));
        }
    }

    [Test]
    public void AnEpoch_HasEachImageOnce_InAnOrderOfItsOwn()
    {
        SegmentationSample[] samples = [.. Enumerable.Range(0, 9).Select(i => new SegmentationSample(16, 16, 1, [.. Enumerable.Repeat(i / 10f, 256)], new float[256]))];
        UnetConfiguration configuration = UnetPresets.Keras;
        using var source = new SegmentationSource(
            configuration, "test", number => samples[(int)number], samples.Length, 5, new SegmentationAugmentation(AugmentationKind.None, 5, 16, 16), 16, 16);

        float[] first = Order(0);
        float[] second = Order(1);

        Assert.Multiple(() =>
        {
            Assert.That(first, Is.EquivalentTo(samples.Select(sample => sample.Image[0])));
            Assert.That(second, Is.EquivalentTo(first));
            Assert.That(second, Is.Not.EqualTo(first));
            Assert.That(Order(0), Is.EqualTo(first));
        });

        float[] Order(int epoch)
        {
            source.Rewind(epoch);
            Batch batch = source.CreateBatch(2);
            var order = new List<float>();
            for (source.Read(batch); batch.CountSamples > 0; source.Read(batch))
            {
                order.AddRange(Enumerable.Range(0, batch.CountSamples).Select(i => batch[UnetGraph.ImageField].Floats[256 * i]));
            }

            return [.. order];
        }
    }

    [Test]
    public void TheMetric_CountsPixels()
    {
        var pictures = new List<byte[]>();
        var metric = new SegmentationMetric(1, (_, png) => pictures.Add(png));
        using var source = new SegmentationSource(
            UnetPresets.Keras, "test", _ => new SegmentationSample(16, 16, 1, new float[256], [.. Enumerable.Range(0, 256).Select(i => i < 100 ? 1f : 0f)]), 1, 0, null, 16, 16);
        Batch batch = source.CreateBatch(1);
        source.Read(batch);

        // 80 right, 20 missed, 30 too many, 126 right background.
        metric.Add(batch, [[.. Enumerable.Range(0, 256).Select(i => i is >= 20 and < 130 ? 0.7f : 0.3f)]]);
        Evaluation result = metric.Result();

        Assert.Multiple(() =>
        {
            Assert.That(result.Main.Value, Is.EqualTo(206.0 / 256));
            Assert.That(result.Details[0].Value, Is.EqualTo(160.0 / 210));
            Assert.That(result.Details[1].Value, Is.EqualTo(80.0 / 130));
            Assert.That(pictures, Has.Count.EqualTo(1));
        });
        string path = Path.Combine(_folder, "picture.png");
        File.WriteAllBytes(path, pictures[0]);
        Picture picture = ImageFile.Read(path, 1)[0];
        Assert.That((picture.Height, picture.Width), Is.EqualTo((16, 48)));
        Assert.That(picture.Values[16], Is.EqualTo(1f), "truth stands beside the image");
        Assert.That(picture.Values[32], Is.EqualTo(0f), "the first pixels are missed");
    }

    private void WritePair(string place, string name, float shade, int height, int width)
    {
        float[] image = [.. Enumerable.Repeat(shade, height * width)];
        float[] label = [.. Enumerable.Range(0, height * width).Select(i => i < width ? 0f : 1f)];
        foreach ((string kind, float[] values) in new[] { ("image", image), ("label", label) })
        {
            string folder = Directory.CreateDirectory(Path.Combine(_folder, place, kind)).FullName;
            File.WriteAllBytes(Path.Combine(folder, name), ImageFile.EncodePng(height, width, values));
        }
    }

    private void WriteStack(string name, int pages, Func<int, int> shadeOf)
    {
        using Tiff tiff = Tiff.Open(Path.Combine(_folder, name), "w");
        for (int page = 0; page < pages; page++)
        {
            tiff.SetField(TiffTag.IMAGEWIDTH, 16);
            tiff.SetField(TiffTag.IMAGELENGTH, 16);
            tiff.SetField(TiffTag.BITSPERSAMPLE, 8);
            tiff.SetField(TiffTag.SAMPLESPERPIXEL, 1);
            tiff.SetField(TiffTag.PHOTOMETRIC, Photometric.MINISBLACK);
            tiff.SetField(TiffTag.ROWSPERSTRIP, 16);
            byte[] row = [.. Enumerable.Repeat((byte)shadeOf(page), 16)];
            for (int i = 0; i < 16; i++)
            {
                tiff.WriteScanline(row, i);
            }

            tiff.WriteDirectory();
        }
    }
}
