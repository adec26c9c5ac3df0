using System.Reflection;
using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.Contract;
using RduEmu.Kernels.Templates.Convolve;
using RduEmu.Kernels.Templates.Gather;
using RduEmu.Kernels.Templates.Map;
using RduEmu.Kernels.Templates.Round;
using RduEmu.Kernels.Templates.SampleReduce;
using RduEmu.Tests.Templates;

namespace RduEmu.Tests.Precision;

/// <summary>Templates that write or read pairs of bf16: one set of bits on every path.</summary>
[TestFixture]
public sealed class RoundUnitTests
{
    private const int Seed = 5;
    private const int Stream = 77;

    /// <summary>Rows that are longer and shorter than a group of 128, and end within one; with a bias, which keeps rows apart.</summary>
    [Test]
    public void Round_HasOneSetOfBits(
        [Values(2, 30, 128, 262)] int columns, [Values(1, 3)] int rowsPerItem, [Values] RoundingKind kind, [Values] bool numbersItems, [Values] bool hasBias)
    {
        const int items = 5;
        int elements = items * rowsPerItem * columns;
        uint[] before = UnitHarness.RandomWords(elements + elements / 2 + columns + items, 3);
        before[1] = 0x7FC00001;
        before[2] = 0x7F7FFFFF;
        int bias = elements + elements / 2;
        int numbers = bias + columns;
        for (int i = 0; i < items; i++)
        {
            before[numbers + i] = (uint)(1000 * i + 7);
        }

        var output = new Operand(elements, columns / 2, format: OperandFormat.Pairs);
        var x = new Operand(0, columns);
        var number = new Operand(numbers, 1);
        uint[] after = UnitHarness.Check(
            hasBias
                ? new RoundUnit<Binary<AddFunction, Full<S0>, PerColumn<S1>>>(
                    "round", rowsPerItem, columns, output, new ProgramBinding([x, new Operand(bias, 0)], [SlotAccess.Full, SlotAccess.PerColumn]), 1, kind, number,
                    numbersItems, Seed, Stream)
                : new RoundUnit<Full<S0>>(
                    "round", rowsPerItem, columns, output, new ProgramBinding([x], [SlotAccess.Full]), 0, kind, number, numbersItems, Seed, Stream),
            items, before);

        if (!hasBias)
        {
            for (int i = 0; i < elements; i++)
            {
                float value = BitConverter.UInt32BitsToSingle(before[i]);
                float rounded = BitConverter.UInt32BitsToSingle(after[elements + i / 2] << (i % 2 == 0 ? 16 : 0) & 0xFFFF0000);
                Assert.That(float.IsNaN(value) ? float.IsNaN(rounded) : Math.Abs(value - rounded) <= Math.Abs(value) / 128 || float.IsInfinity(rounded), $"element {i}");
            }
        }
    }

    /// <summary>The numbers say what is drawn: the mean of many roundings is the value, to 4 deviations of it.</summary>
    [Test]
    public void StochasticRounding_HasTheValueAsItsMean()
    {
        const int items = 400;
        const int columns = 128;
        const float value = 1f + 3f / 1024f;
        uint[] before = new uint[items * columns + items * columns / 2 + items];
        before.AsSpan(0, items * columns).Fill(BitConverter.SingleToUInt32Bits(value));
        int numbers = items * columns + items * columns / 2;
        for (int i = 0; i < items; i++)
        {
            before[numbers + i] = (uint)i;
        }

        var unit = new RoundUnit<Full<S0>>(
            "round", 1, columns, new Operand(items * columns, columns / 2, format: OperandFormat.Pairs),
            new ProgramBinding([new Operand(0, columns)], [SlotAccess.Full]), 0, RoundingKind.Stochastic, new Operand(numbers, 1), true, Seed, Stream);
        uint[] after = UnitHarness.Check(unit, items, before, simulator: false);

        double up = 0;
        for (int i = 0; i < items * columns; i++)
        {
            float rounded = BitConverter.UInt32BitsToSingle(after[items * columns + i / 2] << (i % 2 == 0 ? 16 : 0) & 0xFFFF0000);
            Assert.That(rounded, Is.EqualTo(1f).Or.EqualTo(1f + 1f / 128f));
            up += rounded > 1f ? 1 : 0;
        }

        const double probability = 3.0 / 8;
        double deviation = Math.Sqrt(probability * (1 - probability) / (items * columns));
        Assert.That(up / (items * columns), Is.EqualTo(probability).Within(4 * deviation));
    }

    /// <summary>A draw is the documented half of the documented word.</summary>
    [TestCase(0L, 0, 0, 0)]
    [TestCase(17L, 1, 0, 1)]
    [TestCase(128L + 5 * 16 + 3, 16 + 3, 2, 1)]
    [TestCase((1L << 36) + 100, 4, 3, 0, (1L << 33))]
    public void Draw_IsTheHalfOfAWord(long element, int lane, int word, int half, long firstCounter = 0)
    {
        long counter = firstCounter + lane;
        int[] words = [(int)counter, (int)(counter >> 32), 9, 0];
        Philox.Generate<ScalarLane, float, int>(ref words[0], ref words[1], ref words[2], ref words[3], Seed, Stream);

        Assert.That(RoundingDraw.Bits(element, 9, Seed, Stream) & 0xFFFF, Is.EqualTo((words[word] >> (16 * half)) & 0xFFFF));
    }

    [Test]
    public void Widen_IsExact([Values(2, 34, 128)] int columns)
    {
        const int items = 6;
        uint[] before = UnitHarness.RandomWords(items * columns / 2 + items * columns, 8);
        var unit = new MapUnit<Paired<S0>>(
            "widen", 1, columns, new Operand(items * columns / 2, columns),
            new ProgramBinding([new Operand(0, columns / 2, format: OperandFormat.Pairs)], [SlotAccess.Paired]), 0);

        uint[] after = UnitHarness.Check(unit, items, before);

        for (int i = 0; i < items * columns; i++)
        {
            Assert.That(after[items * columns / 2 + i], Is.EqualTo(before[i / 2] << (i % 2 == 0 ? 16 : 0) & 0xFFFF0000));
        }
    }

    [Test]
    public void SampleContract_ReadsPairs([Values(2, 40)] int n, [Values(2, 50)] int k, [Values] bool dyPaired, [Values] bool xPaired, [Values] bool wide)
    {
        const int rows = 70;
        int x = rows * n;
        int output = x + rows * k;
        uint[] before = UnitHarness.RandomWords(output + n * k, 4);
        var unit = new SampleContractUnit(
            "gradient", k, rows, 1, dyPaired ? new Operand(0, n / 2, format: OperandFormat.Pairs) : new Operand(0, n),
            xPaired ? new Operand(x, k / 2, format: OperandFormat.Pairs) : new Operand(x, k), new Operand(output, k), 0, wide);

        UnitHarness.Check(unit, n, before, scratchElements: SampleContractUnit.ScratchElements(rows, SampleTree.GroupRows(1), n, k) + 16);
    }

    [Test]
    public void SampleConvolve_ReadsPairs([Values(2, 18)] int filters, [Values(2, 6, 14)] int channels, [Values] bool dyPaired, [Values] bool xPaired)
    {
        var of = new Convolve.ConvolveCase(3, 7, 9, channels, filters, 3, 3, 1, 1, 1, 1);
        ConvolveGeometry g = of.Geometry;
        int x = 3 * g.ResultPixels * filters;
        int output = x + 3 * g.SourcePixels * channels;
        uint[] before = UnitHarness.RandomWords(output + filters * g.Depth, 6);
        var unit = new SampleConvolveUnit(
            "gradient", g, 3, dyPaired ? new Operand(0, filters / 2, format: OperandFormat.Pairs) : new Operand(0, filters),
            xPaired ? new Operand(x, channels / 2, format: OperandFormat.Pairs) : new Operand(x, channels), new Operand(output, g.Depth), 0);

        UnitHarness.Check(unit, filters, before, scratchElements: SampleConvolveUnit.ScratchElements(g, 3, filters) + 16);
    }

    [Test]
    public void Packing_ReadsPairs_OrRounds([Values] bool transposed, [Values] bool rounds)
    {
        const int n = 21;
        const int k = 38;
        uint[] before = UnitHarness.RandomWords(n * k, 7);
        Array.Resize(ref before, n * k + (int)PackedWeight.LengthElements(transposed ? k : n, transposed ? n : k));
        var unit = new PackUnit(
            "pack", n, k, transposed, rounds ? new Operand(0, k) : new Operand(0, k / 2, format: OperandFormat.Pairs), new Operand(n * k, 0), rounds);

        UnitHarness.Check(unit, n, before);
    }

    [Test]
    public void Gather_ReadsPairs()
    {
        const int width = 38;
        uint[] before = UnitHarness.RandomWords(6 + 9 * width / 2 + 6 * width, 9);
        for (int i = 0; i < 6; i++)
        {
            before[i] = (uint)(i == 2 ? -1 : i * 8 % 9);
        }

        var unit = new GatherUnit(
            "gather", width, 1, new Operand(0, 1), new Operand(6, width / 2, format: OperandFormat.Pairs), new Operand(6 + 9 * width / 2, width));

        UnitHarness.Check(unit, 6, before);
    }

    [TestCaseSource(nameof(Kernels))]
    public void Ptx_IsClean(MethodInfo kernel)
    {
        using var inspector = new PtxInspector();

        Assert.That(inspector.Violations(kernel), Is.Empty);
    }

    private static IEnumerable<TestCaseData> Kernels()
    {
        yield return new TestCaseData(RoundKernel.Method(typeof(Full<S0>))).SetName("{m}(round)");
        yield return new TestCaseData(MapKernel.Method(typeof(Paired<S0>))).SetName("{m}(widen)");
    }
}
