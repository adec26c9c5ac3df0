using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Templates.Window;

namespace RduEmu.Tests.Compiler;

/// <summary>The operators over images in float64, from their formulas.</summary>
internal static class DoubleImages
{
    private const double Smooth = 1;

    public static bool TryCompute(Operator op, double[][] x, TensorType[] types, TensorType type, double[] y)
    {
        int columns = type.LastExtent;
        switch (op)
        {
            case ImageConvolution c:
                EachTap(c.Window, c.Groups, types[0], types[1], type, (image, filter, result) => y[result] += x[0][image] * x[1][filter]);
                break;
            case ImageConvolutionTransposed c:
                EachTap(c.Window, c.Groups, type, types[1], types[0], (image, filter, result) => y[image] += x[0][result] * x[1][filter]);
                break;
            case ImageFilterGradient c:
                EachTap(c.Window, c.Groups, types[1], type, types[0], (image, filter, result) => y[filter] += x[0][result] * x[1][image]);
                break;
            case MaxPool pool:
                EachWindow(pool, types[0], type, x[0], (winner, result) => y[result] = x[0][winner]);
                break;
            case MaxPoolGradient gradient:
                EachWindow(gradient.Pool, types[1], types[0], x[1], (winner, result) => y[winner] += x[0][result]);
                break;
            case Resample resample:
                EachEntry(resample, types[0], type, (source, result, weight) => y[result] += weight * x[0][source]);
                break;
            case ResampleGradient gradient:
                EachEntry(gradient.Of, type, types[0], (source, result, weight) => y[source] += weight * x[0][result]);
                break;
            case BatchMean:
                Each(y, c => Rows(x[0], columns).Sum(row => x[0][row + c]) / x[1][0]);
                break;
            case BatchVariance:
                Each(y, c => Rows(x[0], columns).Sum(row => Math.Pow(x[0][row + c] - x[1][c], 2)) / x[2][0]);
                break;
            case ReciprocalDeviation:
                Each(y, i => 1 / Math.Sqrt(x[0][i] + x[1][0]));
                break;
            case RunningStatistic:
                Each(y, i => x[2][0] * x[0][i] + (1 - x[2][0]) * x[1][i] * x[3][0]);
                break;
            case BatchNormalize:
                Each(y, i => (x[0][i] - x[1][i % columns]) * x[2][i % columns] * x[3][i % columns] + x[4][i % columns]);
                break;
            case NormalizedProductSum:
                Each(y, c => Rows(x[0], columns).Sum(row => x[0][row + c] * (x[1][row + c] - x[2][c]) * x[3][c]));
                break;
            case BatchNormalizeInputGradient:
                Each(y, i =>
                {
                    int c = i % columns;
                    return x[4][c] * x[3][c] * (x[0][i] - x[5][c] - (x[1][i] - x[2][c]) * x[3][c] * x[6][c]);
                });
                break;
            case ScaleColumns:
                Each(y, i => x[0][i] * x[1][i % columns] * x[2][i % columns]);
                break;
            case ScaleByNumber:
                Each(y, i => x[0][i] * x[1][0]);
                break;
            case DivideByCount:
                Each(y, i => x[0][i] / x[1][0]);
                break;
            case SampleProductSum:
                Each(y, c => Rows(x[0], columns).Sum(row => x[0][row + c] * x[1][row + c]));
                break;
            case DiceLoss:
                y[0] = 1 - (2 * x[0][0] + Smooth) / (x[1][0] + x[2][0] + Smooth);
                break;
            case DiceSlope:
                y[0] = -2 / (x[0][0] + x[1][0] + Smooth);
                break;
            case DiceOffset:
                y[0] = (2 * x[0][0] + Smooth) / Math.Pow(x[1][0] + x[2][0] + Smooth, 2);
                break;
            case DiceGradient:
                Each(y, i => x[0][i] * x[1][0] + x[2][0]);
                break;
            case FocalLoss:
                Each(y, i => -Math.Pow(1 - Certainty(x[0][i], x[1][i]), 2) * Math.Log(Certainty(x[0][i], x[1][i])));
                break;
            case FocalLossGradient:
                Each(y, i =>
                {
                    // d/dz of -(1 - s)² log s with ds/dz = ± s (1 - s).
                    double s = Certainty(x[0][i], x[1][i]);
                    double bySigma = 2 * (1 - s) * Math.Log(s) - Math.Pow(1 - s, 2) / s;
                    return (x[1][i] > 0.5 ? 1 : -1) * bySigma * s * (1 - s) * x[2][0];
                });
                break;
            case RmsPropMean:
                Each(y, i => x[4][0] * x[0][i] + (1 - x[4][0]) * Math.Pow(x[2][i] + x[3][0] * x[1][i], 2));
                break;
            case MomentumVelocity:
                Each(y, i => x[2][0] * x[0][i] + x[1][i]);
                break;
            case RmsPropVelocity:
                Each(y, i => x[6][0] * x[0][i] + (x[2][i] + x[4][0] * x[1][i]) / (Math.Sqrt(x[3][i]) + x[5][0]));
                break;
            default:
                return false;
        }

        return true;
    }

    /// <summary>Positions of an image, a filter and a result that a convolution multiplies and adds.</summary>
    private static void EachTap(ConvolutionWindow window, int groups, TensorType image, TensorType filter, TensorType result, Action<int, int, int> act)
    {
        int perGroup = filter.Shape[3];
        for (int r = 0; r < (int)result.CountElements; r++)
        {
            int o = r % result.Shape[3];
            int j = r / result.Shape[3] % result.Shape[2];
            int i = r / result.Shape[3] / result.Shape[2] % result.Shape[1];
            int b = r / result.Shape[3] / result.Shape[2] / result.Shape[1];
            int firstChannel = o / (filter.Shape[0] / groups) * perGroup;
            for (int t = 0; t < filter.Shape[1]; t++)
            {
                for (int u = 0; u < filter.Shape[2]; u++)
                {
                    int h = i * window.StrideHeight + t * window.DilationHeight - window.Top;
                    int w = j * window.StrideWidth + u * window.DilationWidth - window.Left;
                    for (int c = 0; c < perGroup && h >= 0 && w >= 0 && h < image.Shape[1] && w < image.Shape[2]; c++)
                    {
                        act(
                            ((b * image.Shape[1] + h) * image.Shape[2] + w) * image.Shape[3] + firstChannel + c,
                            ((o * filter.Shape[1] + t) * filter.Shape[2] + u) * perGroup + c, r);
                    }
                }
            }
        }
    }

    /// <summary>For each result of a pooling the position of the first largest.</summary>
    private static void EachWindow(MaxPool pool, TensorType image, TensorType result, double[] x, Action<int, int> act)
    {
        ConvolutionWindow window = pool.Window;
        for (int r = 0; r < (int)result.CountElements; r++)
        {
            int c = r % result.Shape[3];
            int j = r / result.Shape[3] % result.Shape[2];
            int i = r / result.Shape[3] / result.Shape[2] % result.Shape[1];
            int b = r / result.Shape[3] / result.Shape[2] / result.Shape[1];
            int winner = -1;
            for (int tap = 0; tap < pool.TapRows * pool.TapColumns; tap++)
            {
                int h = i * window.StrideHeight + tap / pool.TapColumns * window.DilationHeight - window.Top;
                int w = j * window.StrideWidth + tap % pool.TapColumns * window.DilationWidth - window.Left;
                if (h >= 0 && w >= 0 && h < image.Shape[1] && w < image.Shape[2])
                {
                    int at = ((b * image.Shape[1] + h) * image.Shape[2] + w) * image.Shape[3] + c;
                    winner = winner < 0 || x[at] > x[winner] ? at : winner;
                }
            }

            act(winner, r);
        }
    }

    /// <summary>Source, result and weight of every term of a resampling.</summary>
    private static void EachEntry(Resample resample, TensorType source, TensorType result, Action<int, int, double> act)
    {
        ResampleAxis rows = resample.AxisOf(source.Shape[1]);
        ResampleAxis columns = resample.AxisOf(source.Shape[2]);
        for (int r = 0; r < (int)result.CountElements; r++)
        {
            int c = r % result.Shape[3];
            int j = r / result.Shape[3] % result.Shape[2];
            int i = r / result.Shape[3] / result.Shape[2] % result.Shape[1];
            int b = r / result.Shape[3] / result.Shape[2] / result.Shape[1];
            for (int a = rows.Begins[i]; a < rows.Begins[i + 1]; a++)
            {
                for (int e = columns.Begins[j]; e < columns.Begins[j + 1]; e++)
                {
                    int at = ((b * source.Shape[1] + rows.Sources[a]) * source.Shape[2] + columns.Sources[e]) * source.Shape[3] + c;
                    act(at, r, (double)rows.Weights[a] * columns.Weights[e]);
                }
            }
        }
    }

    private static double Certainty(double z, double t) => 1 / (1 + Math.Exp(t > 0.5 ? -z : z));

    private static IEnumerable<int> Rows(double[] x, int columns) => Enumerable.Range(0, x.Length / columns).Select(row => row * columns);

    private static void Each(double[] y, Func<int, double> at)
    {
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = at(i);
        }
    }
}
