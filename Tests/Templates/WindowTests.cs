using System.Reflection;
using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates.Convolve;
using RduEmu.Kernels.Templates.Window;

namespace RduEmu.Tests.Templates;

[TestFixture]
public sealed class WindowTests
{
    private static IEnumerable<WindowGeometry> Windows =>
    [
        new(ConvolveAxis.Forward(6, 2, 2, 1, 0, 0), ConvolveAxis.Forward(8, 2, 2, 1, 0, 0), 33),
        new(ConvolveAxis.Forward(7, 2, 2, 1, 0, 0), ConvolveAxis.Forward(5, 2, 2, 1, 0, 0), 1),
        new(ConvolveAxis.Forward(7, 3, 2, 1, 1, 1), ConvolveAxis.Forward(6, 3, 1, 1, 1, 1), 17),
        new(ConvolveAxis.Forward(9, 2, 3, 2, 1, 2), ConvolveAxis.Forward(4, 3, 1, 1, 0, 0), 16),
    ];

    /// <summary>Few different numbers, so that ties happen, and some NaNs and zeros of both signs.</summary>
    private static uint[] Words(int count)
    {
        var random = new Random(count);
        float[] values = [1f, 2f, -1f, 0f, -0f, float.NaN, float.NegativeInfinity, 3f];
        return [.. Enumerable.Range(0, count).Select(_ => BitConverter.SingleToUInt32Bits(values[random.Next(values.Length)]))];
    }

    [Test]
    public void MaxPool_OnEveryPath([ValueSource(nameof(Windows))] WindowGeometry g, [Values] bool ties)
    {
        const int items = 2;
        int pitch = g.Channels + 1;
        int result = items * g.SourcePixels * pitch;
        int length = result + items * g.ResultPixels * pitch;
        uint[] before = ties ? Words(length) : UnitHarness.RandomWords(length, 3);
        var unit = new MaxPoolUnit("pool", g, new Operand(0, pitch), new Operand(result, pitch));

        uint[] after = UnitHarness.Check(unit, items, before);

        for (int row = 0; row < items * g.ResultPixels && !ties; row++)
        {
            for (int c = 0; c < g.Channels; c++)
            {
                float largest = Taps(g, row).Select(tap => Float(before[tap * pitch + c])).Max();
                Assert.That(Float(after[result + row * pitch + c]), Is.EqualTo(largest));
            }
        }
    }

    [Test]
    public void MaxPoolGradient_OnEveryPath([ValueSource(nameof(Windows))] WindowGeometry g, [Values] bool ties)
    {
        const int items = 2;
        int pitch = g.Channels + 2;
        int dy = items * g.SourcePixels * pitch;
        int output = dy + items * g.ResultPixels * pitch;
        int length = output + items * g.SourcePixels * pitch;
        uint[] before = ties ? Words(length) : UnitHarness.RandomWords(length, 4);
        uint[] gradients = UnitHarness.RandomWords(output - dy, 5);
        gradients.CopyTo(before, dy);
        var unit = new MaxPoolGradientUnit("pool gradient", g, new Operand(dy, pitch), new Operand(0, pitch), new Operand(output, pitch));

        uint[] after = UnitHarness.Check(unit, items, before);

        var expected = new double[items * g.SourcePixels * g.Channels];
        for (int row = 0; row < items * g.ResultPixels; row++)
        {
            for (int c = 0; c < g.Channels; c++)
            {
                int[] taps = [.. Taps(g, row)];
                int winner = Array.FindIndex(taps, tap => float.IsNaN(Float(before[tap * pitch + c])));
                winner = winner >= 0 ? winner : Array.FindIndex(taps, tap => Float(before[tap * pitch + c]) == taps.Max(other => Float(before[other * pitch + c])));
                expected[taps[winner] * g.Channels + c] += Float(before[dy + row * pitch + c]);
            }
        }

        for (int i = 0; i < expected.Length; i++)
        {
            // At most nine terms below 2, each addition rounded by half an ulp of a sum below 32.
            Assert.That(Float(after[output + i / g.Channels * pitch + i % g.Channels]), Is.EqualTo(expected[i]).Within(9 * 32.0 / (1 << 24)));
        }
    }

    private static IEnumerable<TestCaseData> Axes()
    {
        yield return new TestCaseData(ResampleAxis.Nearest(3, 2), ResampleAxis.Nearest(4, 3), 33).SetName("{m}(nearest)");
        yield return new TestCaseData(ResampleAxis.Linear(4, 8, true), ResampleAxis.Linear(3, 6, true), 16).SetName("{m}(bilinear, corners aligned)");
        yield return new TestCaseData(ResampleAxis.Linear(4, 8, false), ResampleAxis.Linear(1, 2, false), 5).SetName("{m}(bilinear)");
        yield return new TestCaseData(ResampleAxis.Crop(7, 2, 3), ResampleAxis.Crop(6, 0, 4), 17).SetName("{m}(crop)");
        yield return new TestCaseData(
            ResampleAxis.Mean(ConvolveAxis.Forward(6, 3, 2, 1, 1, 1)), ResampleAxis.Mean(ConvolveAxis.Forward(5, 2, 2, 1, 0, 0)), 3).SetName("{m}(mean)");
    }

    [TestCaseSource(nameof(Axes))]
    public void Resample_OnEveryPath(ResampleAxis rows, ResampleAxis columns, int channels)
    {
        Check(rows, columns, channels);
        Check(rows.Transpose(), columns.Transpose(), channels);
    }

    [Test]
    public void Linear_IsPyTorchs()
    {
        // torch.nn.Upsample(scale_factor=2, mode='bilinear') of 0, 1, 2 along one axis, with and without aligned corners.
        float[] aligned = [0f, 0.4f, 0.8f, 1.2f, 1.6f, 2f];
        float[] free = [0f, 0.25f, 0.75f, 1.25f, 1.75f, 2f];
        Assert.Multiple(() =>
        {
            Assert.That(Apply(ResampleAxis.Linear(3, 6, true), [0f, 1f, 2f]), Is.EqualTo(aligned).Within(1e-6));
            Assert.That(Apply(ResampleAxis.Linear(3, 6, false), [0f, 1f, 2f]), Is.EqualTo(free).Within(1e-6));
        });
    }

    private static IEnumerable<TestCaseData> Kernels()
    {
        yield return new TestCaseData(MaxPoolKernel.Method).SetName("{m}(max-pool)");
        yield return new TestCaseData(MaxPoolGradientKernel.Method).SetName("{m}(max-pool gradient)");
        yield return new TestCaseData(ResampleKernel.Method).SetName("{m}(resample)");
    }

    [TestCaseSource(nameof(Kernels))]
    public void Ptx_IsClean(MethodInfo kernel)
    {
        using var inspector = new PtxInspector();

        Assert.That(inspector.Violations(kernel), Is.Empty);
    }

    private static void Check(ResampleAxis rows, ResampleAxis columns, int channels)
    {
        const int items = 2;
        int result = items * rows.Source * columns.Source * channels;
        int rowWords = result + items * rows.Result * columns.Result * channels;
        int columnWords = rowWords + rows.ToWords().Length;
        uint[] before = UnitHarness.RandomWords(columnWords + columns.ToWords().Length, channels);
        rows.ToWords().Select(word => (uint)word).ToArray().CopyTo(before, rowWords);
        columns.ToWords().Select(word => (uint)word).ToArray().CopyTo(before, columnWords);
        var unit = new ResampleUnit(
            "resample", rows, columns, channels, new Operand(0, channels), new Operand(result, channels), new Operand(rowWords, 0), new Operand(columnWords, 0));

        uint[] after = UnitHarness.Check(unit, items, before);

        for (int image = 0; image < items; image++)
        {
            for (int i = 0; i < rows.Result; i++)
            {
                for (int j = 0; j < columns.Result * channels; j++)
                {
                    double sum = 0;
                    for (int a = rows.Begins[i]; a < rows.Begins[i + 1]; a++)
                    {
                        for (int b = columns.Begins[j / channels]; b < columns.Begins[j / channels + 1]; b++)
                        {
                            int pixel = (image * rows.Source + rows.Sources[a]) * columns.Source + columns.Sources[b];
                            sum += (double)rows.Weights[a] * columns.Weights[b] * Float(before[pixel * channels + j % channels]);
                        }
                    }

                    float got = Float(after[result + (image * rows.Result + i) * columns.Result * channels + j]);
                    Assert.That(got, Is.EqualTo(sum).Within(1e-5));
                }
            }
        }
    }

    private static float[] Apply(ResampleAxis axis, float[] x)
    {
        var y = new float[axis.Result];
        for (int i = 0; i < y.Length; i++)
        {
            for (int a = axis.Begins[i]; a < axis.Begins[i + 1]; a++)
            {
                y[i] += axis.Weights[a] * x[axis.Sources[a]];
            }
        }

        return y;
    }

    /// <summary>The source rows that a result's window reads, ascending.</summary>
    private static IEnumerable<int> Taps(WindowGeometry g, int row)
    {
        int image = row / g.ResultPixels;
        int pixel = row % g.ResultPixels;
        for (int t = 0; t < g.Height.Taps; t++)
        {
            for (int u = 0; u < g.Width.Taps; u++)
            {
                int h = g.Height.At(pixel / g.Width.Result, t);
                int w = g.Width.At(pixel % g.Width.Result, u);
                if (h >= 0 && w >= 0)
                {
                    yield return image * g.SourcePixels + h * g.Width.Source + w;
                }
            }
        }
    }

    private static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);
}
