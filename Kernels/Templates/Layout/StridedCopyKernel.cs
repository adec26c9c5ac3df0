using System.Reflection;
using ILGPU;

namespace RduEmu.Kernels.Templates.Layout;

/// <summary>The strided copy on a device: one thread for each element of the output.</summary>
public static class StridedCopyKernel
{
    public static MethodInfo Method => typeof(StridedCopyKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D element, ArrayView<float> arena, ArrayView<int> words, StridedCopyArguments p)
    {
        int rest = element;
        long source = p.Offset;
        bool hasSource = true;
        for (int axis = p.Rank - 1; axis >= 0; axis--)
        {
            long at = p.Table.At(0, axis * StridedView.TableWordsPerAxis);
            int extent = words[at];
            int next = rest / extent;
            int index = rest - next * extent;
            rest = next;
            if (index < words[at + 1] || index >= words[at + 2])
            {
                hasSource = false;
            }

            source += index * ((uint)words[at + 3] | ((long)words[at + 4] << 32));
        }

        long target = p.Output.At(0, (long)element.X * p.WordsPerElement);
        long from = p.Input.At(0, source * p.WordsPerElement);
        words[target] = hasSource ? words[from] : p.FillLow;
        if (p.WordsPerElement == 2)
        {
            words[target + 1] = hasSource ? words[from + 1] : p.FillHigh;
        }
    }
}
