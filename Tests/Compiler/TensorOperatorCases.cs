using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Tests.Compiler;

/// <summary>Operators over whole tensors of any rank, with one extent that is asked for.</summary>
internal static class TensorOperatorCases
{
    public static IEnumerable<OperatorCase> All() => [.. Elementwise(), .. Reductions(), .. Products(), .. Indexing(), .. Layouts()];

    /// <summary>
    /// Of [2, n] and, with more inputs, [n] and a number: an operator without attributes that has no case of its own. Numbers of other
    /// types where it takes them.
    /// </summary>
    public static IEnumerable<OperatorCase> Of(BroadcastOperator op)
    {
        foreach (ElementType element in new[] { ElementType.Float32, ElementType.Float16, ElementType.Float64, ElementType.Int32, ElementType.Int64, ElementType.UInt64, ElementType.Bool })
        {
            TensorType[] shapes = [TensorType.Whole(element, 2, 1), .. Enumerable.Range(1, op.Arity - 1).Select(i => i == 1 ? TensorType.Whole(element, 1) : TensorType.Whole(element))];
            if (op.Accepts(shapes) && (op.IsProgram(element) || op.WordFunction(element) is not null))
            {
                yield return new OperatorCase(op.GetType(), (g, n) => g.Apply(
                    op, [g.Of(element, 2, n), .. Enumerable.Range(1, op.Arity - 1).Select(i => i == 1 ? g.Of(element, n) : g.Of(element))]));
            }
        }
    }

    private static OperatorCase Case<T>(SizedOperator make)
        where T : Operator => new(typeof(T), make);

    private static IEnumerable<OperatorCase> Elementwise()
    {
        foreach (ElementType to in new[] { ElementType.Float16, ElementType.BFloat16, ElementType.Float64, ElementType.Int32, ElementType.Int64, ElementType.UInt8, ElementType.Bool })
        {
            yield return Case<Cast>((g, n) => g.Apply(new Cast(to), g.F(2, n)));
        }

        yield return Case<Cast>((g, n) => g.Apply(new Cast(ElementType.Int64), g.Of(ElementType.Int32, 2, n)));
        yield return Case<Cast>((g, n) => g.Apply(new Cast(ElementType.Float32), g.Of(ElementType.Int64, 2, n)));
        yield return Case<Cast>((g, n) => g.Apply(new Cast(ElementType.Float32), g.Of(ElementType.Float64, 2, n)));
        yield return Case<Reinterpret>((g, n) => g.Apply(new Reinterpret(ElementType.Int32), g.F(2, n)));
        yield return Case<Modulo>((g, n) => g.Apply(new Modulo(IsC: true), g.F(2, n), g.F(n)));
        yield return Case<Modulo>((g, n) => g.Apply(new Modulo(IsC: false), g.F(2, n), g.F(n)));
        yield return Case<Modulo>((g, n) => g.Apply(new Modulo(IsC: false), g.Of(ElementType.Int64, 2, n), g.Of(ElementType.Int64, n)));
        yield return Case<BitShift>((g, n) => g.Apply(new BitShift(IsLeft: true), g.Of(ElementType.UInt32, 2, n), g.Of(ElementType.UInt32, n)));
        yield return Case<BitShift>((g, n) => g.Apply(new BitShift(IsLeft: false), g.Of(ElementType.UInt32, 2, n), g.Of(ElementType.UInt32, n)));
        yield return Case<IsInfinity>((g, n) => g.Apply(new IsInfinity(), g.F(2, n)));
        yield return Case<IsInfinity>((g, n) => g.Apply(new IsInfinity(Positive: false), g.F(2, n)));
        yield return Case<Where>((g, n) => g.Apply(new Where(), g.Of(ElementType.Bool, 2, n), g.F(2, n), g.F(n)));
        yield return Case<Where>((g, n) => g.Apply(new Where(), g.Of(ElementType.Bool, n), g.Of(ElementType.Int64, 2, n), g.Of(ElementType.Int64)));
        yield return Case<TableIndex>((g, n) => g.Apply(new TableIndex(), g.Positions(5, n), g.Of(ElementType.Int64)));
    }

    private static IEnumerable<OperatorCase> Reductions()
    {
        foreach (ReduceKind kind in Enum.GetValues<ReduceKind>())
        {
            yield return Case<Reduce>((g, n) => g.Apply(new Reduce(kind, [1], KeepAxes: false), g.F(3, n)));
            yield return Case<Reduce>((g, n) => g.Apply(new Reduce(kind, [0], KeepAxes: true), g.F(n, 5)));
            yield return Case<Reduce>((g, n) => g.Apply(new Reduce(kind, [1], KeepAxes: false), g.F(2, 5, n)));
            yield return Case<Reduce>((g, n) => g.Apply(new Reduce(kind, [0, 2], KeepAxes: false), g.F(3, n, 2)));
            yield return Case<Reduce>((g, n) => g.Apply(new Reduce(kind, [1], KeepAxes: false), g.Of(ElementType.Float64, 3, n)));
        }

        yield return Case<Reduce>((g, n) => g.Apply(new Reduce(ReduceKind.Sum, [1], KeepAxes: false), g.Of(ElementType.Int64, 3, n)));
        yield return Case<LogSumExp>((g, n) => g.Apply(new LogSumExp([1], KeepAxes: false), g.F(3, n), g.F(3, 1)));
        yield return Case<LogSumExp>((g, n) => g.Apply(new LogSumExp([0], KeepAxes: true), g.F(n, 3), g.F(1, 3)));
        yield return Case<Repeat>((g, n) => g.Apply(new Repeat([3, n, 2], [0]), g.F(n, 1)));
        yield return Case<Repeat>((g, n) => g.Apply(new Repeat([2, n], []), g.F(2, 1)));
        foreach (bool isProduct in new[] { false, true })
        {
            yield return Case<Scan>((g, n) => g.Apply(new Scan(1, isProduct, Exclusive: true, Reverse: true), g.F(3, n)));
            yield return Case<Scan>((g, n) => g.Apply(new Scan(0, isProduct, Exclusive: false, Reverse: false), g.F(n, 3)));
            yield return Case<Scan>((g, n) => g.Apply(new Scan(1, isProduct, Exclusive: false, Reverse: true), g.Of(ElementType.Int64, 3, n)));
        }

        yield return Case<SelectPositions>((g, n) => g.Apply(new SelectPositions(1, Math.Min(n, 3), Largest: true), g.F(3, n)));
        yield return Case<SelectPositions>((g, n) => g.Apply(new SelectPositions(0, Math.Min(n, 1), Largest: false, LastOfEqual: true), g.F(n, 3)));
        yield return Case<SelectPositions>((g, n) => g.Apply(new SelectPositions(1, n, Largest: false), g.Of(ElementType.Int64, 2, n)));
    }

    private static IEnumerable<OperatorCase> Products()
    {
        yield return Case<MatMul>((g, n) => g.Apply(new MatMul(), g.F(n, 5), g.F(5, 7)));
        yield return Case<MatMul>((g, n) => g.Apply(new MatMul(), g.F(3, n), g.F(n, 7)));
        yield return Case<MatMul>((g, n) => g.Apply(new MatMul(false, true), g.F(2, 3, n), g.F(2, 5, n)));
        yield return Case<MatMul>((g, n) => g.Apply(new MatMul(true, false), g.F(4, 3), g.F(4, n)));
        yield return Case<MatMul>((g, n) => g.Apply(new MatMul(), g.F(2, n), g.Weight(n, 9)));
        yield return Case<MatMul>((g, n) => g.Apply(new MatMul(false, true), g.F(n, 9), g.Weight(n, 9)));
        yield return Case<MatMul>((g, n) => g.Apply(new MatMul(), g.Of(ElementType.Float64, 3, n), g.Of(ElementType.Float64, n, 3)));
        yield return Case<MatMul>((g, n) => g.Apply(new MatMul(), g.Of(ElementType.Int64, 3, n), g.Of(ElementType.Int64, n, 3)));
        var rows = (int n) => new IndexedProduct(new ProductAxes([], [ProductAxis.Of(2, 0, -1, 0)], [ProductAxis.Of(n, -1, 1, 1)], [ProductAxis.Of(5, 1, 0, -1)]), [2, n]);
        yield return Case<IndexedProduct>((g, n) => g.Apply(rows(n), g.F(2, 5), g.F(5, n)));
        yield return Case<IndexedProduct>((g, n) => g.Apply(new IndexedProduct(new ProductAxes([ProductAxis.Of(n, 1, 1, 0)], [], [], [ProductAxis.Of(5, 0, 0, -1)]), [n]), g.F(5, n), g.F(5, n)));
        yield return Case<Convolution>((g, n) => g.Apply(new Convolution([1], [1], 1), g.F(2, 3, n + 2), g.F(4, 3, 3)));
        yield return Case<Convolution>((g, n) => g.Apply(new Convolution([2], [1], n), g.F(2, n, 9), g.F(n, 1, 3)));
        yield return Case<Convolution>((g, n) => g.Apply(new Convolution([1, 2], [2, 1], 1), g.F(1, n, 5, 6), g.F(3, n, 2, 3)));
        yield return Case<Convolution>((g, n) => g.Apply(new Convolution([1, 1], [1, 2], 2, Flipped: true), g.F(2, 4, 5, n + 2), g.F(4, 3, 2, 2)));
        yield return Case<ConvolutionFilterGradient>((g, n) => g.Apply(new ConvolutionFilterGradient([4, 3, 3], [1], [1], 1, false), g.F(2, 3, n + 2), g.F(2, 4, n)));
        yield return Case<ConvolutionFilterGradient>((g, n) => g.Apply(new ConvolutionFilterGradient([4, n, 3], [1], [1], 1, false), g.F(2, n, 7), g.F(2, 4, 5)));
        yield return Case<Spread>((g, n) => g.Apply(new Spread([1, 3]), g.F(2, n)));
        foreach (ReduceKind kind in new[] { ReduceKind.Max, ReduceKind.Min, ReduceKind.Sum, ReduceKind.L1, ReduceKind.L2, ReduceKind.SumSquare })
        {
            yield return Case<WindowReduce>((g, n) => g.Apply(new WindowReduce(kind, [2], [1], [1]), g.F(2, 3, n + 1)));
            yield return Case<WindowReduce>((g, n) => g.Apply(new WindowReduce(kind, [2, 3], [2, 1], [1, 2]), g.F(1, n, 6, 7)));
        }
    }

    private static IEnumerable<OperatorCase> Indexing()
    {
        yield return Case<Gather>((g, n) => g.Apply(new Gather(0), g.F(5, n), g.Positions(5, 4)));
        yield return Case<Gather>((g, n) => g.Apply(new Gather(1), g.F(2, 5, 3), g.Positions(5, n)));
        yield return Case<Gather>((g, n) => g.Apply(new Gather(0), g.Of(ElementType.Float64, 5, n), g.Positions(7, 4)));
        yield return Case<GatherElements>((g, n) => g.Apply(new GatherElements(0), g.F(5, n), g.Positions(5, 3, n)));
        yield return Case<GatherND>((g, n) => g.Apply(new GatherND(), g.F(5, n), g.Positions(5, 4, 1)));
        yield return Case<GatherND>((g, n) => g.Apply(new GatherND(1), g.F(2, 5, 3), g.Positions(3, 2, n, 2)));
        yield return Case<GatherSum>((g, n) => g.Apply(new GatherSum(), g.F(5, n), g.Positions(5, 3, 4)));
        yield return Case<GatherSum>((g, n) => g.Apply(new GatherSum(), g.F(5, 17), g.Positions(5, n, 3)));
        yield return Case<GatherSum>((g, n) => g.Apply(new GatherSum(), g.F(5, 17), g.Positions(5, 3, n)));
        foreach (ScatterKind kind in Enum.GetValues<ScatterKind>())
        {
            yield return Case<ScatterElements>((g, n) => g.Apply(new ScatterElements(0, kind), g.F(5, n), g.Positions(5, 3, n), g.F(3, n)));
            yield return Case<ScatterElements>((g, n) => g.Apply(new ScatterElements(1, kind), g.F(2, 5), g.Positions(6, 2, n), g.F(2, n)));
            yield return Case<ScatterND>((g, n) => g.Apply(new ScatterND(kind), g.F(5, n), g.Positions(5, 4, 1), g.F(4, n)));
        }

        yield return Case<SumAtPositions>((g, n) => g.Apply(
            new SumAtPositions(TensorType.Whole(5, n), new Gather(0).Map(TensorType.Whole(5, n), TensorType.Whole(4))), g.Positions(5, 4), g.F(4, n)));
        yield return Case<SumAtPositions>((g, n) => g.Apply(
            new SumAtPositions(TensorType.Whole(5, 3), new Gather(0).Map(TensorType.Whole(5, 3), TensorType.Whole(n))), g.Positions(5, n), g.F(n, 3)));
        yield return Case<IndexView>((g, n) => g.Apply(new IndexView([n, 3], [0, 1, 1, 0], [0, 0]), g.F(3, n)));
        var view = (int n) => new IndexView([3, n, 3], [1, 0, 0, 0, 1, 1], [0, 0]);
        yield return Case<IndexView>((g, n) => g.Apply(view(n), g.F(3, n + 2)));
        yield return Case<IndexViewGradient>((g, n) => g.Apply(new IndexViewGradient(TensorType.Whole(3, n + 2), view(n)), g.F(3, n, 3)));
    }

    private static IEnumerable<OperatorCase> Layouts()
    {
        foreach (ElementType element in new[] { ElementType.Float32, ElementType.Float64, ElementType.Bool })
        {
            yield return Case<Slice>((g, n) => g.Apply(new Slice([1, 0], [1, (n + 1) / 2], [1, 2]), g.Of(element, 2, n)));
            yield return Case<Slice>((g, n) => g.Apply(new Slice([1, Math.Max(0, n - 1)], [2, n], [-1, -1]), g.Of(element, 2, n)));
            yield return Case<Reshape>((g, n) => g.Apply(new Reshape([n, 2]), g.Of(element, 2, n)));
            yield return Case<Expand>((g, n) => g.Apply(new Expand([3, 2, n]), g.Of(element, 2, 1)));
            yield return Case<AxisMap>((g, n) => g.Apply(new AxisMap(0, [2, -1, 0, 2]), g.Of(element, 3, n)));
            yield return Case<AxisMap>((g, n) => g.Apply(new AxisMap(1, EquatableArray.Create<int>([.. Enumerable.Range(0, n).Select(i => i % 3 - 1)])), g.Of(element, 3, 2)));
            yield return Case<Transpose>((g, n) => g.Apply(new Transpose([1, 0]), g.Of(element, 2, n)));
            yield return Case<Transpose>((g, n) => g.Apply(new Transpose([2, 0, 1]), g.Of(element, n, 3, 5)));
            yield return Case<Pad>((g, n) => g.Apply(new Pad([1, 0], [0, 3], 1), g.Of(element, 2, n)));
            yield return Case<Pad>((g, n) => g.Apply(new Pad([0, -1], [1, 2], 0), g.Of(element, 2, n + 1)));
            yield return Case<Join>((g, n) => g.Apply(new Join(1), g.Of(element, 2, n), g.Of(element, 2, 3)));
            yield return Case<Join>((g, n) => g.Apply(new Join(0), g.Of(element, 2, n), g.Of(element, 1, n), g.Of(element, 3, n)));
        }
    }
}
