using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Templates.Contract;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>A filter's gradient where each channel has its own: sixteen channels side by side, tap by tap.</summary>
internal static unsafe class SampleConvolveDepthwise
{
    private const int Lanes = ContractOrder.PanelColumns;
    private const int ChunkRows = ContractOrder.ChunkElements;

    public static void Run(
        SampleConvolvePlan plan, float* dy, nint pitchDy, float* x, nint pitchX, float* output, nint strideOutput, float* before,
        nint strideBefore, int channelBegin, int channels)
    {
        int taps = plan.Geometry.Depth;
        float* lanes = stackalloc float[Lanes];
        for (int first = 0; first < channels; first += Lanes)
        {
            int count = Math.Min(Lanes, channels - first);
            nint channel = channelBegin + first;
            for (int tap = 0; tap < taps; tap++)
            {
                for (int lane = 0; before != null && lane < count; lane++)
                {
                    lanes[lane] = before[(nint)(first + lane) * strideBefore + tap];
                }

                Tap(plan, tap, dy + channel, pitchDy, x + channel, pitchX, count, before != null, lanes);
                for (int lane = 0; lane < count; lane++)
                {
                    output[(nint)(first + lane) * strideOutput + tap] = lanes[lane];
                }
            }
        }
    }

    private static void Tap(SampleConvolvePlan plan, int tap, float* dy, nint pitchDy, float* x, nint pitchX, int count, bool continues, float* result)
    {
        ConvolveGeometry g = plan.Geometry;
        Vector512<float>* pending = stackalloc Vector512<float>[SampleTree.MaximumLevels];
        SampleConvolveSegment* segments = stackalloc SampleConvolveSegment[ChunkRows];
        Vector512<float> total = continues ? Vector512.Load(result) : default;
        for (int group = 0; group < plan.GroupCount; group++)
        {
            int groupRows = Math.Min(plan.GroupSamples, plan.Samples - group * plan.GroupSamples) * g.ResultPixels;
            for (int row = 0; row < groupRows; row += ChunkRows)
            {
                int segmentCount = plan.Segments(group, row, Math.Min(groupRows, row + ChunkRows), segments);
                Vector512<float> sum = ChunkSum(g, tap, segments, segmentCount, dy, pitchDy, x, pitchX, count);
                total = row == 0 && !continues ? sum : total + sum;
            }

            int mask = SampleContractMicroKernels.MergeMask(group, group == plan.GroupCount - 1);
            for (int bit = 0; mask >> bit != 0; bit++)
            {
                total = (mask >> bit & 1) != 0 ? pending[bit] + total : total;
            }

            pending[System.Numerics.BitOperations.PopCount((uint)mask)] = total;
        }

        total.Store(result);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector512<float> ChunkSum(
        ConvolveGeometry g, int tap, SampleConvolveSegment* segments, int segmentCount, float* dy, nint pitchDy, float* x, nint pitchX, int count)
    {
        Vector512<float> sum = default;
        float* part = stackalloc float[2 * Lanes];
        new Span<float>(part, 2 * Lanes).Clear();
        for (int s = 0; s < segmentCount; s++)
        {
            for (int i = 0; i < segments[s].Count; i++)
            {
                int pixel = segments[s].Pixel + i;
                int h = g.Height.At(pixel / g.Width.Result, tap / g.Width.Taps);
                int w = g.Width.At(pixel % g.Width.Result, tap % g.Width.Taps);
                if (h < 0 || w < 0)
                {
                    continue;
                }

                float* gradient = dy + ((nint)segments[s].Sample * g.ResultPixels + pixel) * pitchDy;
                float* source = x + ((nint)segments[s].Sample * g.SourcePixels + (nint)h * g.Width.Source + w) * pitchX;
                if (count < Lanes)
                {
                    new ReadOnlySpan<float>(gradient, count).CopyTo(new Span<float>(part, count));
                    new ReadOnlySpan<float>(source, count).CopyTo(new Span<float>(part + Lanes, count));
                    gradient = part;
                    source = part + Lanes;
                }

                sum = Vector512.FusedMultiplyAdd(Vector512.Load(gradient), Vector512.Load(source), sum);
            }
        }

        return sum;
    }
}
