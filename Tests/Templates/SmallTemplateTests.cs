using System.Collections.Immutable;
using System.Reflection;
using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.BatchContract;
using RduEmu.Kernels.Templates.Gather;
using RduEmu.Kernels.Templates.Layout;
using RduEmu.Kernels.Templates.Map;
using RduEmu.Kernels.Templates.RowReduce;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Tests.Templates;

[TestFixture]
public sealed class SmallTemplateTests
{
    [Test]
    public void Map_OnEveryPath([Values(0, 1, 5)] int items, [Values(1, 15, 16, 17, 33, 127)] int columns)
    {
        uint[] before = UnitHarness.RandomWords(items * columns * 2 + columns + 1, columns);
        long bias = (long)items * columns * 2;
        var unit = new MapUnit<Unary<ReluFunction, Binary<AddFunction, Full<S0>, PerColumn<S1>>>>(
            "bias and ReLU", 1, columns, new Operand(items * columns, columns),
            new ProgramBinding([new Operand(0, columns), new Operand(bias, columns)], [SlotAccess.Full, SlotAccess.PerColumn]), 2);

        UnitHarness.Check(unit, items, before);
    }

    [Test]
    public void RowMeanSquare_OnEveryPath([Values(0, 1, 9)] int items, [Values(1, 15, 16, 35, 128)] int width)
    {
        int state = items * width;
        uint[] before = UnitHarness.RandomWords(state + items, width);
        var operand = new Operand(state, 1);
        var unit = new RowMeanSquareUnit<Binary<AddFunction, PerRow<S0>, Accumulated>>(
            "state", width, new Operand(0, width), operand, new ProgramBinding([operand], [SlotAccess.PerRow]));
        uint[] after = UnitHarness.Check(unit, items, before);

        for (int row = 0; row < items; row++)
        {
            double sum = 0;
            for (int column = 0; column < width; column++)
            {
                sum += Math.Pow(BitConverter.UInt32BitsToSingle(before[row * width + column]), 2);
            }

            double expected = BitConverter.UInt32BitsToSingle(before[state + row]) + sum / width;
            Assert.That(BitConverter.UInt32BitsToSingle(after[state + row]), Is.EqualTo(expected).Within(1e-5));
        }
    }

    [Test]
    public void Gather_OnEveryPath([Values(1, 7, 16, 33)] int width, [Values(1, 3)] int hotness, [Values] bool weighted)
    {
        const int items = 13;
        const int rows = 9;
        int indices = rows * width;
        int weights = indices + items * hotness;
        int output = weights + items * hotness;
        uint[] before = UnitHarness.RandomWords(output + items * (width + 2), width);
        var random = new Random(5);
        for (int i = 0; i < items * hotness; i++)
        {
            before[indices + i] = (uint)random.Next(-1, rows);
        }

        var unit = new GatherUnit(
            "bag", width, hotness, new Operand(indices, hotness), new Operand(0, width), new Operand(output, width + 2),
            weighted ? new Operand(weights, hotness) : null);
        uint[] after = UnitHarness.Check(unit, items, before);

        for (int b = 0; b < items; b++)
        {
            float expected = 0f;
            for (int h = 0; h < hotness; h++)
            {
                int row = (int)before[indices + b * hotness + h];
                if (row >= 0)
                {
                    float element = BitConverter.UInt32BitsToSingle(before[row * width]);
                    expected = weighted
                        ? MathF.FusedMultiplyAdd(BitConverter.UInt32BitsToSingle(before[weights + b * hotness + h]), element, expected)
                        : expected + element;
                }
            }

            Assert.That(after[output + b * (width + 2)], Is.EqualTo(BitConverter.SingleToUInt32Bits(expected)));
        }
    }

    [Test]
    public void SampleColumnSum_OnEveryPath([Values(0, 1, 31, 32, 33, 64, 65, 96, 127, 200)] int rows, [Values(1, 16, 37)] int columns)
    {
        uint[] before = UnitHarness.RandomWords(rows * columns + columns, rows);
        var unit = new SampleColumnSumUnit<Full<S0>>(
            "sum", columns, rows, 1, new Operand((long)rows * columns, columns), new ProgramBinding([new Operand(0, columns)], [SlotAccess.Full]));

        UnitHarness.Check(unit, 1, before, tiles: false);
    }

    [Test]
    public void SampleColumnSum_WithRowsOfSamples_OnEveryPath([Values(1, 3, 5)] int samples, [Values(96, 24, 5, 64)] int rowsPerSample, [Values(1, 37, 69)] int columns)
    {
        int rows = samples * rowsPerSample;
        uint[] before = UnitHarness.RandomWords(rows * columns + columns, rows);
        var unit = new SampleColumnSumUnit<Full<S0>>(
            "sum", columns, rows, rowsPerSample, new Operand((long)rows * columns, columns), new ProgramBinding([new Operand(0, columns)], [SlotAccess.Full]));

        UnitHarness.Check(unit, 1, before, tiles: false);
    }

    /// <summary>Cut at a power-of-two number of leaves, the two halves' sums add up to the whole's bits.</summary>
    [Test]
    public void SampleTree_IsCutAtItsTop([Values(2, 4, 8, 64)] int leafCount)
    {
        var random = new Random(leafCount);
        float[] leaves = [.. Enumerable.Range(0, leafCount).Select(_ => random.NextSingle())];

        float whole = SampleTree.Combine(leaves);
        float halves = SampleTree.Combine(leaves.AsSpan(0, leafCount / 2)) + SampleTree.Combine(leaves.AsSpan(leafCount / 2));

        Assert.That(BitConverter.SingleToInt32Bits(whole), Is.EqualTo(BitConverter.SingleToInt32Bits(halves)));
    }

    [Test]
    public void ColumnMap_OnEveryPath([Values(0, 1, 6)] int items)
    {
        ImmutableArray<int> map = [3, 4, 5, -1, -1, 0, 2, 1, 10, 9];
        const int inputs = 11;
        int output = map.Length + items * inputs;
        uint[] before = UnitHarness.RandomWords(output + items * map.Length, items);
        for (int i = 0; i < map.Length; i++)
        {
            before[i] = (uint)map[i];
        }

        var unit = new ColumnMapUnit(
            "map", 1, map, new Operand(map.Length, inputs), new Operand(output, map.Length), new Operand(0, map.Length));
        uint[] after = UnitHarness.Check(unit, items, before);

        for (int i = 0; i < items * map.Length; i++)
        {
            int source = map[i % map.Length];
            Assert.That(after[output + i], Is.EqualTo(source < 0 ? 0u : before[map.Length + i / map.Length * inputs + source]));
        }
    }

    [Test]
    public void Copy_OnEveryPath([Values(1, 5)] int items, [Values(1, 17)] int columns) =>
        UnitHarness.Check(
            new CopyUnit("copy", 1, columns, new Operand(0, columns), new Operand(items * columns, columns + 3)),
            items,
            UnitHarness.RandomWords(items * (2 * columns + 3), columns));

    [Test]
    public void BatchContract_OnEveryPath(
        [Values(1, 4, 10, 27)] int rows, [Values(1, 16, 27, 32)] int columns, [Values(0, 1, 16, 257)] int depth, [Values] bool transposeA, [Values] bool transposeB)
    {
        const int items = 3;
        int b = items * rows * depth;
        int c = b + items * columns * depth;
        var unit = new BatchContractUnit(
            "product", rows, columns, depth, transposeA, transposeB,
            new Operand(0, rows * depth), new Operand(b, columns * depth), new Operand(c, rows * columns));

        UnitHarness.Check(unit, items, UnitHarness.RandomWords(c + items * rows * columns, depth), simulator: rows * columns < 400);
    }

    private static IEnumerable<TestCaseData> Kernels()
    {
        yield return new TestCaseData(GatherKernel.Method).SetName("{m}(gather)");
        yield return new TestCaseData(SampleColumnSumKernel.Method(typeof(Full<S0>))).SetName("{m}(sample sum)");
        yield return new TestCaseData(ColumnMapKernel.Method).SetName("{m}(column map)");
        yield return new TestCaseData(RowMeanSquareKernel.Method(typeof(Binary<AddFunction, PerRow<S0>, Accumulated>))).SetName("{m}(row mean square)");
        yield return new TestCaseData(CopyKernel.Method).SetName("{m}(copy)");
        yield return new TestCaseData(BatchContractKernel.Method).SetName("{m}(batch contract)");
    }

    [TestCaseSource(nameof(Kernels))]
    public void Ptx_IsClean(MethodInfo kernel)
    {
        using var inspector = new PtxInspector();

        Assert.That(inspector.Violations(kernel), Is.Empty);
    }
}
