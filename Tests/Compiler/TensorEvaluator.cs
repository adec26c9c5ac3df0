using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Tests.Compiler;

/// <summary>
/// Graphs of operators over tensors of any rank in float64, written from their formulas alone, index by index. Truth values are 0 and
/// 1, positions are whole numbers.
/// </summary>
internal static class TensorEvaluator
{
    private static readonly Dictionary<Type, Func<double[], double>> Elementwise = new()
    {
        [typeof(Add)] = x => x[0] + x[1],
        [typeof(Subtract)] = x => x[0] - x[1],
        [typeof(Multiply)] = x => x[0] * x[1],
        [typeof(Divide)] = x => x[0] / x[1],
        [typeof(Power)] = x => Math.Pow(x[0], x[1]),
        [typeof(Maximum)] = x => Math.Max(x[0], x[1]),
        [typeof(Minimum)] = x => Math.Min(x[0], x[1]),
        [typeof(Clip)] = x => Math.Min(Math.Max(x[0], x[1]), x[2]),
        [typeof(Equal)] = x => x[0] == x[1] ? 1 : 0,
        [typeof(Less)] = x => x[0] < x[1] ? 1 : 0,
        [typeof(LessOrEqual)] = x => x[0] <= x[1] ? 1 : 0,
        [typeof(Greater)] = x => x[0] > x[1] ? 1 : 0,
        [typeof(GreaterOrEqual)] = x => x[0] >= x[1] ? 1 : 0,
        [typeof(And)] = x => x[0] * x[1],
        [typeof(IsInfinity)] = x => double.IsInfinity(x[0]) ? 1 : 0,
        [typeof(Where)] = x => x[0] != 0 ? x[1] : x[2],
        [typeof(Negate)] = x => -x[0],
        [typeof(Absolute)] = x => Math.Abs(x[0]),
        [typeof(Sign)] = x => Math.Sign(x[0]),
        [typeof(Reciprocal)] = x => 1 / x[0],
        [typeof(SquareRoot)] = x => Math.Sqrt(x[0]),
        [typeof(Square)] = x => x[0] * x[0],
        [typeof(Exponential)] = x => Math.Exp(x[0]),
        [typeof(Logarithm)] = x => Math.Log(x[0]),
        [typeof(ErrorFunction)] = x => MathNet.Numerics.SpecialFunctions.Erf(x[0]),
        [typeof(HyperbolicTangent)] = x => Math.Tanh(x[0]),
        [typeof(Sine)] = x => Math.Sin(x[0]),
        [typeof(Cosine)] = x => Math.Cos(x[0]),
        [typeof(Tangent)] = x => Math.Tan(x[0]),
        [typeof(ArcSine)] = x => Math.Asin(x[0]),
        [typeof(ArcCosine)] = x => Math.Acos(x[0]),
        [typeof(ArcTangent)] = x => Math.Atan(x[0]),
        [typeof(HyperbolicSine)] = x => Math.Sinh(x[0]),
        [typeof(HyperbolicCosine)] = x => Math.Cosh(x[0]),
        [typeof(ArcHyperbolicSine)] = x => Math.Asinh(x[0]),
        [typeof(ArcHyperbolicCosine)] = x => Math.Acosh(x[0]),
        [typeof(ArcHyperbolicTangent)] = x => Math.Atanh(x[0]),
        [typeof(Relu)] = x => Math.Max(x[0], 0),
        [typeof(ReluGradient)] = x => x[0] > 0 ? x[1] : 0,
        [typeof(Sigmoid)] = x => Logistic(x[0]),
        [typeof(SigmoidGradient)] = x => x[1] * x[0] * (1 - x[0]),
        [typeof(LeakyRelu)] = x => x[0] < 0 ? x[1] * x[0] : x[0],
        [typeof(Elu)] = x => x[0] > 0 ? x[0] : x[1] * (Math.Exp(x[0]) - 1),
        [typeof(Celu)] = x => Math.Max(x[0], 0) + Math.Min(0, x[1] * (Math.Exp(x[0] / x[1]) - 1)),
        [typeof(Selu)] = x => x[2] * (x[0] > 0 ? x[0] : x[1] * (Math.Exp(x[0]) - 1)),
        [typeof(HardSigmoid)] = x => Math.Clamp(x[1] * x[0] + x[2], 0, 1),
        [typeof(HardSwish)] = x => x[0] * Math.Clamp(x[0] / 6 + 0.5, 0, 1),
        [typeof(Softplus)] = x => Math.Log(1 + Math.Exp(x[0])),
        [typeof(Softsign)] = x => x[0] / (1 + Math.Abs(x[0])),
        [typeof(Mish)] = x => x[0] * Math.Tanh(Math.Log(1 + Math.Exp(x[0]))),
        [typeof(Swish)] = x => x[0] * Logistic(x[1] * x[0]),
        [typeof(ThresholdedRelu)] = x => x[0] > x[1] ? x[0] : 0,
        [typeof(Shrink)] = x => x[0] < -x[2] ? x[0] + x[1] : x[0] > x[2] ? x[0] - x[1] : 0,
        [typeof(Floor)] = x => Math.Floor(x[0]),
        [typeof(Ceiling)] = x => Math.Ceiling(x[0]),
        [typeof(Round)] = x => Math.Round(x[0], MidpointRounding.ToEven),
        [typeof(Or)] = x => Math.Max(x[0], x[1]),
        [typeof(Not)] = x => 1 - x[0],
        [typeof(IsNaN)] = x => double.IsNaN(x[0]) ? 1 : 0,
    };

    /// <summary>All values, by id.</summary>
    /// <param name="given">Inputs and parameters by name, row-major.</param>
    public static double[][] Evaluate(Graph graph, IReadOnlyDictionary<string, double[]> given)
    {
        var values = new double[graph.Values.Count][];
        foreach (Value value in graph.Values)
        {
            if (value.Constant is { } constant)
            {
                values[value.Id.Index] = [.. Enumerable.Repeat((double)constant, (int)value.Type.CountElements)];
            }
            else if (value.Role != ValueRole.Computed)
            {
                values[value.Id.Index] = given[value.Name];
            }
        }

        foreach (Node node in graph.Nodes)
        {
            values[node.Output.Index] = Compute(
                node.Operator, [.. node.Inputs.Select(id => values[id.Index])], [.. node.Inputs.Select(id => graph[id].Type)], graph[node.Output].Type);
        }

        return values;
    }

    private static double[] Compute(Operator op, double[][] x, TensorType[] types, TensorType type)
    {
        int[][] shapes = [.. types.Select(of => of.Shape.ToArray())];
        int[] shape = [.. type.Shape];
        if (Elementwise.TryGetValue(op.GetType(), out Func<double[], double>? function))
        {
            return Each(shape, at => function([.. x.Select((values, i) => values[Broadcast(shapes[i], at)])]));
        }

        return op switch
        {
            Reduce r => Reduced(r.Kind, r.Axes, r.KeepAxes, x[0], shapes[0], shape),
            LogSumExp r => [.. Reduced(ReduceKind.LogSum, r.Axes, r.KeepAxes, [.. x[0].Select(Math.Exp)], shapes[0], shape)],
            Repeat r => Each(shape, at => x[0][Broadcast(shapes[0], [.. at.Where((_, axis) => !r.Added.Contains(axis))])]),
            Reshape => x[0],
            Transpose t => Each(shape, at => x[0][Linear(shapes[0], [.. Enumerable.Range(0, at.Length).Select(axis => at[t.Permutation.ToList().IndexOf(axis)])])]),
            Pad p => Each(shape, at => Inside(shapes[0], [.. at.Select((i, axis) => i - p.Before[axis])]) is { } source ? x[0][source] : 0),
            Slice s => Each(shape, at => x[0][Linear(shapes[0], [.. at.Select((i, axis) => s.Starts[axis] + i * s.Steps[axis])])]),
            Spread s => Each(shape, at => at.Select((i, axis) => i % s.Steps[axis]).All(rest => rest == 0)
                ? x[0][Linear(shapes[0], [.. at.Select((i, axis) => i / s.Steps[axis])])] : 0),
            Scan s => Each(shape, at => Fold(s.IsProduct ? ReduceKind.Product : ReduceKind.Sum, Enumerable.Range(0, shape[s.Axis])
                .Where(i => (s.Reverse ? i > at[s.Axis] : i < at[s.Axis]) || (i == at[s.Axis] && !s.Exclusive))
                .Select(i => x[0][Linear(shape, With(at, s.Axis, i))]))),
            Cast c => [.. x[0].Select(value => c.To.IsFloat() ? value : c.To == ElementType.Bool ? (value != 0 ? 1 : 0) : Math.Truncate(value))],
            Modulo m => Each(shape, at =>
            {
                (double a, double b) = (x[0][Broadcast(shapes[0], at)], x[1][Broadcast(shapes[1], at)]);
                return a - b * (m.IsC ? Math.Truncate(a / b) : Math.Floor(a / b));
            }),
            SelectPositions s => Each(shape, at => Enumerable.Range(0, shapes[0][s.Axis])
                .OrderBy(i => (s.Largest ? -1 : 1) * x[0][Linear(shapes[0], With(at, s.Axis, i))]).ThenBy(i => s.LastOfEqual ? -i : i).ElementAt(at[s.Axis])),
            ScatterOperator s => Scattered(s.Map(TensorType.Whole(shapes[0]), TensorType.Whole(shapes[1])), s.Kind, x[0], x[1], shapes[1], x[2], shapes[2], shape),
            Join j => Each(shape, at =>
            {
                int part = 0;
                int index = at[j.Axis];
                for (; index >= shapes[part][j.Axis]; part++)
                {
                    index -= shapes[part][j.Axis];
                }

                return x[part][Linear(shapes[part], With(at, j.Axis, index))];
            }),
            RduEmu.Compiler.Operators.Layout.Expand => Each(shape, at => x[0][Broadcast(shapes[0], at)]),
            AxisMap m => Each(shape, at => m.Map[at[m.Axis]] < 0 ? 0 : x[0][Linear(shapes[0], With(at, m.Axis, m.Map[at[m.Axis]]))]),
            MatMul m => Product(m, x, shapes, shape),
            Convolution c => Convolved(c, x, shapes, shape),
            ConvolutionFilterGradient c => FilterGradient(c, x, shapes, shape),
            WindowReduce w => Each(shape, at => Fold(w.Kind, AllIndices([.. w.Taps]).Select(tap =>
                x[0][Linear(shapes[0], [at[0], at[1], .. tap.Select((t, axis) => at[axis + 2] * w.Strides[axis] + t * w.Dilations[axis])])]))),
            Gather g => Each(shape, at => x[0][Linear(shapes[0],
                [.. at.Take(g.Axis), Position(x[1][Linear(shapes[1], [.. at.Skip(g.Axis).Take(shapes[1].Length)])], shapes[0][g.Axis]), .. at.Skip(g.Axis + shapes[1].Length)])]),
            GatherElements g => Each(shape, at => x[0][Linear(shapes[0], With(at, g.Axis, Position(x[1][Linear(shapes[1], at)], shapes[0][g.Axis])))]),
            GatherND g => Each(shape, at => x[0][NdPosition(at, x[1], shapes[1], shapes[0], g.BatchAxes)]),
            GatherSum => Each(shape, at => Bag(x, shapes, at)),
            SumAtPositions s => Scattered(s.Map, ScatterKind.Add, null, x[0], shapes[0], x[1], shapes[1], shape),
            IndexView v => Each(shape, at => x[0][Linear(shapes[0], Viewed(v, at))]),
            IndexViewGradient g => Unviewed(g.View, x[0], shape),
            IndexedProduct p => Contracted(p, x, shapes, shape),
            _ => OfModels(op, x, types, type),
        };
    }

    /// <summary>The operators of built-in models: what recognised graphs have too.</summary>
    private static double[] OfModels(Operator op, double[][] x, TensorType[] types, TensorType type)
    {
        var y = new double[type.CountElements];
        DoubleEvaluator.Compute(op, x, types, type, y);
        return y;
    }

    private static double[] Reduced(ReduceKind kind, EquatableArray<int> axes, bool keep, double[] x, int[] shape, int[] result) => Each(result, at =>
    {
        int[] full = keep ? at : Expand(at, axes, shape.Length);
        int[] reduced = [.. axes.Select(axis => shape[axis])];
        return Fold(kind, AllIndices(reduced).Select(inner =>
        {
            int[] index = [.. full];
            for (int i = 0; i < axes.Count; i++)
            {
                index[axes[i]] = inner[i];
            }

            return x[Linear(shape, index)];
        }));
    });

    private static double Fold(ReduceKind kind, IEnumerable<double> elements)
    {
        double[] x = [.. elements];
        return kind switch
        {
            ReduceKind.Sum => x.Sum(),
            ReduceKind.Mean => x.Sum() / x.Length,
            ReduceKind.Max => x.Max(),
            ReduceKind.Min => x.Min(),
            ReduceKind.Product => x.Aggregate(1d, (a, b) => a * b),
            ReduceKind.L1 => x.Sum(Math.Abs),
            ReduceKind.L2 => Math.Sqrt(x.Sum(v => v * v)),
            ReduceKind.SumSquare => x.Sum(v => v * v),
            _ => Math.Log(x.Sum()),
        };
    }

    private static double[] Product(MatMul m, double[][] x, int[][] shapes, int[] shape)
    {
        bool vectorA = shapes[0].Length == 1;
        bool vectorB = shapes[1].Length == 1;
        int batch = shape.Length - (vectorA ? 0 : 1) - (vectorB ? 0 : 1);
        int depth = shapes[0][m.TransposeA ? ^2 : ^1];
        return Each(shape, at =>
        {
            int[] outer = at[..batch];
            int row = vectorA ? -1 : at[batch];
            int column = vectorB ? -1 : at[^1];
            return Enumerable.Range(0, depth).Sum(k =>
                x[0][Broadcast(shapes[0], vectorA ? [k] : m.TransposeA ? [.. outer, k, row] : [.. outer, row, k])]
                * x[1][Broadcast(shapes[1], vectorB ? [k] : m.TransposeB ? [.. outer, column, k] : [.. outer, k, column])]);
        });
    }

    private static double[] Convolved(Convolution c, double[][] x, int[][] shapes, int[] shape)
    {
        int channels = shapes[0][1] / c.Groups;
        int filters = shape[1] / c.Groups;
        int[] taps = shapes[1][2..];
        return Each(shape, at => AllIndices(taps).Sum(tap => Enumerable.Range(0, channels).Sum(channel =>
        {
            int group = at[1] / filters;
            int[] pixel = [at[0], group * channels + channel, .. tap.Select((t, axis) => at[axis + 2] * c.Strides[axis] + t * c.Dilations[axis])];
            int[] weight = c.Flipped
                ? [group * channels + channel, at[1] % filters, .. tap.Select((t, axis) => taps[axis] - 1 - t)]
                : [at[1], channel, .. tap];
            return x[0][Linear(shapes[0], pixel)] * x[1][Linear(shapes[1], weight)];
        })));
    }

    /// <summary>dw = the sum over images and results of dy times the pixel that w met.</summary>
    private static double[] FilterGradient(ConvolutionFilterGradient c, double[][] x, int[][] shapes, int[] shape)
    {
        var result = new double[shape.Aggregate(1, (a, b) => a * b)];
        int channels = shapes[0][1] / c.Groups;
        int filters = shapes[1][1] / c.Groups;
        int[] taps = shape[2..];
        foreach (int[] at in AllIndices(shapes[1]))
        {
            foreach (int[] tap in AllIndices(taps))
            {
                for (int channel = 0; channel < channels; channel++)
                {
                    int group = at[1] / filters;
                    int[] pixel = [at[0], group * channels + channel, .. tap.Select((t, axis) => at[axis + 2] * c.Strides[axis] + t * c.Dilations[axis])];
                    int[] weight = c.Flipped
                        ? [group * channels + channel, at[1] % filters, .. tap.Select((t, axis) => taps[axis] - 1 - t)]
                        : [at[1], channel, .. tap];
                    result[Linear(shape, weight)] += x[0][Linear(shapes[0], pixel)] * x[1][Linear(shapes[1], at)];
                }
            }
        }

        return result;
    }

    /// <summary>Each update goes where the gather takes from, in ascending order.</summary>
    private static double[] Scattered(
        IndexMap map, ScatterKind kind, double[]? data, double[] indices, int[] indexShape, double[] updates, int[] updateShape, int[] shape)
    {
        double[] result = data is null ? new double[shape.Aggregate(1, (a, b) => a * b)] : [.. data];
        foreach (int[] at in AllIndices(updateShape))
        {
            var target = new int[shape.Length];
            var index = new int[indexShape.Length];
            for (int axis = 0; axis < at.Length; axis++)
            {
                if (map.DataAxes[axis] >= 0)
                {
                    target[map.DataAxes[axis]] = at[axis];
                }

                if (map.IndexAxes[axis] >= 0)
                {
                    index[map.IndexAxes[axis]] = at[axis];
                }
            }

            for (int component = 0; component < map.PositionAxes.Count; component++)
            {
                index = map.HasComponentAxis ? With(index, index.Length - 1, component) : index;
                int axis = map.PositionAxes[component];
                target[axis] = Position(indices[Linear(indexShape, index)], shape[axis]);
            }

            int place = Linear(shape, target);
            double update = updates[Linear(updateShape, at)];
            result[place] = kind switch
            {
                ScatterKind.Add => result[place] + update,
                ScatterKind.Multiply => result[place] * update,
                ScatterKind.Minimum => Math.Min(result[place], update),
                ScatterKind.Maximum => Math.Max(result[place], update),
                _ => update,
            };
        }

        return result;
    }

    private static int[] Viewed(IndexView view, int[] at) =>
        [.. view.Offsets.Select((offset, axis) => offset + at.Select((i, index) => i * view.Factors[axis * at.Length + index]).Sum())];

    private static double[] Unviewed(IndexView view, double[] gradient, int[] shape)
    {
        var result = new double[shape.Aggregate(1, (a, b) => a * b)];
        int[] extents = [.. view.Shape];
        foreach (int[] at in AllIndices(extents))
        {
            result[Linear(shape, Viewed(view, at))] += gradient[Linear(extents, at)];
        }

        return result;
    }

    private static double[] Contracted(IndexedProduct p, double[][] x, int[][] shapes, int[] shape)
    {
        ProductAxis[] outer = [.. p.Axes.Batch, .. p.Axes.Rows, .. p.Axes.Columns];
        ProductAxis[] depth = [.. p.Axes.Depth];
        return Each(shape, at => AllIndices([.. depth.Select(axis => axis.Extent)]).Sum(inner =>
        {
            var a = new int[shapes[0].Length];
            var b = new int[shapes[1].Length];
            foreach ((ProductAxis axis, int i) in outer.Select(axis => (axis, at[axis.AxisY])).Concat(depth.Select((axis, k) => (axis, inner[k]))))
            {
                _ = axis.AxisA < 0 ? 0 : a[axis.AxisA] += i * axis.ScaleA;
                _ = axis.AxisB < 0 ? 0 : b[axis.AxisB] += i * axis.ScaleB;
            }

            return x[0][Linear(shapes[0], a)] * x[1][Linear(shapes[1], b)];
        }));
    }

    private static int NdPosition(int[] at, double[] indices, int[] indexShape, int[] shape, int batch)
    {
        int outer = indexShape.Length - 1;
        int[] position = [.. Enumerable.Range(0, indexShape[^1]).Select(c => Position(indices[Linear(indexShape, [.. at.Take(outer), c])], shape[batch + c]))];
        return Linear(shape, [.. at.Take(batch), .. position, .. at.Skip(outer)]);
    }

    /// <summary>The rows that the positions name, added up.</summary>
    private static double Bag(double[][] x, int[][] shapes, int[] at)
    {
        int outer = shapes[1].Length - 1;
        return Enumerable.Range(0, shapes[1][outer]).Sum(h =>
            x[0][Linear(shapes[0], [Position(x[1][Linear(shapes[1], [.. at[..outer], h])], shapes[0][0]), .. at[outer..]])]);
    }

    private static int Position(double index, int extent) => (int)(index < 0 ? index + extent : index);

    private static double Logistic(double x) => 1 / (1 + Math.Exp(-x));

    private static int[] With(int[] index, int axis, int value)
    {
        int[] copy = [.. index];
        copy[axis] = value;
        return copy;
    }

    private static int[] Expand(int[] at, EquatableArray<int> axes, int rank)
    {
        var rest = new Queue<int>(at);
        return [.. Enumerable.Range(0, rank).Select(axis => axes.Contains(axis) ? 0 : rest.Dequeue())];
    }

    private static double[] Each(int[] shape, Func<int[], double> element) => [.. AllIndices(shape).Select(element)];

    private static IEnumerable<int[]> AllIndices(int[] shape)
    {
        int count = shape.Aggregate(1, (a, b) => a * b);
        for (int linear = 0; linear < count; linear++)
        {
            var index = new int[shape.Length];
            int rest = linear;
            for (int axis = shape.Length - 1; axis >= 0; axis--)
            {
                index[axis] = rest % shape[axis];
                rest /= shape[axis];
            }

            yield return index;
        }
    }

    private static int Linear(int[] shape, int[] index) => index.Select((i, axis) => (i, axis)).Aggregate(0, (at, next) => at * shape[next.axis] + next.i);

    private static int? Inside(int[] shape, int[] index) => index.Select((i, axis) => i >= 0 && i < shape[axis]).All(inside => inside) ? Linear(shape, index) : null;

    /// <summary>The element of a smaller tensor that is broadcast to an index.</summary>
    private static int Broadcast(int[] shape, int[] index)
    {
        int missing = index.Length - shape.Length;
        return Linear(shape, [.. shape.Select((extent, axis) => extent == 1 ? 0 : index[axis + missing])]);
    }
}
