using ILGPU;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.Softmax;

/// <summary>Largest element and sum of powers of a row in a device's kernel.</summary>
internal static class SoftmaxRowDevice
{
    public static float TreeMax(ArrayView<float> lanes)
    {
        for (int half = RowOrder.Lanes / 2; half > 0; half /= 2)
        {
            for (int lane = 0; lane < half; lane++)
            {
                lanes[lane] = RowMax.Combine(lanes[lane], lanes[lane + half]);
            }
        }

        return lanes[0];
    }

    public static float Largest(ArrayView<float> arena, Operand x, int row, int columns)
    {
        ArrayView<float> lanes = LocalMemory.Allocate<float>(RowOrder.Lanes);
        for (int lane = 0; lane < RowOrder.Lanes; lane++)
        {
            float most = RowMax.Identity;
            for (int c = lane; c < columns; c += RowOrder.Lanes)
            {
                most = RowMax.Accumulate<ScalarLane, float, int>(most, arena[x.At(row, c)]);
            }

            lanes[lane] = most;
        }

        return TreeMax(lanes);
    }

    public static float SumOfPowers(ArrayView<float> arena, Operand x, int row, int columns, float largest)
    {
        ArrayView<float> lanes = LocalMemory.Allocate<float>(RowOrder.Lanes);
        for (int lane = 0; lane < RowOrder.Lanes; lane++)
        {
            float powers = 0f;
            for (int c = lane; c < columns; c += RowOrder.Lanes)
            {
                powers = Exact.Add(powers, SoftmaxUnit.Power(arena[x.At(row, c)], largest));
            }

            lanes[lane] = powers;
        }

        return RowOrderDevice.Tree(lanes);
    }
}
