using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>A convolution on a device: one thread for each result; neighbouring threads read neighbouring words of a panel.</summary>
public static class ConvolveKernel
{
    public static MethodInfo Method(Type epilogue) => typeof(ConvolveKernel).GetMethod(nameof(Run))!.MakeGenericMethod(epilogue);

    public static void Run<TEpilogue>(Index1D index, ArrayView<float> arena, ArrayView<int> words, ConvolveArguments p)
        where TEpilogue : struct, IProgram
    {
        ConvolveGeometry g = p.Geometry;
        int row = index / g.ResultChannels;
        int channel = index - row * g.ResultChannels;
        int image = row / g.ResultPixels;
        int pixel = row - image * g.ResultPixels;
        int i = pixel / g.Width.Result;
        int j = pixel - i * g.Width.Result;
        int channels = g.SourceChannelsPerGroup;
        int firstChannel = channel / g.ResultChannelsPerGroup * channels;
        long filter = p.PackedFilter.At(0, PackedFilter.IndexElements(g, channel, 0));
        float total = 0f;
        float sum = 0f;
        int filled = 0;
        bool isFirst = true;
        for (int tapRow = 0; tapRow < g.Height.Taps; tapRow++)
        {
            int h = g.Height.At(i, tapRow);
            for (int tapColumn = 0; tapColumn < g.Width.Taps; tapColumn++)
            {
                int w = g.Width.At(j, tapColumn);
                bool isRead = h >= 0 && w >= 0;
                long x = p.Source.At((long)image * g.SourcePixels + h * g.Width.Source + w, firstChannel);
                for (int c = 0; c < channels; c++)
                {
                    if (filled == ContractOrder.ChunkElements)
                    {
                        total = isFirst ? sum : Exact.Add(total, sum);
                        isFirst = false;
                        sum = 0f;
                        filled = 0;
                    }

                    if (isRead)
                    {
                        sum = Exact.Fma(arena[x + c], arena[filter], sum);
                    }

                    filter += ContractOrder.PanelColumns;
                    filled++;
                }
            }
        }

        total = isFirst ? sum : Exact.Add(total, sum);
        var frame = new GpuFrame(arena, p.Slots, row, channel, total);
        arena[p.Result.At(row, channel)] = TEpilogue.Evaluate<ScalarLane, float, int, GpuFrame>(in frame);
    }
}
