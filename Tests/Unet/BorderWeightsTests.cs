using NUnit.Framework;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;

namespace RduEmu.Tests.Unet;

/// <summary>The weights of pixels near borders, against the formula taken literally.</summary>
[TestFixture]
public sealed class BorderWeightsTests
{
    private const double BorderWeight = 10;
    private const double Deviation = 5;

    /// <summary>
    /// The exponent is at most 20.5 in size where it matters, off by four roundings (two roots, their sum, its square; the division is by 50):
    /// 20.5 · 5 · 2^-24 of the border's part, which is at most 10; exp, product and sum add three more, and w_c one. What lies beyond the reach is 1.3e-8.
    /// </summary>
    private static double Tolerance(double weight) => (BorderWeight * 20.5 * 5 * Math.Exp(-1) / 20.5 + 4 * weight) * 5.96e-8 + 1.3e-8;

    private static IEnumerable<TestCaseData> Maps()
    {
        yield return Case("two objects and a gap", ["1101", "1101", "1111", "0001"]);
        yield return Case("corners do not join", ["100", "010", "001"]);
        yield return Case("one object", ["0110", "0110", "0000"]);
        yield return Case("none", ["000", "000"]);
        yield return Case("nothing else", ["11", "11", "11"]);
        yield return Case("one pixel", ["1"]);
        yield return Case("far apart", ["1" + new string('0', 34) + "1", new string('0', 36)]);
        var random = new Random(7);
        foreach ((int height, int width, double density) in new[] { (9, 80, 0.02), (70, 11, 0.03), (33, 47, 0.5), (40, 64, 0.004) })
        {
            yield return Case($"random {height}x{width}", [.. Enumerable.Range(0, height).Select(_ => string.Concat(Enumerable.Range(0, width).Select(_ => random.NextDouble() < density ? '1' : '0')))]);
        }

        SegmentationSample cells = GeneratedCells.Create(5, 3, 64, 72, 1);
        yield return Case("cells", [.. Enumerable.Range(0, 64).Select(row => string.Concat(Enumerable.Range(0, 72).Select(column => cells.Foreground[row * 72 + column] > 0 ? '1' : '0')))]);

        static TestCaseData Case(string name, string[] rows) => new TestCaseData([rows]).SetName($"{{m}}({name})");
    }

    [TestCaseSource(nameof(Maps))]
    public void Weights_AreThoseOfTheFormula(string[] rows)
    {
        int height = rows.Length;
        int width = rows[0].Length;
        int[] labels = [.. rows.SelectMany(row => row.Select(c => c - '0'))];
        var map = new BorderWeights(height, width);
        for (int objectClass = 0; objectClass < 2; objectClass++)
        {
            var actual = new float[labels.Length];
            map.Fill(labels, objectClass, actual);
            double[] expected = Literally(labels, height, width, objectClass);
            for (int i = 0; i < labels.Length; i++)
            {
                Assert.That(actual[i], Is.EqualTo(expected[i]).Within(Tolerance(expected[i])), $"objects of class {objectClass}, row {i / width}, column {i % width}");
            }
        }
    }

    /// <summary>In a gap of one pixel both cells are a pixel away: 10 exp(-2² / 50) beside the balance.</summary>
    [Test]
    public void AGapOfOnePixel_CountsMost()
    {
        var weights = new float[5];
        new BorderWeights(1, 5).Fill([0, 0, 1, 0, 0], 0, weights);

        Assert.That(weights[2], Is.EqualTo(2.5 + 10 * Math.Exp(-4.0 / 50)).Within(1e-5));
        Assert.That(weights[0], Is.EqualTo(0.625 + 10 * Math.Exp(-9.0 / 50)).Within(1e-5));
        Assert.That(weights[4], Is.EqualTo(weights[0]));
    }

    /// <summary>Each image of a batch has the map of its own target, after it was varied and cut to what is predicted.</summary>
    [Test]
    public void ABatch_HasTheWeightsOfItsTargets()
    {
        const int extent = 188;
        SegmentationSample Sample(long number) => GeneratedCells.Create(1, number, extent, extent, 1);
        using var source = new SegmentationSource(
            UnetPresets.Paper, "test", Sample, null, 1, new SegmentationAugmentation(AugmentationKind.Full, 1, extent, extent), extent, extent);
        Batch batch = source.CreateBatch(2);
        source.Read(batch);
        BatchField weight = batch[UnetGraph.WeightField];
        int predicted = UnetPresets.Paper.PredictedExtent(extent);

        Assert.That(weight.Width, Is.EqualTo(predicted * predicted));
        for (int b = 0; b < 2; b++)
        {
            var expected = new float[weight.Width];
            new BorderWeights(predicted, predicted).Fill(batch[UnetGraph.LabelField].Integers.AsSpan(b * weight.Width, weight.Width), 0, expected);
            Assert.That(weight.Floats[(b * weight.Width)..((b + 1) * weight.Width)], Is.EqualTo(expected));
        }
    }

    private static double[] Literally(int[] labels, int height, int width, int objectClass)
    {
        int[] objects = Parts(labels, height, width, objectClass);
        int classes = labels.Distinct().Count();
        var weights = new double[labels.Length];
        for (int x = 0; x < labels.Length; x++)
        {
            weights[x] = (double)labels.Length / (classes * labels.Count(label => label == labels[x]));
            double[] distances =
            [
                .. Enumerable.Range(0, labels.Length).Where(i => objects[i] > 0).GroupBy(i => objects[i])
                    .Select(part => part.Min(i => Math.Sqrt(Math.Pow(i / width - x / width, 2) + Math.Pow(i % width - x % width, 2)))).Order().Take(2),
            ];
            if (distances.Length == 2)
            {
                weights[x] += BorderWeight * Math.Exp(-Math.Pow(distances.Sum(), 2) / (2 * Deviation * Deviation));
            }
        }

        return weights;
    }

    /// <summary>Every pixel takes the least number of its neighbours until none changes.</summary>
    private static int[] Parts(int[] labels, int height, int width, int objectClass)
    {
        int[] parts = [.. labels.Select((label, i) => label == objectClass ? i + 1 : 0)];
        for (bool hasChanged = true; hasChanged;)
        {
            hasChanged = false;
            for (int a = 0; a < parts.Length; a++)
            {
                foreach ((int rows, int columns) in new[] { (0, 1), (1, 0), (0, -1), (-1, 0) })
                {
                    (int row, int column) = (a / width + rows, a % width + columns);
                    int b = row * width + column;
                    if (row >= 0 && column >= 0 && row < height && column < width && parts[a] > 0 && parts[b] > 0 && parts[b] < parts[a])
                    {
                        parts[a] = parts[b];
                        hasChanged = true;
                    }
                }
            }
        }

        return parts;
    }
}
