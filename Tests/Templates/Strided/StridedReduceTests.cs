using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.RowReduce;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Tests.Templates.Strided;

/// <summary>Reductions over any axes of a tensor [items, a, b, c]: which axes are kept is a set of letters.</summary>
[TestFixture]
public sealed class StridedReduceTests
{
    private const int Items = 3;

    [Test]
    public void Sum_OnEveryPath(
        [Values("a", "b", "c", "ab", "ac", "bc", "abc", "")] string kept,
        [Values("1,1,1", "2,3,5", "1,16,33", "7,2,17", "33,1,16", "3,0,2", "1,1,300", "40,15,1")] string extents)
    {
        int[] shape = [.. extents.Split(',').Select(int.Parse)];
        Layout layout = Lay(kept, shape);
        int input = Items * layout.KeptCount;
        uint[] before = UnitHarness.RandomWords(input + Items * layout.Count, layout.Count);
        if (before.Length > input + 5)
        {
            before[input + 5] = 0x7FC00000;
            before[^1] = 0x80000000;
        }

        var unit = new StridedReduceUnit<RowSum, Unary<AbsFunction, Full<S0>>, Accumulated>(
            "sum", layout.Kept, layout.Reduced, NdOperand.Dense(0, layout.Kept), [layout.Operand(input, 1)], [], 2);
        uint[] after = UnitHarness.Check(unit, Items, before, simulator: layout.Count < 600);

        for (int o = 0; o < Items * layout.KeptCount; o++)
        {
            float[] x = [.. layout.Elements(o).Select(at => MathF.Abs(Float(before[input + at])))];
            float expected = Tree(x);
            Assert.That(after[o] == Bits(expected) || (float.IsNaN(expected) && float.IsNaN(Float(after[o]))), $"output {o}: {Float(after[o]):R}, expected {expected:R}");
        }
    }

    /// <summary>out[b, j] = log(sum over i of exp(x[b, i, j] - m[b, j])) + m[b, j]: an input repeated along the reduced axis, an epilogue.</summary>
    [TestCase(5, 40)]
    [TestCase(33, 7)]
    public void PrologueAndEpilogue_OnEveryPath(int length, int width)
    {
        int m = Items * width;
        int x = 2 * m;
        uint[] before = UnitHarness.RandomWords(x + Items * length * width, width);
        var unit = new StridedReduceUnit<RowSum, Unary<ExpFunction, Binary<SubFunction, Full<S0>, Full<S1>>>, Binary<AddFunction, Unary<LogFunction, Accumulated>, Full<S0>>>(
            "log sum exp", [width], [length], NdOperand.Dense(0, [width]),
            [new NdOperand(x, length * width, [1, width]), new NdOperand(m, width, [1, 0])], [NdOperand.Dense(m, [width])], 3);
        uint[] after = UnitHarness.Check(unit, Items, before);

        for (int o = 0; o < Items * width; o++)
        {
            double expected = Math.Log(Enumerable.Range(0, length).Sum(i => Math.Exp(Float(before[x + (o / width * length + i) * width + o % width]))));
            Assert.That(Float(after[o]), Is.EqualTo(expected).Within(2e-6));
        }
    }

    [Test]
    public void WordReduce_OnEveryPath([Values("a", "bc", "")] string kept, [Values("2,3,5", "1,16,33", "3,0,2")] string extents)
    {
        int[] shape = [.. extents.Split(',').Select(int.Parse)];
        Layout layout = Lay(kept, shape);
        int input = 2 * Items * layout.KeptCount;
        uint[] before = UnitHarness.RandomWords(input + 2 * Items * layout.Count, layout.Count);
        var unit = new WordReduceUnit<AbsWord, AddWord, CopyWord>(
            "sum", layout.Kept, layout.Reduced, NdOperand.Dense(0, layout.Kept, 2), ElementCode.Int64, layout.Operand(input, 2), ElementCode.Int64, 0, 0);
        uint[] after = UnitHarness.Check(unit, Items, before);

        for (int o = 0; o < Items * layout.KeptCount; o++)
        {
            long expected = layout.Elements(o).Aggregate(0L, (sum, at) => unchecked(sum + Math.Abs(Long(before, input + 2 * at))));
            Assert.That(Long(after, 2 * o), Is.EqualTo(expected));
        }
    }

    [Test]
    public void Scan_OnEveryPath([Values] bool exclusive, [Values] bool reverse, [Values(0, 1, 2, 17, 33)] int length)
    {
        int[] shape = [2, length, 3];
        int count = Items * 6 * length;
        uint[] before = UnitHarness.RandomWords(2 * count, length);
        NdOperand Over(int offset) => new(offset, 6 * length, [3 * length, 1, 3]);
        var unit = new ScanUnit<AddFloat32Word>("scan", [2, 3], length, Over(0), Over(count), ElementCode.Float32, 0, exclusive, reverse);
        uint[] after = UnitHarness.Check(unit, Items, before);

        for (int row = 0; row < Items * 2 * 3; row++)
        {
            float total = 0f;
            for (int step = 0; step < length; step++)
            {
                int i = reverse ? length - 1 - step : step;
                int at = (row / 3 * length + i) * 3 + row % 3;
                float next = total + Float(before[count + at]);
                Assert.That(after[at], Is.EqualTo(Bits(exclusive ? total : next)));
                total = next;
            }
        }
    }

    [Test]
    public void Select_OnEveryPath([Values] bool last, [Values] bool largest, [Values(1, 2, 17, 33, 300)] int length, [Values(1, 3, 300)] int most)
    {
        int count = Math.Min(most, length);
        int input = Items * 2 * 2 * count;
        uint[] before = UnitHarness.RandomWords(input + Items * 2 * length, length);
        var random = new Random(length);
        float[] values = [float.NaN, 0f, -0f, 1f, 1f, -1f, float.PositiveInfinity, float.NegativeInfinity, 2f];
        for (int i = input; i < before.Length; i++)
        {
            before[i] = random.Next(2) == 0 ? Bits(values[random.Next(values.Length)]) : before[i];
        }

        NdOperand x = new(input, 2 * length, [1, 2]);
        NdOperand output = new(0, 4 * count, [2, 4]);
        ConfiguredUnit unit = largest
            ? new SelectUnit<LargestFloat32>("top", [2], length, count, output, x, ElementCode.Float32, last)
            : new SelectUnit<SmallestFloat32>("top", [2], length, count, output, x, ElementCode.Float32, last);
        uint[] after = UnitHarness.Check(unit, Items, before, simulator: length < 100);

        for (int row = 0; row < Items * 2; row++)
        {
            float Element(int i) => Float(before[input + (row / 2 * length + i) * 2 + row % 2]);
            float Key(int i) => float.IsNaN(Element(i)) ? float.NaN : largest ? -Element(i) : Element(i);
            int[] expected = [.. Enumerable.Range(0, length).OrderByDescending(i => float.IsNaN(Key(i))).ThenBy(i => Key(i) + 0f).ThenBy(i => last ? -i : i).Take(count)];
            int[] actual = [.. Enumerable.Range(0, count).Select(j => (int)Long(after, ((row / 2 * count + j) * 2 + row % 2) * 2))];
            Assert.That(actual, Is.EqualTo(expected), $"row {row}");
        }
    }

    [Test]
    public void Ptx_IsClean()
    {
        using var inspector = new PtxInspector();
        Assert.Multiple(() =>
        {
            Assert.That(inspector.Violations(StridedReduceKernel.Method(typeof(RowProduct), typeof(Full<S0>), typeof(Unary<SqrtFunction, Accumulated>))), Is.Empty);
            Assert.That(inspector.Violations(WordReduceKernel.Method(typeof(MulFloat64Word), typeof(AddFloat64Word), typeof(DivFloat64Word))), Is.Empty);
            Assert.That(inspector.Violations(ScanKernel.Method(typeof(MulFloat32Word))), Is.Empty);
            Assert.That(inspector.Violations(SelectKernel.Method(typeof(LargestFloat64))), Is.Empty);
            Assert.That(inspector.Violations(SelectKernel.Method(typeof(SmallestFloat32))), Is.Empty);
        });
    }

    /// <summary>Kept and reduced axes of [a, b, c], in their order.</summary>
    private sealed record Layout(int[] Kept, int[] Reduced, int[] KeptStrides, int[] ReducedStrides, int Count)
    {
        public int KeptCount => Kept.Aggregate(1, (a, b) => a * b);

        public NdOperand Operand(int offset, int words) =>
            new(offset, (long)Count * words, [.. KeptStrides.Concat(ReducedStrides).Select(stride => stride * words)]);

        /// <summary>Positions of the elements of output o, items included, in row-major order of the reduced axes.</summary>
        public IEnumerable<int> Elements(int o)
        {
            int at = o / Math.Max(1, KeptCount) * Count + Offset(o % Math.Max(1, KeptCount), Kept, KeptStrides);
            int reduced = Reduced.Aggregate(1, (a, b) => a * b);
            return Enumerable.Range(0, reduced).Select(r => at + Offset(r, Reduced, ReducedStrides));
        }

        private static int Offset(int linear, int[] extents, int[] strides)
        {
            int offset = 0;
            for (int axis = extents.Length - 1; axis >= 0; axis--)
            {
                offset += linear % extents[axis] * strides[axis];
                linear /= extents[axis];
            }

            return offset;
        }
    }

    private static Layout Lay(string kept, int[] shape)
    {
        int[] strides = [shape[1] * shape[2], shape[2], 1];
        int[] inside = [.. Enumerable.Range(0, 3).Where(axis => kept.Contains("abc"[axis], StringComparison.Ordinal))];
        int[] outside = [.. Enumerable.Range(0, 3).Except(inside)];
        return new Layout(
            [.. inside.Select(axis => shape[axis])], [.. outside.Select(axis => shape[axis])],
            [.. inside.Select(axis => strides[axis])], [.. outside.Select(axis => strides[axis])], shape[0] * shape[1] * shape[2]);
    }

    private static float Tree(float[] x)
    {
        float Lane(int j) => x.Where((_, i) => i % 16 == j).Aggregate(0f, (a, b) => a + b);
        float Join(int j, int half) => half == 16 ? Lane(j) : Join(j, 2 * half) + Join(j + half, 2 * half);
        return Join(0, 1);
    }

    private static long Long(uint[] words, int at) => words[at] | ((long)words[at + 1] << 32);

    private static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);

    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);
}
