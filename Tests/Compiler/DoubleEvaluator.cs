using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Tests.Compiler;

/// <summary>A graph in float64, written from the operators' formulas alone: the outside view on graphs and gradients.</summary>
internal static class DoubleEvaluator
{
    /// <summary>All values, by id.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="given">Inputs and parameters by name, row-major.</param>
    public static double[][] Evaluate(Graph graph, IReadOnlyDictionary<string, double[]> given)
    {
        var values = new double[graph.Values.Count][];
        foreach (Value value in graph.Values)
        {
            if (value.Constant is { } constant)
            {
                values[value.Id.Index] = new double[value.Type.CountElements];
                Array.Fill(values[value.Id.Index], constant);
            }
            else if (value.Role != ValueRole.Computed)
            {
                values[value.Id.Index] = given[value.Name];
                if (values[value.Id.Index].Length != value.Type.CountElements)
                {
                    throw new ArgumentException($"{value.Name}: {values[value.Id.Index].Length} elements for {value.Type}", nameof(given));
                }
            }
        }

        foreach (Node node in graph.Nodes)
        {
            double[][] inputs = [.. node.Inputs.Select(id => values[id.Index])];
            TensorType[] types = [.. node.Inputs.Select(id => graph[id].Type)];
            TensorType type = graph[node.Output].Type;
            var y = new double[type.CountElements];
            Compute(node.Operator, inputs, types, type, y);
            values[node.Output.Index] = y;
        }

        return values;
    }

    internal static void Compute(Operator op, double[][] x, TensorType[] types, TensorType type, double[] y)
    {
        switch (op)
        {
            case Add:
                Each(y, i => x[0][i] + x[1][i]);
                break;
            case SampleView or SampleReshape:
                x[0].CopyTo(y, 0);
                break;
            case Subtract:
                Each(y, i => x[0][i] - x[1][i]);
                break;
            case Negate:
                Each(y, i => -x[0][i]);
                break;
            case Exponential:
                Each(y, i => Math.Exp(x[0][i]));
                break;
            case AddBias:
                Each(y, i => x[0][i] + x[1][i % type.LastExtent]);
                break;
            case Relu:
                Each(y, i => Math.Max(x[0][i], 0));
                break;
            case ReluGradient:
                Each(y, i => x[0][i] > 0 ? x[1][i] : 0);
                break;
            case Sigmoid:
                Each(y, i => Logistic(x[0][i]));
                break;
            case SigmoidGradient:
                Each(y, i => x[1][i] * x[0][i] * (1 - x[0][i]));
                break;
            case SampleSum:
                Each(y, n => Sum(x[0].Length / y.Length, row => x[0][row * y.Length + n]));
                break;
            case Linear:
                Matrix(y, type, (row, n) => Sum(types[0].LastExtent, k => x[0][row * types[0].LastExtent + k] * x[1][n * types[0].LastExtent + k]));
                break;
            case LinearInputGradient:
                Matrix(y, type, (row, k) => Sum(types[0].LastExtent, n => x[0][row * types[0].LastExtent + n] * x[1][n * type.LastExtent + k]));
                break;
            case LinearWeightGradient:
                Matrix(y, type, (n, k) => Sum(x[0].Length / type.Shape[0], row => x[0][row * type.Shape[0] + n] * x[1][row * type.Shape[1] + k]));
                break;
            case EmbeddingBag:
                Matrix(y, type, (b, d) => Sum(types[0].Shape[1], h =>
                {
                    int position = b * types[0].Shape[1] + h;
                    return (x.Length > 2 ? x[2][position] : 1) * Looked(x[0][position], x[1], type.Shape[1], d);
                }));
                break;
            case EmbeddingBagGradient:
                for (int position = 0; position < x[0].Length; position++)
                {
                    int row = (int)x[0][position];
                    int sample = position / types[0].Shape[1];
                    for (int d = 0; row >= 0 && d < type.Shape[1]; d++)
                    {
                        y[row * type.Shape[1] + d] += (x.Length > 2 ? x[2][position] : 1) * x[1][sample * type.Shape[1] + d];
                    }
                }

                break;
            case SampleMatMul m:
                Matrix(y, type, (b, c) =>
                {
                    int i = c / m.N;
                    int j = c % m.N;
                    return Sum(m.K, k =>
                        x[0][b * m.M * m.K + (m.TransposeA ? k * m.M + i : i * m.K + k)]
                        * x[1][b * m.N * m.K + (m.TransposeB ? j * m.K + k : k * m.N + j)]);
                });
                break;
            case ColumnMap map:
                Each(y, i => map.Map[i % type.LastExtent] is var c && c < 0 ? 0 : x[0][i / type.LastExtent * types[0].LastExtent + c]);
                break;
            case Concat:
                for (int row = 0, at = 0; row < y.Length / type.LastExtent; row++)
                {
                    for (int i = 0; i < x.Length; i++)
                    {
                        int columns = types[i].LastExtent;
                        Array.Copy(x[i], row * columns, y, at, columns);
                        at += columns;
                    }
                }

                break;
            case SampleLoss { Kind: LossKind.SquaredError }:
                Each(y, i => (x[0][i] - x[1][i]) * (x[0][i] - x[1][i]));
                break;
            case SampleLoss:
                Each(y, i => Math.Max(x[0][i], 0) - x[0][i] * x[1][i] + Math.Log(1 + Math.Exp(-Math.Abs(x[0][i]))));
                break;
            case SampleLossGradient { Kind: LossKind.SquaredError }:
                Each(y, i => 2 * (x[0][i] - x[1][i]) * x[2][0]);
                break;
            case SampleLossGradient:
                Each(y, i => (Logistic(x[0][i]) - x[1][i]) * x[2][0]);
                break;
            case SgdStep:
                Each(y, i => x[0][i] - x[2][0] * x[1][i]);
                break;
            case AdagradState:
                Each(y, i => x[0][i] + x[1][i] * x[1][i]);
                break;
            case RowWiseAdagradState:
                int width = types[1].Shape[1];
                Each(y, r => x[0][r] + Sum(width, d => Math.Pow(x[1][r * width + d], 2)) / width);
                break;
            case AdagradStep adagrad:
                int perState = adagrad.RowWise ? type.Shape[1] : 1;
                Each(y, i => x[0][i] - x[3][0] * x[1][i] / (Math.Sqrt(x[2][i / perState]) + 1e-10));
                break;
            case var _ when DoubleTransformer.TryCompute(op, x, types, type, y) || DoubleImages.TryCompute(op, x, types, type, y):
                break;
            default:
                throw new NotSupportedException($"the float64 evaluator does not know {op.Name}");
        }
    }

    private static double Logistic(double z) => 1 / (1 + Math.Exp(-z));

    private static double Looked(double index, double[] table, int width, int column) => index < 0 ? 0 : table[(int)index * width + column];

    private static double Sum(int count, Func<int, double> term)
    {
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += term(i);
        }

        return sum;
    }

    private static void Each(double[] y, Func<int, double> element)
    {
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = element(i);
        }
    }

    private static void Matrix(double[] y, TensorType type, Func<int, int, double> element) =>
        Each(y, i => element(i / type.LastExtent, i % type.LastExtent));
}
