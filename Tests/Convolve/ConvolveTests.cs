using System.Reflection;
using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates.Convolve;
using RduEmu.Tests.Templates;
using BiasRelu = RduEmu.Kernels.Programs.Unary<
    RduEmu.Kernels.Programs.Functions.ReluFunction,
    RduEmu.Kernels.Programs.Binary<
        RduEmu.Kernels.Programs.Functions.AddFunction,
        RduEmu.Kernels.Programs.Accumulated,
        RduEmu.Kernels.Programs.PerColumn<RduEmu.Kernels.Programs.S0>>>;

namespace RduEmu.Tests.Convolve;

/// <summary>Convolutions, their gradients by the input and by the filter: on every path the interpreter's bits, and the numbers of plain sums.</summary>
[TestFixture]
public sealed class ConvolveTests
{
    /// <summary>Half a unit in the last place of numbers from 1 to 2.</summary>
    private const double HalfUlp = 1.0 / (1 << 24);

    private static IEnumerable<ConvolveCase> Cases =>
    [
        new(1, 7, 9, 3, 32, 3, 3, 1, 1, 1, 1),
        new(2, 8, 7, 5, 17, 3, 3, 1, 1, 1, 1),
        new(1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1),
        new(3, 5, 4, 33, 48, 1, 1, 1, 1, 0, 1),
        new(1, 6, 6, 32, 33, 3, 3, 1, 1, 1, 1),
        new(2, 9, 8, 13, 16, 3, 3, 2, 1, 1, 1),
        new(1, 10, 11, 4, 6, 3, 2, 1, 2, 2, 1),
        new(2, 6, 8, 8, 12, 2, 2, 2, 1, 0, 1),
        new(1, 9, 9, 2, 3, 5, 7, 3, 2, 4, 1),
        new(2, 7, 6, 8, 12, 3, 3, 1, 1, 1, 4),
        new(2, 7, 6, 21, 21, 3, 3, 1, 1, 1, 21),
        new(1, 8, 9, 16, 16, 3, 3, 2, 1, 1, 16),
        new(5, 2, 3, 7, 11, 3, 3, 1, 1, 1, 1),
        new(1, 19, 18, 3, 5, 3, 3, 1, 1, 1, 1),
        new(2, 4, 4, 3, 2, 1, 1, 2, 1, 0, 1),
    ];

    [Test]
    public void Convolve_OnEveryPath([ValueSource(nameof(Cases))] ConvolveCase of, [Values] bool wide, [Values] bool transposed)
    {
        ConvolveGeometry g = transposed ? of.Geometry.ToGradient() : of.Geometry;
        int sourcePitch = g.SourceChannels + (of.Batch > 1 ? 3 : 0);
        int resultPitch = g.ResultChannels + (of.Batch > 1 ? 2 : 0);
        int filterRows = of.Geometry.ResultChannels;
        int packed = of.Batch * g.SourcePixels * sourcePitch;
        int bias = packed + (int)PackedFilter.LengthElements(g);
        int result = bias + g.ResultChannels;
        int filter = result + of.Batch * g.ResultPixels * resultPitch;
        uint[] before = UnitHarness.RandomWords(filter + filterRows * of.Geometry.Depth, of.Height);
        Array.Clear(before, packed, bias - packed);
        var pack = new ConvolvePackUnit("pack", g, transposed, new Operand(filter, of.Geometry.Depth), new Operand(packed, 0));
        before = UnitHarness.Check(pack, filterRows, before);
        var unit = new ConvolveUnit<BiasRelu>(
            "convolution", g, new Operand(0, sourcePitch), new Operand(packed, 0), new Operand(result, resultPitch),
            new ProgramBinding([new Operand(bias, g.ResultChannels)], [SlotAccess.PerColumn]), 2, wide);

        uint[] after = UnitHarness.Check(unit, of.Batch, before);

        for (int b = 0; b < of.Batch; b++)
        {
            double[] sums = transposed
                ? of.Backward((pixel, o) => Float(before[(b * g.SourcePixels + pixel) * sourcePitch + o]), (o, k) => Float(before[filter + o * of.Geometry.Depth + k]))
                : of.Forward((pixel, c) => Float(before[(b * g.SourcePixels + pixel) * sourcePitch + c]), (o, k) => Float(before[filter + o * of.Geometry.Depth + k]));
            for (int i = 0; i < sums.Length; i++)
            {
                double expected = Math.Max(0, sums[i] + Float(before[bias + i % g.ResultChannels]));
                float got = Float(after[result + (b * g.ResultPixels + i / g.ResultChannels) * resultPitch + i % g.ResultChannels]);

                // Products are below 4; each of at most Depth + 1 additions rounds a sum below 4 · Depth + 2 by half an ulp.
                Assert.That(got, Is.EqualTo(expected).Within((g.Depth + 1) * (4.0 * g.Depth + 2) * HalfUlp));
            }
        }
    }

    [Test]
    public void FilterGradient_OnEveryPath([ValueSource(nameof(Cases))] ConvolveCase of, [Values] bool wide)
    {
        ConvolveGeometry g = of.Geometry;
        int x = of.Batch * g.ResultPixels * (g.ResultChannels + 1);
        int output = x + of.Batch * g.SourcePixels * (g.SourceChannels + 2);
        uint[] before = UnitHarness.RandomWords(output + g.ResultChannels * (g.Depth + 1), of.Width);
        var unit = new SampleConvolveUnit(
            "dw", g, of.Batch, new Operand(0, g.ResultChannels + 1), new Operand(x, g.SourceChannels + 2), new Operand(output, g.Depth + 1), 0, wide);

        uint[] after = UnitHarness.Check(
            unit, g.ResultChannels, before, scratchElements: SampleConvolveUnit.ScratchElements(g, of.Batch, g.ResultChannels));

        double[] expected = new double[g.ResultChannels * g.Depth];
        for (int b = 0; b < of.Batch; b++)
        {
            of.ForEachTap((pixel, source, o, k, channel) => expected[o * g.Depth + k] +=
                (double)Float(before[(b * g.ResultPixels + pixel) * (g.ResultChannels + 1) + o])
                * Float(before[x + (b * g.SourcePixels + source) * (g.SourceChannels + 2) + channel]));
        }

        int terms = of.Batch * g.ResultPixels;
        for (int i = 0; i < expected.Length; i++)
        {
            float got = Float(after[output + i / g.Depth * (g.Depth + 1) + i % g.Depth]);
            Assert.That(got, Is.EqualTo(expected[i]).Within(terms * 4.0 * terms * HalfUlp));
        }
    }

    /// <summary>A tile of one image continues the total of the tiles before: on every path, and two tiles are the whole.</summary>
    [Test]
    public void FilterGradient_OfTwoTiles_IsThatOfTheImage([Values] bool wide, [Values(1, 8)] int groups)
    {
        const int width = 32;
        var whole = new ConvolveGeometry(ConvolveAxis.Forward(24, 3, 1, 1, 1, 1), ConvolveAxis.Forward(width, 3, 1, 1, 1, 1), 8, groups == 1 ? 24 : 8, groups);
        int dyWords = whole.ResultPixels * whole.ResultChannels;
        int output = dyWords + whole.SourcePixels * whole.SourceChannels;
        int filterWords = whole.ResultChannels * whole.Depth;
        uint[] memory = UnitHarness.RandomWords(output + 3 * filterWords, 5);

        // Rows [0, 8) and [8, 24): chunks of 256 pixels end with the tiles. Each reads a row of the other.
        uint[] Run(ConvolveGeometry g, int firstRow, int firstSource, int target, Operand? before) => UnitHarness.Check(
            new SampleConvolveUnit(
                "dw", g, 1, new Operand(firstRow * width * g.ResultChannels, g.ResultChannels),
                new Operand(dyWords + firstSource * width * g.SourceChannels, g.SourceChannels), new Operand(target, g.Depth), 0, wide, before),
            g.ResultChannels, memory, scratchElements: SampleConvolveUnit.ScratchElements(g, 1, g.ResultChannels));

        uint[] expected = Run(whole, 0, 0, output, null);
        memory = Run(whole with { Height = ConvolveAxis.Forward(9, 3, 1, 1, 1, 0) }, 0, 0, output + filterWords, null);
        memory = Run(whole with { Height = ConvolveAxis.Forward(17, 3, 1, 1, 0, 1) }, 8, 7, output + 2 * filterWords, new Operand(output + filterWords, whole.Depth));

        Assert.That(memory[(output + 2 * filterWords)..], Is.EqualTo(expected[output..(output + filterWords)]).AsCollection);
    }

    /// <summary>A chunk of the sum lies across taps, and results that do not fill a block: sizes that the small cases do not have.</summary>
    [Test]
    public void Convolve_OfManyBlocks([Values] bool wide)
    {
        var of = new ConvolveCase(1, 37, 70, 64, 32, 3, 3, 1, 1, 1, 1);
        ConvolveGeometry g = of.Geometry;
        int packed = g.SourcePixels * 64;
        int result = packed + (int)PackedFilter.LengthElements(g);
        uint[] before = UnitHarness.RandomWords(result + g.ResultPixels * 32, 1);
        var unit = new ConvolveUnit<Accumulated>(
            "convolution", g, new Operand(0, 64), new Operand(packed, 0), new Operand(result, 32), ProgramBinding.Empty, 0, wide);
        Assert.That(new ConvolvePlan(g, 64, 32).BlockRows, Is.LessThan(20));

        UnitHarness.Check(unit, 1, before, simulator: false);
    }

    /// <summary>A product that underflows to -0 stays: a padding tap adds nothing, not even +0.</summary>
    [Test]
    public void PaddingTap_IsSkipped()
    {
        var of = new ConvolveCase(1, 1, 1, 1, 1, 1, 3, 1, 1, 1, 1);
        ConvolveGeometry g = of.Geometry with { Height = ConvolveAxis.Forward(1, 1, 1, 1, 0, 0) };
        uint[] before = new uint[1 + 48 + 1];
        before[0] = BitConverter.SingleToUInt32Bits(-1e-30f);
        before[1] = BitConverter.SingleToUInt32Bits(float.PositiveInfinity);
        before[17] = BitConverter.SingleToUInt32Bits(1e-30f);
        before[33] = BitConverter.SingleToUInt32Bits(1f);
        var unit = new ConvolveUnit<Accumulated>(
            "convolution", g, new Operand(0, 1), new Operand(1, 0), new Operand(49, 1), ProgramBinding.Empty, 0);

        uint[] after = UnitHarness.Check(unit, 1, before);

        Assert.That(after[49], Is.EqualTo(0x8000_0000));
    }

    private static IEnumerable<TestCaseData> Kernels()
    {
        yield return new TestCaseData(ConvolveKernel.Method(typeof(BiasRelu))).SetName("{m}(convolve)");
        yield return new TestCaseData(ConvolvePackKernel.Method).SetName("{m}(pack)");
        yield return new TestCaseData(SampleConvolveKernel.Method).SetName("{m}(filter gradient)");
    }

    [TestCaseSource(nameof(Kernels))]
    public void Ptx_IsClean(MethodInfo kernel)
    {
        using var inspector = new PtxInspector();

        Assert.That(inspector.Violations(kernel), Is.Empty);
    }

    private static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);
}

/// <summary>A convolution as its user gives it, and its sums in float64, from the textbook's formula.</summary>
public sealed record ConvolveCase(
    int Batch, int Height, int Width, int Channels, int Filters, int KernelHeight, int KernelWidth, int Stride, int Dilation, int Pad, int Groups)
{
    /// <summary>Padded by one pixel more at the end than at the begin.</summary>
    private int PadEnd => Pad == 0 ? 0 : Pad + (Stride > 1 ? 1 : 0);

    public ConvolveGeometry Geometry => new(
        ConvolveAxis.Forward(Height, KernelHeight, Stride, Dilation, Pad, PadEnd),
        ConvolveAxis.Forward(Width, KernelWidth, Stride, Dilation, Pad, PadEnd),
        Channels, Filters, Groups);

    public double[] Forward(Func<int, int, float> x, Func<int, int, float> w)
    {
        var y = new double[Geometry.ResultPixels * Filters];
        ForEachTap((pixel, source, o, k, channel) => y[pixel * Filters + o] += (double)x(source, channel) * w(o, k));
        return y;
    }

    public double[] Backward(Func<int, int, float> dy, Func<int, int, float> w)
    {
        var dx = new double[Height * Width * Channels];
        ForEachTap((pixel, source, o, k, channel) => dx[source * Channels + channel] += (double)dy(pixel, o) * w(o, k));
        return dx;
    }

    /// <summary>Every product: result pixel, source pixel, filter, k of the filter, source channel.</summary>
    public void ForEachTap(Action<int, int, int, int, int> act)
    {
        int outHeight = (Height + Pad + PadEnd - Dilation * (KernelHeight - 1) - 1) / Stride + 1;
        int outWidth = (Width + Pad + PadEnd - Dilation * (KernelWidth - 1) - 1) / Stride + 1;
        int perGroup = Channels / Groups;
        for (int i = 0; i < outHeight; i++)
        {
            for (int j = 0; j < outWidth; j++)
            {
                for (int o = 0; o < Filters; o++)
                {
                    for (int k = 0; k < KernelHeight * KernelWidth * perGroup; k++)
                    {
                        int h = i * Stride - Pad + k / perGroup / KernelWidth * Dilation;
                        int v = j * Stride - Pad + k / perGroup % KernelWidth * Dilation;
                        if (h >= 0 && h < Height && v >= 0 && v < Width)
                        {
                            act(i * outWidth + j, h * Width + v, o, k, o / (Filters / Groups) * perGroup + k % perGroup);
                        }
                    }
                }
            }
        }
    }
}
