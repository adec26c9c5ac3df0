using System.Reflection;
using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Tests.Templates;

[TestFixture]
public sealed class RowReduceTests
{
    private const int Items = 7;
    private const int RowsPerItem = 5;
    private const int Rows = Items * RowsPerItem;

    [Test]
    public void OnEveryPath([Values(0, 1, 15, 16, 17, 100, 1000)] int columns, [Values] Kind kind)
    {
        uint[] before = UnitHarness.RandomWords(Rows * (columns + 2), columns);
        if (columns > 1)
        {
            // NaN, zeros of both signs and infinities must reach the result in the same way on every path.
            before[columns / 2] = 0x7FC00000;
            before[columns] = 0x7F800000;
            before[2 * columns] = 0xFF800000;
            Array.Fill(before, 0x80000000u, 3 * columns, columns);
            before[3 * columns + columns - 1] = 0;
        }

        ConfiguredUnit unit = Unit(kind, columns);
        uint[] after = UnitHarness.Check(unit, Items, before);

        Assert.That(unit.OperationsPerItem, Is.EqualTo(RowsPerItem * columns));
        for (int row = 0; row < Rows; row++)
        {
            float[] x = [.. Enumerable.Range(0, columns).Select(c => Float(before[row * columns + c]))];
            float expected = Expected(kind, x);
            float actual = Float(after[Rows * columns + row * 2]);
            Assert.That(
                BitConverter.SingleToInt32Bits(actual) == BitConverter.SingleToInt32Bits(expected) || (float.IsNaN(actual) && float.IsNaN(expected)),
                $"row {row}: {actual:R}, expected {expected:R}");
        }
    }

    /// <summary>y = relu(sum(x · bias) - mean): a prologue by column, an epilogue by row, the output over one of its inputs.</summary>
    [Test]
    public void PrologueAndEpilogue_OnEveryPath([Values(0, 1, 16, 37)] int columns, [Values(1, 3)] int rowsPerItem)
    {
        const int items = 11;
        int rows = items * rowsPerItem;
        int bias = rows * columns;
        int output = bias + columns;
        uint[] before = UnitHarness.RandomWords(output + rows, columns);
        var unit = new RowReduceUnit<
            RowSum,
            Binary<MulFunction, Full<S0>, PerColumn<S1>>,
            Unary<ReluFunction, Binary<SubFunction, Accumulated, PerRow<S0>>>>(
            "dot and shift", rowsPerItem, columns, new Operand(output, 1),
            new ProgramBinding([new Operand(0, columns), new Operand(bias, columns)], [SlotAccess.Full, SlotAccess.PerColumn]),
            new ProgramBinding([new Operand(output, 1)], [SlotAccess.PerRow]));

        uint[] after = UnitHarness.Check(unit, items, before);

        for (int row = 0; row < rows; row++)
        {
            float[] products = [.. Enumerable.Range(0, columns).Select(c => Float(before[row * columns + c]) * Float(before[bias + c]))];
            float expected = MathF.Max(Expected(Kind.Sum, products) - Float(before[output + row]), 0f);
            Assert.That(Float(after[output + row]), Is.EqualTo(expected));
        }
    }

    [Test]
    public void RowReduce_SumOfSquares_IsRowOrders([Values(1, 100)] int columns)
    {
        uint[] before = UnitHarness.RandomWords(Rows * (columns + 2), columns);
        uint[] after = UnitHarness.Check(Unit(Kind.SumOfSquares, columns), Items, before, simulator: false);

        float[] x = [.. before.Take(columns).Select(Float)];
        Assert.That(Float(after[Rows * columns]), Is.EqualTo(RowOrder.SumOfSquares(x)));
    }

    [TestCase(typeof(RowSum))]
    [TestCase(typeof(RowSumOfSquares))]
    [TestCase(typeof(RowMean))]
    [TestCase(typeof(RowMax))]
    [TestCase(typeof(RowMin))]
    public void Ptx_IsClean(Type reduction)
    {
        using var inspector = new PtxInspector();
        MethodInfo kernel = RowReduceKernel.Method(reduction, typeof(Unary<TanhFunction, Full<S0>>), typeof(Unary<RsqrtFunction, Accumulated>));

        Assert.That(inspector.Violations(kernel), Is.Empty);
    }

    public enum Kind
    {
        Sum,
        SumOfSquares,
        Mean,
        Max,
        Min,
    }

    private static ConfiguredUnit Unit(Kind kind, int columns) => kind switch
    {
        Kind.Sum => Unit<RowSum>(columns),
        Kind.SumOfSquares => Unit<RowSumOfSquares>(columns),
        Kind.Mean => Unit<RowMean>(columns),
        Kind.Max => Unit<RowMax>(columns),
        _ => Unit<RowMin>(columns),
    };

    private static RowReduceUnit<TReduction, Full<S0>, Accumulated> Unit<TReduction>(int columns)
        where TReduction : struct, IRowReduction =>
        new(
            "reduce", RowsPerItem, columns, new Operand(Rows * columns, 2),
            new ProgramBinding([new Operand(0, columns)], [SlotAccess.Full]), ProgramBinding.Empty);

    /// <summary>The reduction lane by lane: lane j takes the elements j, j + 16, ...; then the tree as four nested sums.</summary>
    private static float Expected(Kind kind, float[] x)
    {
        float start = kind switch { Kind.Max => float.NegativeInfinity, Kind.Min => float.PositiveInfinity, _ => 0f };
        float Join(float a, float b) => kind switch
        {
            Kind.Max => float.IsNaN(a) || float.IsNaN(b) ? float.NaN : a < b ? b : a,
            Kind.Min => float.IsNaN(a) || float.IsNaN(b) ? float.NaN : b < a ? b : a,
            _ => a + b,
        };
        float Lane(int j)
        {
            float lane = start;
            for (int i = j; i < x.Length; i += 16)
            {
                lane = kind == Kind.SumOfSquares ? MathF.FusedMultiplyAdd(x[i], x[i], lane) : Join(lane, x[i]);
            }

            return lane;
        }

        float Tree(int j, int half) => half == 16 ? Lane(j) : Join(Tree(j, 2 * half), Tree(j + half, 2 * half));
        float total = Tree(0, 1);
        return kind == Kind.Mean ? total / x.Length : total;
    }

    private static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);
}
