using MathNet.Numerics;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Tests.Compiler;

/// <summary>The operators of transformers and their optimisers in float64, from their formulas alone; only which elements a dropout drops is asked of Philox.</summary>
internal static class DoubleTransformer
{
    /// <returns>False if the operator is not one of these.</returns>
    public static bool TryCompute(Operator op, double[][] x, TensorType[] types, TensorType type, double[] y)
    {
        int columns = type.LastExtent;
        switch (op)
        {
            case Mul:
                Each(y, i => x[0][i] * x[1][i]);
                return true;
            case Gelu:
                Each(y, i => x[0][i] * Distribution(x[0][i]));
                return true;
            case GeluGradient:
                Each(y, i => x[1][i] * (Distribution(x[0][i]) + x[0][i] * Math.Exp(-x[0][i] * x[0][i] / 2) / Math.Sqrt(2 * Math.PI)));
                return true;
            case Tanh:
                Each(y, i => Math.Tanh(x[0][i]));
                return true;
            case TanhGradient:
                Each(y, i => x[1][i] * (1 - x[0][i] * x[0][i]));
                return true;
            case LayerNorm norm:
                Rows(y, columns, (row, c) => Normalized(x[0], row, columns, norm.Epsilon, out _)[c] * x[1][c] + x[2][c]);
                return true;
            case Normalize norm:
                Rows(y, columns, (row, c) => Normalized(x[0], row, columns, norm.Epsilon, out _)[c]);
                return true;
            case LayerNormInputGradient norm:
                LayerNormGradient(x, columns, norm.Epsilon, y);
                return true;
            case Softmax softmax:
                Softened(softmax, x, columns, y);
                return true;
            case SoftmaxGradient softmax:
                Rows(y, columns, (row, c) => x[0][row * columns + c] * softmax.Scale
                    * (x[1][row * columns + c] - Sum(columns, k => x[0][row * columns + k] * x[1][row * columns + k])));
                return true;
            case CrossEntropy:
                int classes = types[0].LastExtent;
                Each(y, row => x[1][row] < 0 ? 0 : x[2][row] * (LogSum(x[0], row, classes) - x[0][row * classes + (int)x[1][row]]));
                return true;
            case CrossEntropyGradient:
                Rows(y, columns, (row, c) => x[1][row] < 0
                    ? 0
                    : x[2][row] * (Math.Exp(x[0][row * columns + c] - LogSum(x[0], row, columns)) - (c == (int)x[1][row] ? 1 : 0)));
                return true;
            case HeadMatMul product:
                Product(product, x, types[1], y);
                return true;
            case TokenEmbedding:
                Rows(y, columns, (row, c) => x[0][row] < 0 ? 0 : x[1][(int)x[0][row] * columns + c]);
                return true;
            case TokenEmbeddingGradient:
                for (int row = 0; row < x[0].Length; row++)
                {
                    for (int c = 0; x[0][row] >= 0 && c < columns; c++)
                    {
                        y[(int)x[0][row] * columns + c] += x[1][row * columns + c];
                    }
                }

                return true;
            case GatherRows:
                Rows(y, columns, (row, c) => x[1][row] < 0 ? 0 : x[0][(row / type.Shape[1] * types[0].Shape[1] + (int)x[1][row]) * columns + c]);
                return true;
            case ScatterRows:
                for (int row = 0; row < x[1].Length; row++)
                {
                    for (int c = 0; x[1][row] >= 0 && c < columns; c++)
                    {
                        y[(row / types[1].Shape[1] * type.Shape[1] + (int)x[1][row]) * columns + c] += x[0][row * columns + c];
                    }
                }

                return true;
            case FirstRow:
                Rows(y, columns, (b, c) => x[0][b * types[0].Shape[1] * columns + c]);
                return true;
            case FirstRowGradient:
                Rows(y, columns, (row, c) => row % type.Shape[1] == 0 ? x[0][row / type.Shape[1] * columns + c] : 0);
                return true;
            case TransposeRows:
                Rows(y, columns, (row, c) => x[0][(row / type.Shape[1] * columns + c) * type.Shape[1] + row % type.Shape[1]]);
                return true;
            case Dropout dropout:
                int perSample = y.Length / type.Shape[0];
                Each(y, i => IsKept(dropout, (int)x[1][i / perSample], i % perSample) ? x[0][i] / (1 - dropout.Rate) : 0);
                return true;
            default:
                return TryOptimizer(op, x, types, y);
        }
    }

    private static bool TryOptimizer(Operator op, double[][] x, TensorType[] types, double[] y)
    {
        switch (op)
        {
            case RowSquareSum:
                int width = (int)(types[0].CountElements / y.Length);
                Each(y, row => Sum(width, c => Math.Pow(x[0][row * width + c], 2)));
                return true;
            case ColumnSum:
                y[0] = x[0].Sum();
                return true;
            case ClipScale:
                y[0] = Math.Sqrt(x[0][0]) <= x[1][0] ? 1 : x[1][0] / Math.Sqrt(x[0][0]);
                return true;
            case TrustRatio:
                y[0] = x[0][0] > 0 && x[1][0] > 0 ? Math.Sqrt(x[0][0] / x[1][0]) : 1;
                return true;
            case AdamMoment moment:
                Each(y, i => x[3][0] * x[0][i] + (1 - x[3][0]) * Math.Pow(x[1][i] * x[2][0], moment.IsSecond ? 2 : 1));
                return true;
            case AdamStep step:
                Each(y, i => x[0][i] - x[3][0] * (x[1][i] / (Math.Sqrt(x[2][i]) + x[4][0]) + (step.Decays ? x[5][0] * x[0][i] : 0)));
                return true;
            case AdamDirection direction:
                Each(y, i => x[1][i] / (Math.Sqrt(x[2][i]) + x[3][0]) + (direction.Decays ? x[4][0] * x[0][i] : 0));
                return true;
            case LambStep:
                Each(y, i => x[0][i] - x[2][0] * x[3][0] * x[1][i]);
                return true;
            default:
                return false;
        }
    }

    private static void LayerNormGradient(double[][] x, int columns, double epsilon, double[] y)
    {
        for (int row = 0; row < y.Length / columns; row++)
        {
            double[] n = Normalized(x[0], row, columns, epsilon, out double root);
            double[] g = [.. Enumerable.Range(0, columns).Select(c => x[2][row * columns + c] * x[1][c])];
            double a = g.Average();
            double b = g.Zip(n, (left, right) => left * right).Average();
            for (int c = 0; c < columns; c++)
            {
                y[row * columns + c] = root * (g[c] - a - b * n[c]);
            }
        }
    }

    private static void Softened(Softmax softmax, double[][] x, int columns, double[] y)
    {
        int rowsPerSample = x.Length > 1 ? x[0].Length / x[1].Length : 1;
        for (int row = 0; row < y.Length / columns; row++)
        {
            double[] z = [.. Enumerable.Range(0, columns).Select(c =>
                x[0][row * columns + c] * softmax.Scale + (x.Length > 1 ? x[1][row / rowsPerSample * columns + c] : 0))];
            double most = z.Max();
            double sum = z.Sum(v => Math.Exp(v - most));
            for (int c = 0; c < columns; c++)
            {
                y[row * columns + c] = Math.Exp(z[c] - most) / sum;
            }
        }
    }

    private static void Product(HeadMatMul op, double[][] x, TensorType tokens, double[] y)
    {
        int count = tokens.Shape[1];
        int row = tokens.Shape[2];
        int d = row / op.Heads;
        double Map(double[] map, int b, int a, int i, int j) => map[((b * op.Heads + a) * count + i) * count + j];
        double Token(double[] token, int b, int i, int a, int k) => token[(b * count + i) * row + a * d + k];
        if (op.Product == HeadProduct.Scores)
        {
            Each(y, at =>
            {
                int j = at % count, i = at / count % count, a = at / (count * count) % op.Heads, b = at / (count * count * op.Heads);
                return Sum(d, k => Token(x[0], b, i, a, k) * Token(x[1], b, j, a, k));
            });
            return;
        }

        Each(y, at =>
        {
            int k = at % d, a = at / d % op.Heads, i = at / row % count, b = at / (row * count);
            return Sum(count, j => (op.Product == HeadProduct.Context ? Map(x[0], b, a, i, j) : Map(x[0], b, a, j, i)) * Token(x[1], b, j, a, k));
        });
    }

    private static bool IsKept(Dropout dropout, int number, int element)
    {
        int word = RandomElement.Words<ScalarLane, float, int>((int)dropout.FirstElement + element, 0, number, dropout.Seed, dropout.Stream, out _);
        return Philox.Uniform<ScalarLane, float, int>(word) < 1f - dropout.Rate;
    }

    private static double Distribution(double x) => (1 + SpecialFunctions.Erf(x / Math.Sqrt(2))) / 2;

    private static double LogSum(double[] x, int row, int columns)
    {
        double most = Enumerable.Range(0, columns).Max(c => x[row * columns + c]);
        return most + Math.Log(Sum(columns, c => Math.Exp(x[row * columns + c] - most)));
    }

    private static double[] Normalized(double[] x, int row, int columns, double epsilon, out double root)
    {
        double[] values = x[(row * columns)..((row + 1) * columns)];
        double mean = values.Average();
        double r = 1 / Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / columns + epsilon);
        root = r;
        return [.. values.Select(v => (v - mean) * r)];
    }

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

    private static void Rows(double[] y, int columns, Func<int, int, double> element) => Each(y, i => element(i / columns, i % columns));
}
