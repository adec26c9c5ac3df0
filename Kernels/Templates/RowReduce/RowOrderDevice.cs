using ILGPU;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.RowReduce;

/// <summary><see cref="RowOrder"/> in a device's kernel, one thread for a row.</summary>
internal static class RowOrderDevice
{
    /// <summary>The sum of x² over columns [0, width) of a row.</summary>
    public static float SumOfSquares(ArrayView<float> arena, Operand x, int row, int width)
    {
        ArrayView<float> lanes = LocalMemory.Allocate<float>(RowOrder.Lanes);
        for (int lane = 0; lane < RowOrder.Lanes; lane++)
        {
            float sum = 0f;
            for (int column = lane; column < width; column += RowOrder.Lanes)
            {
                float element = arena[x.At(row, column)];
                sum = Exact.Fma(element, element, sum);
            }

            lanes[lane] = sum;
        }

        return Tree(lanes);
    }

    /// <summary>The cross-lane tree of a sum; the lanes are overwritten.</summary>
    public static float Tree(ArrayView<float> lanes)
    {
        for (int half = RowOrder.Lanes / 2; half > 0; half /= 2)
        {
            for (int lane = 0; lane < half; lane++)
            {
                lanes[lane] = Exact.Add(lanes[lane], lanes[lane + half]);
            }
        }

        return lanes[0];
    }
}
