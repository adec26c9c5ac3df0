using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.RowReduce;

/// <summary>
/// The order of every reduction along a row: 16 lanes, element i to lane i mod 16 in ascending order; then lane j takes lane
/// j + 8, then j + 4, j + 2, j + 1 (the PCU's lanes and its cross-lane tree).
/// </summary>
public static class RowOrder
{
    public const int Lanes = 16;

    /// <summary>The sum of x², each lane an FMA chain from +0.</summary>
    public static float SumOfSquares(ReadOnlySpan<float> x)
    {
        Span<float> lanes = stackalloc float[Lanes];
        lanes.Clear();
        for (int i = 0; i < x.Length; i++)
        {
            lanes[i % Lanes] = Exact.Fma(x[i], x[i], lanes[i % Lanes]);
        }

        return Tree(lanes);
    }

    /// <summary>The cross-lane tree of a sum; the lanes are overwritten.</summary>
    public static float Tree(Span<float> lanes) => Tree<RowSum>(lanes);

    /// <summary>The cross-lane tree; the lanes are overwritten.</summary>
    public static float Tree<TReduction>(Span<float> lanes)
        where TReduction : struct, IRowReduction
    {
        for (int half = Lanes / 2; half > 0; half /= 2)
        {
            for (int j = 0; j < half; j++)
            {
                lanes[j] = TReduction.Combine(lanes[j], lanes[j + half]);
            }
        }

        return lanes[0];
    }
}
