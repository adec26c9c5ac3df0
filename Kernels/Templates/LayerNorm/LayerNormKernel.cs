using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.LayerNorm;

/// <summary>Layer norm on a device: one thread for each row.</summary>
public static class LayerNormKernel
{
    public static MethodInfo Method => typeof(LayerNormKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D row, ArrayView<float> arena, ArrayView<int> words, LayerNormArguments p)
    {
        float mean = Mean(arena, p.X, row, p.Columns);
        float root = Root(arena, p.X, row, p.Columns, mean, p.Epsilon);
        for (int c = 0; c < p.Columns; c++)
        {
            float n = Exact.Mul(Exact.Sub(arena[p.X.At(row, c)], mean), root);
            arena[p.Output.At(row, c)] = p.Affine != 0 ? Exact.Fma(n, arena[p.Gamma.At(0, c)], arena[p.Beta.At(0, c)]) : n;
        }
    }

    internal static float Mean(ArrayView<float> arena, Operand x, int row, int columns)
    {
        ArrayView<float> lanes = LocalMemory.Allocate<float>(RowOrder.Lanes);
        for (int lane = 0; lane < RowOrder.Lanes; lane++)
        {
            float sum = 0f;
            for (int c = lane; c < columns; c += RowOrder.Lanes)
            {
                sum = Exact.Add(sum, arena[x.At(row, c)]);
            }

            lanes[lane] = sum;
        }

        return Exact.Div(RowOrderDevice.Tree(lanes), columns);
    }

    internal static float Root(ArrayView<float> arena, Operand x, int row, int columns, float mean, float epsilon)
    {
        ArrayView<float> lanes = LocalMemory.Allocate<float>(RowOrder.Lanes);
        for (int lane = 0; lane < RowOrder.Lanes; lane++)
        {
            float sum = 0f;
            for (int c = lane; c < columns; c += RowOrder.Lanes)
            {
                float d = Exact.Sub(arena[x.At(row, c)], mean);
                sum = Exact.Fma(d, d, sum);
            }

            lanes[lane] = sum;
        }

        return LayerNormUnit.Root(Exact.Div(RowOrderDevice.Tree(lanes), columns), epsilon);
    }
}
