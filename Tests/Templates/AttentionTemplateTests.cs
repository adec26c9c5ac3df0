using System.Reflection;
using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.BatchContract;
using RduEmu.Kernels.Templates.Gather;
using RduEmu.Kernels.Templates.LayerNorm;
using RduEmu.Kernels.Templates.Layout;
using RduEmu.Kernels.Templates.Map;
using RduEmu.Kernels.Templates.Random;
using RduEmu.Kernels.Templates.SampleReduce;
using RduEmu.Kernels.Templates.ScatterAdd;
using RduEmu.Kernels.Templates.Softmax;

namespace RduEmu.Tests.Templates;

/// <summary>The templates of a transformer: the same bits on every path, and the formula's value in float64.</summary>
[TestFixture]
public sealed class AttentionTemplateTests
{
    private const int Items = 5;

    /// <summary>
    /// Relative to the largest term: some ten roundings of 2^-24, and the sums' of up to 130 terms in 16 lanes (13 roundings each).
    /// </summary>
    private const double Tolerance = 40 * 5.96e-8;

    [Test]
    public void LayerNorm_OnEveryPath([Values(1, 15, 16, 33, 128)] int columns, [Values(1, 3)] int rowsPerItem, [Values] bool affine)
    {
        int rows = Items * rowsPerItem;
        int gamma = rows * columns, beta = gamma + columns, output = beta + columns;
        uint[] before = UnitHarness.RandomWords(output + rows * (columns + 2), columns);
        var unit = new LayerNormUnit(
            "norm", rowsPerItem, columns, 1e-5f, new Operand(0, columns), new Operand(output, columns + 2),
            affine ? (new Operand(gamma, columns), new Operand(beta, columns)) : null);

        uint[] after = UnitHarness.Check(unit, Items, before);

        for (int row = 0; row < rows; row++)
        {
            double[] n = Normalized(before, row * columns, columns, 1e-5, out _);
            for (int c = 0; c < columns; c++)
            {
                double expected = affine ? n[c] * Float(before[gamma + c]) + Float(before[beta + c]) : n[c];
                Assert.That(Float(after[output + row * (columns + 2) + c]), Is.EqualTo(expected).Within(30 * Tolerance));
            }
        }
    }

    [Test]
    public void LayerNormGradient_OnEveryPath([Values(1, 15, 16, 33, 128)] int columns, [Values(1, 3)] int rowsPerItem)
    {
        int rows = Items * rowsPerItem;
        int dy = rows * columns, gamma = dy + rows * columns, output = gamma + columns;
        uint[] before = UnitHarness.RandomWords(output + rows * columns, columns);
        var unit = new LayerNormGradientUnit(
            "gradient", rowsPerItem, columns, 1e-3f, new Operand(0, columns), new Operand(gamma, columns), new Operand(dy, columns),
            new Operand(output, columns));

        uint[] after = UnitHarness.Check(unit, Items, before);

        for (int row = 0; row < rows; row++)
        {
            double[] n = Normalized(before, row * columns, columns, 1e-3, out double root);
            double[] g = [.. Enumerable.Range(0, columns).Select(c => (double)Float(before[dy + row * columns + c]) * Float(before[gamma + c]))];
            double a = g.Average(), b = g.Zip(n, (x, y) => x * y).Average();
            for (int c = 0; c < columns; c++)
            {
                Assert.That(Float(after[output + row * columns + c]), Is.EqualTo(root * (g[c] - a - b * n[c])).Within(100 * root * Tolerance));
            }
        }
    }

    [Test]
    public void Softmax_OnEveryPath([Values(1, 15, 16, 33, 128)] int columns, [Values(1, 6)] int rowsPerItem, [Values] bool masked)
    {
        int rows = Items * rowsPerItem;
        int mask = rows * columns, output = mask + Items * columns;
        uint[] before = UnitHarness.RandomWords(output + rows * columns, columns);
        for (int i = 0; i < Items * columns; i++)
        {
            before[mask + i] = i % 7 == 3 ? BitConverter.SingleToUInt32Bits(-10000f) : 0;
        }

        var unit = new SoftmaxUnit(
            "softmax", rowsPerItem, columns, 0.25f, new Operand(0, columns), new Operand(output, columns), masked ? new Operand(mask, columns) : null);
        uint[] after = UnitHarness.Check(unit, Items, before);

        for (int row = 0; row < rows; row++)
        {
            double[] z = [.. Enumerable.Range(0, columns).Select(c =>
                0.25 * Float(before[row * columns + c]) + (masked ? Float(before[mask + row / rowsPerItem * columns + c]) : 0))];
            double sum = z.Sum(x => Math.Exp(x - z.Max()));
            for (int c = 0; c < columns; c++)
            {
                // A masked logit has lost what is below half a unit of 10000.
                double expected = Math.Exp(z[c] - z.Max()) / sum;
                Assert.That(Float(after[output + row * columns + c]), Is.EqualTo(expected).Within(masked && z.Max() < -5000 ? 1e-3 : Tolerance));
            }
        }
    }

    [Test]
    public void SoftmaxGradient_OnEveryPath([Values(1, 15, 16, 33, 128)] int columns)
    {
        const int rowsPerItem = 4;
        const int rows = Items * rowsPerItem;
        int dy = rows * columns, output = dy + rows * columns;
        uint[] before = UnitHarness.RandomWords(output + rows * columns, columns);
        uint[] after = UnitHarness.Check(
            new SoftmaxGradientUnit("gradient", rowsPerItem, columns, 0.5f, new Operand(0, columns), new Operand(dy, columns), new Operand(output, columns)),
            Items, before);

        for (int row = 0; row < rows; row++)
        {
            double sum = Enumerable.Range(row * columns, columns).Sum(i => (double)Float(before[i]) * Float(before[dy + i]));
            for (int i = row * columns; i < (row + 1) * columns; i++)
            {
                double expected = Float(before[i]) * (Float(before[dy + i]) - sum) * 0.5;
                Assert.That(Float(after[output + i]), Is.EqualTo(expected).Within(4 * columns * Tolerance));
            }
        }
    }

    [Test]
    public void CrossEntropy_AndItsGradient_OnEveryPath([Values(1, 2, 16, 33, 500)] int columns, [Values(1, 3)] int rowsPerItem)
    {
        int rows = Items * rowsPerItem;
        int labels = rows * columns, weights = labels + rows, losses = weights + rows, output = losses + rows;
        uint[] before = UnitHarness.RandomWords(output + rows * columns, columns);
        for (int row = 0; row < rows; row++)
        {
            before[labels + row] = row % 4 == 3 ? uint.MaxValue : (uint)(row * 31 % columns);
        }

        var x = new Operand(0, columns);
        Operand Column(int at) => new(at, 1);
        uint[] loss = UnitHarness.Check(
            new CrossEntropyUnit("loss", rowsPerItem, columns, x, Column(labels), Column(weights), Column(losses)), Items, before);
        uint[] gradient = UnitHarness.Check(
            new CrossEntropyGradientUnit("gradient", rowsPerItem, columns, x, Column(labels), Column(weights), new Operand(output, columns)), Items, before);

        for (int row = 0; row < rows; row++)
        {
            int label = (int)before[labels + row];
            double weight = label < 0 ? 0 : Float(before[weights + row]);
            double sum = Enumerable.Range(row * columns, columns).Sum(i => Math.Exp(Float(before[i])));
            double expected = label < 0 ? 0 : weight * (Math.Log(sum) - Float(before[row * columns + label]));
            Assert.That(Float(loss[losses + row]), Is.EqualTo(expected).Within(10 * Tolerance));
            for (int c = 0; c < columns; c++)
            {
                double slope = weight * (Math.Exp(Float(before[row * columns + c])) / sum - (c == label ? 1 : 0));
                Assert.That(Float(gradient[output + row * columns + c]), Is.EqualTo(slope).Within(2 * Tolerance));
            }
        }
    }

    /// <summary>GELU's values: a float64 Φ, at most three roundings and the error function's ulp away; near zero of Φ absolutely.</summary>
    [Test]
    public void Gelu_OnEveryPath()
    {
        const int columns = 37;
        uint[] before = UnitHarness.RandomWords(3 * Items * columns, 9);
        var binding = new ProgramBinding([new Operand(0, columns), new Operand(Items * columns, columns)], [SlotAccess.Full, SlotAccess.Full]);
        UnitHarness.Check(
            new MapUnit<Binary<GeluGradientFunction, Full<S0>, Full<S1>>>("gradient", 1, columns, new Operand(2 * Items * columns, columns), binding, 1),
            Items, before);
        uint[] after = UnitHarness.Check(
            new MapUnit<Unary<GeluFunction, Full<S0>>>("gelu", 1, columns, new Operand(2 * Items * columns, columns), binding, 1), Items, before);

        for (int i = 0; i < Items * columns; i++)
        {
            double x = Float(before[i]);
            double expected = x * (1 + MathNet.Numerics.SpecialFunctions.Erf(x / Math.Sqrt(2))) / 2;
            Assert.That(Float(after[2 * Items * columns + i]), Is.EqualTo(expected).Within(Math.Abs(x) * 4 * 5.96e-8));
        }
    }

    /// <summary>The last items of a batch, computed as a batch of their own, draw what the whole batch draws.</summary>
    [Test]
    public void Dropout_OnEveryPath_AndInParts([Values(1, 16, 37)] int columns, [Values(1, 3)] int rowsPerItem)
    {
        int length = Items * rowsPerItem * columns;
        int numbers = length, output = numbers + Items;
        uint[] before = UnitHarness.RandomWords(output + length, columns);
        for (int i = 0; i < Items; i++)
        {
            before[numbers + i] = 17u + (uint)i;
        }

        DropoutUnit Unit(int firstItem)
        {
            int from = firstItem * rowsPerItem * columns;
            return new(
                "dropout", rowsPerItem, columns, new Operand(from, columns), new Operand(output + from, columns), new Operand(numbers + firstItem, 1),
                seed: 5, stream: 3, keep: 0.75f, scale: 1f / 0.75f);
        }

        uint[] after = UnitHarness.Check(Unit(0), Items, before);
        uint[] last = UnitHarness.Check(Unit(2), Items - 2, before, simulator: false);

        int part = 2 * rowsPerItem * columns;
        Assert.That(last[(output + part)..], Is.EqualTo(after[(output + part)..]));
        if (rowsPerItem == 3)
        {
            // The last two rows of the first item by themselves: an RDU's part of an item.
            var rows = new DropoutUnit(
                "dropout", 2, columns, new Operand(columns, columns), new Operand(output + columns, columns), new Operand(numbers, 1),
                seed: 5, stream: 3, keep: 0.75f, scale: 1f / 0.75f, firstElement: columns);
            Assert.That(UnitHarness.Check(rows, 1, before)[(output + columns)..(output + 3 * columns)], Is.EqualTo(after[(output + columns)..(output + 3 * columns)]));
        }

        for (int i = 0; i < length; i++)
        {
            float kept = Float(before[i]) * (1f / 0.75f);
            Assert.That(Float(after[output + i]), Is.EqualTo(kept).Or.EqualTo(0f));
        }

        int dropped = after[output..].Count(word => word == 0);
        Assert.That(dropped, Is.EqualTo(length / 4.0).Within(4 * Math.Sqrt(length * 0.25 * 0.75) + 1));
    }

    [Test]
    public void RowsOfAnItem_AreGatheredAndScattered([Values(1, 9)] int sourceRows, [Values(1, 4)] int pickedRows, [Values(1, 16, 19)] int columns)
    {
        int x = Items * pickedRows, y = x + Items * sourceRows * columns;
        uint[] before = UnitHarness.RandomWords(y + Items * pickedRows * columns, columns);
        var random = new Random(columns);
        for (int i = 0; i < x; i++)
        {
            before[i] = (uint)random.Next(-1, sourceRows);
        }

        var positions = new Operand(0, 1);
        uint[] gathered = UnitHarness.Check(
            new RowGatherUnit("gather", sourceRows, pickedRows, columns, positions, new Operand(x, columns), new Operand(y, columns)), Items, before);
        uint[] scattered = UnitHarness.Check(
            new RowScatterUnit("scatter", sourceRows, pickedRows, columns, positions, new Operand(y, columns), new Operand(x, columns)), Items, before);

        var expected = new float[Items * sourceRows * columns];
        for (int row = 0; row < Items * pickedRows; row++)
        {
            int position = (int)before[row];
            int source = row / pickedRows * sourceRows + position;
            for (int c = 0; c < columns; c++)
            {
                Assert.That(gathered[y + row * columns + c], Is.EqualTo(position < 0 ? 0u : before[x + source * columns + c]));
                if (position >= 0)
                {
                    expected[source * columns + c] += Float(before[y + row * columns + c]);
                }
            }
        }

        Assert.That(scattered[x..y].Select(Float), Is.EqualTo(expected));
    }

    [Test]
    public void MatrixTranspose_OnEveryPath([Values(1, 7)] int rows, [Values(1, 16, 19)] int columns)
    {
        int length = Items * rows * columns;
        uint[] before = UnitHarness.RandomWords(2 * length, rows);
        uint[] after = UnitHarness.Check(
            new MatrixTransposeUnit("turn", rows, columns, new Operand(0, columns), new Operand(length, rows)), Items, before);

        for (int i = 0; i < length; i++)
        {
            int item = i / (rows * columns), r = i / columns % rows, c = i % columns;
            Assert.That(after[length + (item * columns + c) * rows + r], Is.EqualTo(before[i]));
        }
    }

    /// <summary>Many positions of few rows, few of many, and absent ones; leaves of one position up to all.</summary>
    [Test]
    public void SampleScatter_OnEveryPath([Values(1, 3, 3000)] int rows, [Values(1, 16, 150)] int width, [Values(1, 7, 64)] int leafPositions)
    {
        const int positions = 60;
        int gradient = positions, output = gradient + positions * width;
        uint[] before = UnitHarness.RandomWords(output + rows * width, width);
        Array.Clear(before, output, rows * width);
        var random = new Random(rows);
        for (int i = 0; i < positions; i++)
        {
            before[i] = (uint)random.Next(-1, rows);
        }

        var unit = new SampleScatterUnit(
            "token gradient", rows, width, positions, leafPositions, new Operand(0, positions), new Operand(gradient, width), new Operand(output, width), 0);
        uint[] after = UnitHarness.Check(
            unit, 1, before, tiles: false, simulator: width < 100, scratchElements: SampleScatterUnit.ScratchElements(positions));

        for (int row = 0; row < rows; row++)
        {
            var leaves = new float[(positions + leafPositions - 1) / leafPositions];
            for (int i = 0; i < positions; i++)
            {
                if ((int)before[i] == row)
                {
                    leaves[i / leafPositions] += Float(before[gradient + i * width]);
                }
            }

            Assert.That(after[output + row * width], Is.EqualTo(BitConverter.SingleToUInt32Bits(SampleTree.Combine(leaves))));
        }
    }

    [Test]
    public void TokenGather_OnEveryPath([Values(1, 4)] int rowsPerItem, [Values(1, 16, 33)] int width)
    {
        const int tableRows = 9;
        int rows = Items * rowsPerItem;
        int indices = tableRows * width, output = indices + rows;
        uint[] before = UnitHarness.RandomWords(output + rows * width, width);
        for (int i = 0; i < rows; i++)
        {
            before[indices + i] = (uint)(i * 5 % tableRows);
        }

        uint[] after = UnitHarness.Check(
            new GatherUnit("tokens", width, 1, new Operand(indices, 1), new Operand(0, width), new Operand(output, width), rowsPerItem: rowsPerItem),
            Items, before);

        for (int i = 0; i < rows * width; i++)
        {
            // A sum of one row from +0.
            Assert.That(after[output + i], Is.EqualTo(BitConverter.SingleToUInt32Bits(0f + Float(before[i / width * 5 % tableRows * width + i % width]))));
        }
    }

    public enum Form
    {
        Scores,
        Context,
        ContextTransposed,
    }

    /// <summary>Heads side by side in a token's row, as an attention reads and writes them; awkward sizes and one that is packed in pieces.</summary>
    [TestCase(Form.Scores, 1, 1, 1)]
    [TestCase(Form.Scores, 3, 7, 5)]
    [TestCase(Form.Scores, 2, 33, 64)]
    [TestCase(Form.Scores, 2, 100, 300)]
    [TestCase(Form.Context, 3, 7, 5)]
    [TestCase(Form.Context, 2, 33, 64)]
    [TestCase(Form.Context, 2, 300, 17)]
    [TestCase(Form.ContextTransposed, 3, 7, 5)]
    [TestCase(Form.ContextTransposed, 2, 33, 64)]
    [TestCase(Form.ContextTransposed, 2, 300, 17)]
    [TestCase(Form.Scores, 1, 3, 20000)]
    public void Heads_OnEveryPath(Form form, int heads, int tokens, int width)
    {
        const int items = 3;
        int row = heads * width, map = tokens * tokens;
        int matrix = tokens * row, maps = heads * map;
        int other = items * Math.Max(matrix, maps);
        int output = 2 * other;
        uint[] before = UnitHarness.RandomWords(3 * other, tokens);
        BatchContractArguments arguments = form == Form.Scores
            ? new(
                new Operand(0, matrix), new Operand(other, matrix), new Operand(output, maps), tokens, tokens, width,
                RowStrideA: row, DepthStrideA: 1, ColumnStrideB: row, DepthStrideB: 1,
                RowStrideC: tokens, heads, HeadStrideA: width, HeadStrideB: width, HeadStrideC: map)
            : new(
                new Operand(0, maps), new Operand(other, matrix), new Operand(output, matrix), tokens, width, tokens,
                RowStrideA: form == Form.Context ? tokens : 1, DepthStrideA: form == Form.Context ? 1 : tokens, ColumnStrideB: 1, DepthStrideB: row,
                RowStrideC: row, heads, HeadStrideA: map, HeadStrideB: width, HeadStrideC: width);

        UnitHarness.Check(new BatchContractUnit("heads", arguments), items, before, simulator: (long)tokens * tokens * width < 200_000);
    }

    private static IEnumerable<TestCaseData> Kernels()
    {
        yield return new TestCaseData(LayerNormKernel.Method).SetName("{m}(layer norm)");
        yield return new TestCaseData(LayerNormGradientKernel.Method).SetName("{m}(layer norm gradient)");
        yield return new TestCaseData(SoftmaxKernel.Method).SetName("{m}(softmax)");
        yield return new TestCaseData(SoftmaxGradientKernel.Method).SetName("{m}(softmax gradient)");
        yield return new TestCaseData(CrossEntropyKernel.Method).SetName("{m}(cross-entropy)");
        yield return new TestCaseData(CrossEntropyGradientKernel.Method).SetName("{m}(cross-entropy gradient)");
        yield return new TestCaseData(DropoutKernel.Method).SetName("{m}(dropout)");
        yield return new TestCaseData(RowGatherKernel.Method).SetName("{m}(row gather)");
        yield return new TestCaseData(RowScatterKernel.Method).SetName("{m}(row scatter)");
        yield return new TestCaseData(MatrixTransposeKernel.Method).SetName("{m}(matrix transpose)");
        yield return new TestCaseData(MapKernel.Method(typeof(Unary<GeluFunction, Full<S0>>))).SetName("{m}(GELU)");
        yield return new TestCaseData(MapKernel.Method(typeof(Binary<GeluGradientFunction, Full<S0>, Full<S1>>))).SetName("{m}(GELU gradient)");
        yield return new TestCaseData(SampleScatterKernel.Method).SetName("{m}(sample scatter)");
    }

    [TestCaseSource(nameof(Kernels))]
    public void Ptx_IsClean(MethodInfo kernel)
    {
        using var inspector = new PtxInspector();

        Assert.That(inspector.Violations(kernel), Is.Empty);
    }

    private static double[] Normalized(uint[] words, int at, int columns, double epsilon, out double root)
    {
        double[] x = [.. Enumerable.Range(at, columns).Select(i => (double)Float(words[i]))];
        double mean = x.Average();
        double r = 1 / Math.Sqrt(x.Sum(v => (v - mean) * (v - mean)) / columns + epsilon);
        root = r;
        return [.. x.Select(v => (v - mean) * r)];
    }

    private static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);
}
