using ILGPU;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>The binary counter of <see cref="SampleTree"/> in a kernel's local memory.</summary>
internal static class SampleTreeDevice
{
    /// <summary>Adds the sum of leaf number <paramref name="index"/>.</summary>
    public static void Push(ArrayView<float> pending, int index, float sum)
    {
        int level = 0;
        while (((index >> level) & 1) != 0)
        {
            sum = Exact.Add(pending[level], sum);
            level++;
        }

        pending[level] = sum;
    }

    /// <summary>The sum of all leaves; +0 of none.</summary>
    public static float Total(ArrayView<float> pending, int count)
    {
        float total = 0f;
        bool empty = true;
        for (int level = 0; level < SampleTree.MaximumLevels; level++)
        {
            if (((count >> level) & 1) != 0)
            {
                total = empty ? pending[level] : Exact.Add(pending[level], total);
                empty = false;
            }
        }

        return total;
    }
}
