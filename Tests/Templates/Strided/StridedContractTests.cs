using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Tests.Templates.Strided;

[TestFixture]
public sealed class StridedContractTests
{
    private const int Items = 2;

    /// <summary>y[item, h, m, n] = sum over k of a[item, h, m, k] · b[h, k, n], each of the operands transposed or not.</summary>
    [Test]
    public void Matrices_OnEveryPath(
        [Values("0,3,4", "1,0,5", "1,1,1", "3,15,17", "4,16,33", "5,33,257", "7,2,300", "13,40,16", "1,127,31")] string extents,
        [Values] bool transposeA, [Values] bool transposeB, [Values] bool transposeY)
    {
        int[] e = [.. extents.Split(',').Select(int.Parse)];
        (int m, int n, int k) = (e[0], e[1], e[2]);
        const int heads = 2;
        int a = 0;
        int b = Items * heads * m * k;
        int y = b + heads * k * n;
        uint[] before = UnitHarness.RandomWords(y + Items * heads * m * n, m);
        (int rowA, int depthA) = transposeA ? (1, m) : (k, 1);
        (int columnB, int depthB) = transposeB ? (k, 1) : (1, n);
        (int rowY, int columnY) = transposeY ? (1, m) : (n, 1);
        var unit = new StridedContractUnit(
            "product", new ContractExtents([heads], [m], [n], [k]),
            new ContractOperand(new NdOperand(a, heads * m * k, [m * k]), new NdOperand(0, 0, [rowA]), new NdOperand(0, 0, [depthA])),
            new ContractOperand(new NdOperand(b, 0, [k * n]), new NdOperand(0, 0, [columnB]), new NdOperand(0, 0, [depthB])),
            new ContractOperand(new NdOperand(y, heads * m * n, [m * n]), new NdOperand(0, 0, [rowY]), new NdOperand(0, 0, [columnY])), ElementCode.Float32);

        uint[] after = UnitHarness.Check(unit, Items, before, simulator: m * n * k < 3000);

        Assert.That(unit.OperationsPerItem, Is.EqualTo(2L * heads * m * n * k));
        for (int i = 0; i < Items * heads * m * n; i++)
        {
            int matrix = i / Math.Max(1, m * n);
            int row = i / n % m;
            int column = i % n;
            float expected = Sum(k, at => (
                Float(before[a + matrix * m * k + row * rowA + at * depthA]),
                Float(before[b + matrix % heads * k * n + column * columnB + at * depthB])));
            Assert.That(after[y + matrix * m * n + row * rowY + column * columnY], Is.EqualTo(BitConverter.SingleToUInt32Bits(expected)), $"{i}");
        }
    }

    /// <summary>A dilated convolution with a stride: windows are strides over one image, two rows of a result next to each other in memory.</summary>
    [Test]
    public void Windows_OnEveryPath([Values(1, 3)] int filters, [Values(1, 2, 17)] int channels)
    {
        const int height = 9;
        const int width = 8;
        const int rows = 3;
        const int columns = 4;
        int w = Items * channels * height * width;
        int y = w + filters * channels * 6;
        uint[] before = UnitHarness.RandomWords(y + Items * filters * rows * columns, channels);
        var unit = new StridedContractUnit(
            "windows", new ContractExtents([], [filters], [rows, columns], [3, 2, channels]),
            new ContractOperand(new NdOperand(w, 0, []), new NdOperand(0, 0, [channels * 6]), new NdOperand(0, 0, [2, 1, 6])),
            new ContractOperand(
                new NdOperand(0, channels * height * width, []), new NdOperand(0, 0, [2 * width, 2]), new NdOperand(0, 0, [2 * width, 1, height * width])),
            new ContractOperand(new NdOperand(y, filters * rows * columns, []), new NdOperand(0, 0, [rows * columns]), new NdOperand(0, 0, [columns, 1])),
            ElementCode.Float16);

        uint[] after = UnitHarness.Check(unit, Items, before);

        for (int i = 0; i < Items * filters * rows * columns; i++)
        {
            int column = i % columns;
            int row = i / columns % rows;
            int filter = i / columns / rows % filters;
            int item = i / columns / rows / filters;
            float expected = Sum(6 * channels, k => (
                Float(before[w + (filter * channels + k % channels) * 6 + k / channels]),
                Float(before[((item * channels + k % channels) * height + 2 * row + k / channels / 2 * 2) * width + 2 * column + k / channels % 2])));
            Assert.That(after[y + i], Is.EqualTo(BitConverter.SingleToUInt32Bits((float)(Half)expected)), $"{i}");
        }
    }

    [Test]
    public void Integers_AreExact()
    {
        const int k = 700;
        uint[] before = UnitHarness.RandomWords(6 * k + 9, 1);
        for (int i = 0; i < 6 * k; i++)
        {
            before[i] = (uint)(sbyte)before[i];
        }

        ContractOperand Operand(int offset, int outer, int inner) => new(new NdOperand(offset, 0, []), new NdOperand(0, 0, [outer]), new NdOperand(0, 0, [inner]));
        var unit = new WordContractUnit<MultiplyAddWord, AddWord>(
            "integers", new ContractExtents([], [3], [3], [k]), Operand(0, k, 1), ElementCode.Int8, Operand(3 * k, 1, 3), ElementCode.Int8,
            Operand(6 * k, 3, 1), ElementCode.Int32);
        uint[] after = UnitHarness.Check(unit, 1, before);

        for (int i = 0; i < 9; i++)
        {
            int expected = Enumerable.Range(0, k).Sum(at => (int)before[i / 3 * k + at] * (int)before[3 * k + at * 3 + i % 3]);
            Assert.That((int)after[6 * k + i], Is.EqualTo(expected));
        }
    }

    [Test]
    public void Ptx_IsClean()
    {
        using var inspector = new PtxInspector();
        Assert.That(inspector.Violations(StridedContractKernel.Method), Is.Empty);
        Assert.That(inspector.Violations(WordContractKernel.Method(typeof(FmaFloat64Word), typeof(AddFloat64Word))), Is.Empty);
    }

    /// <summary>Chunks of 256, an FMA chain from +0 in each, added left to right.</summary>
    private static float Sum(int depth, Func<int, (float X, float W)> terms)
    {
        float total = 0f;
        for (int chunk = 0; chunk < depth; chunk += 256)
        {
            float sum = 0f;
            for (int k = chunk; k < Math.Min(depth, chunk + 256); k++)
            {
                (float x, float w) = terms(k);
                sum = MathF.FusedMultiplyAdd(x, w, sum);
            }

            total = chunk == 0 ? sum : total + sum;
        }

        return total;
    }

    private static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);
}
