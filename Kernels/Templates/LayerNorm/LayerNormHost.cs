using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.LayerNorm;

/// <summary>The statistics of a row on the host: sixteen lanes at once, in the order of <see cref="RowOrder"/>.</summary>
internal static unsafe class LayerNormHost
{
    /// <summary>1 / sqrt(variance + epsilon), and the mean.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Statistics(float* x, nint columns, float epsilon, out float mean)
    {
        float* lanes = stackalloc float[RowOrder.Lanes];
        nint whole = columns - columns % RowOrder.Lanes;
        Vector512<float> sum = Vector512<float>.Zero;
        for (nint c = 0; c < whole; c += RowOrder.Lanes)
        {
            sum += Vector512.Load(x + c);
        }

        sum.Store(lanes);
        for (nint c = whole; c < columns; c++)
        {
            lanes[c - whole] += x[c];
        }

        mean = RowOrder.Tree(new Span<float>(lanes, RowOrder.Lanes)) / columns;
        Vector512<float> wideMean = Vector512.Create(mean);
        Vector512<float> squares = Vector512<float>.Zero;
        for (nint c = 0; c < whole; c += RowOrder.Lanes)
        {
            Vector512<float> d = Vector512.Load(x + c) - wideMean;
            squares = Vector512.FusedMultiplyAdd(d, d, squares);
        }

        squares.Store(lanes);
        for (nint c = whole; c < columns; c++)
        {
            float d = x[c] - mean;
            lanes[c - whole] = MathF.FusedMultiplyAdd(d, d, lanes[c - whole]);
        }

        return LayerNormUnit.Root(RowOrder.Tree(new Span<float>(lanes, RowOrder.Lanes)) / columns, epsilon);
    }
}
