using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>Where each channel has its own filter: sixteen channels side by side, pixel by pixel.</summary>
internal static unsafe class ConvolveDepthwise
{
    private const int PanelColumns = ContractOrder.PanelColumns;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Segment(
        ConvolvePlan plan, float* packed, int rowClass, int columnClass, float** sources, float** results, int pixels, int panelBegin, int panelEnd)
    {
        int channels = plan.Geometry.ResultChannels;
        nint panelStride = (nint)plan.Geometry.Depth * PanelColumns;
        for (int pixel = 0; pixel < pixels; pixel++)
        {
            for (int panel = panelBegin; panel < panelEnd; panel++)
            {
                nint channel = (nint)panel * PanelColumns;
                float* filter = packed + panel * panelStride;
                float* source = sources[pixel] + channel;
                float* result = results[pixel] + channel;
                int columns = (int)Math.Min(PanelColumns, channels - channel);
                if (columns == PanelColumns)
                {
                    Wide(plan, rowClass, columnClass, source, filter, result);
                }
                else
                {
                    for (int c = 0; c < columns; c++)
                    {
                        result[c] = Scalar(plan, rowClass, columnClass, source + c, filter + c);
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Wide(ConvolvePlan plan, int rowClass, int columnClass, float* source, float* filter, float* result)
    {
        Vector512<float> total = default;
        for (int chunk = 0; chunk < plan.Chunks; chunk++)
        {
            Vector512<float> sum = default;
            ConvolvePiece* piece = plan.Pieces(rowClass, columnClass, chunk, out int count);
            for (ConvolvePiece* end = piece + count; piece < end; piece++)
            {
                // A run of one channel is a run of taps, a pixel apart.
                for (nint k = 0; k < piece->Length; k++)
                {
                    sum = Vector512.FusedMultiplyAdd(
                        Vector512.Load(source + piece->Source + k), Vector512.Load(filter + piece->Panel + k * PanelColumns), sum);
                }
            }

            total = chunk == 0 ? sum : total + sum;
        }

        total.Store(result);
    }

    private static float Scalar(ConvolvePlan plan, int rowClass, int columnClass, float* source, float* filter)
    {
        float total = 0f;
        for (int chunk = 0; chunk < plan.Chunks; chunk++)
        {
            float sum = 0f;
            ConvolvePiece* piece = plan.Pieces(rowClass, columnClass, chunk, out int count);
            for (ConvolvePiece* end = piece + count; piece < end; piece++)
            {
                for (nint k = 0; k < piece->Length; k++)
                {
                    sum = MathF.FusedMultiplyAdd(source[piece->Source + k], filter[piece->Panel + k * PanelColumns], sum);
                }
            }

            total = chunk == 0 ? sum : total + sum;
        }

        return total;
    }
}
