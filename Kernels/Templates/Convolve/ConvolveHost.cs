using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>
/// The host's loops of a convolution over one block of results. Six results of one class at a time, wherever they lie, keep
/// their sums in registers and read the source in place: no image is unfolded in memory. A chunk of a panel (16 KB) stays in L1
/// while all results of the block pass.
/// </summary>
internal static unsafe class ConvolveHost
{
    private const int PanelColumns = ContractOrder.PanelColumns;

    /// <summary>Results of a register tile.</summary>
    private const int TilePixels = 6;

    /// <summary>The results of one class in a block: their addresses stand together in the tables.</summary>
    private struct Segment
    {
        public int RowClass;
        public int ColumnClass;
        public int Begin;
        public int Count;
    }

    /// <summary>y for results [i, iEnd) x [j, jEnd) and panels [panelBegin, panelEnd) of each group.</summary>
    public static void Block(
        ConvolvePlan plan, float* x, float* packed, float* y, int i, int iEnd, int j, int jEnd, int panelBegin, int panelEnd, bool wideRegisters)
    {
        ConvolveGeometry g = plan.Geometry;
        int pixels = (iEnd - i) * (jEnd - j);
        float** sources = stackalloc float*[pixels];
        float** results = stackalloc float*[pixels];
        Segment* segments = stackalloc Segment[plan.Rows.Count * plan.Columns.Count];
        int segmentCount = Fill(plan, x, y, i, iEnd, j, jEnd, sources, results, segments);
        if (g.IsDepthwise)
        {
            for (int s = 0; s < segmentCount; s++)
            {
                ConvolveDepthwise.Segment(
                    plan, packed, segments[s].RowClass, segments[s].ColumnClass, sources + segments[s].Begin, results + segments[s].Begin,
                    segments[s].Count, panelBegin, panelEnd);
            }

            return;
        }

        nint panelStride = (nint)g.Depth * PanelColumns;
        int panels = PackedFilter.PanelCount(g);
        for (int group = 0; group < g.Groups; group++)
        {
            float* groupPanels = packed + group * panels * panelStride;
            nint sourceOffset = (nint)group * g.SourceChannelsPerGroup;
            for (int panel = panelBegin; panel < panelEnd;)
            {
                int columns = g.ResultChannelsPerGroup - panel * PanelColumns;
                bool two = wideRegisters && columns >= 2 * PanelColumns && panel + 2 <= panelEnd;
                Panel(
                    plan, groupPanels + panel * panelStride, two, sourceOffset, sources, results, segments, segmentCount,
                    group * g.ResultChannelsPerGroup + panel * PanelColumns, Math.Min(columns, PanelColumns));
                panel += two ? 2 : 1;
            }
        }
    }

    /// <summary>Lists the results of the block class by class, each with the address of its first source pixel and of its first channel.</summary>
    private static int Fill(
        ConvolvePlan plan, float* x, float* y, int i, int iEnd, int j, int jEnd, float** sources, float** results, Segment* segments)
    {
        int filled = 0;
        int segmentCount = 0;
        nint sourceRow = (nint)plan.Geometry.Width.Source * plan.SourcePitch;
        nint resultRow = (nint)plan.Geometry.Width.Result * plan.ResultPitch;
        for (int rowClass = 0; rowClass < plan.Rows.Count; rowClass++)
        {
            plan.Rows.Range(rowClass, i, iEnd, out int firstRow, out int lastRow);
            int[] rows = plan.Rows.Members[rowClass];
            for (int columnClass = 0; columnClass < plan.Columns.Count && firstRow < lastRow; columnClass++)
            {
                plan.Columns.Range(columnClass, j, jEnd, out int firstColumn, out int lastColumn);
                int[] columns = plan.Columns.Members[columnClass];
                if (firstColumn == lastColumn)
                {
                    continue;
                }

                segments[segmentCount++] = new Segment
                {
                    RowClass = rowClass,
                    ColumnClass = columnClass,
                    Begin = filled,
                    Count = (lastRow - firstRow) * (lastColumn - firstColumn),
                };
                for (int row = firstRow; row < lastRow; row++)
                {
                    float* source = x + plan.Rows.First[rows[row]] * sourceRow;
                    float* result = y + rows[row] * resultRow;
                    for (int column = firstColumn; column < lastColumn; column++)
                    {
                        sources[filled] = source + (nint)plan.Columns.First[columns[column]] * plan.SourcePitch;
                        results[filled++] = result + (nint)columns[column] * plan.ResultPitch;
                    }
                }
            }
        }

        return segmentCount;
    }

    /// <summary>One panel, or two side by side, over all results of the block.</summary>
    private static void Panel(
        ConvolvePlan plan, float* panel, bool two, nint sourceOffset, float** sources, float** results, Segment* segments, int segmentCount,
        nint channel, int columns)
    {
        bool isWhole = columns == PanelColumns;
        for (int chunk = 0; chunk < plan.Chunks && isWhole; chunk++)
        {
            for (int s = 0; s < segmentCount; s++)
            {
                ConvolvePiece* pieces = plan.Pieces(segments[s].RowClass, segments[s].ColumnClass, chunk, out int count);
                int end = segments[s].Begin + segments[s].Count / TilePixels * TilePixels;
                for (int tile = segments[s].Begin; tile < end; tile += TilePixels)
                {
                    Kernel(plan, panel, two, sources + tile, sourceOffset, pieces, count, results + tile, channel, chunk > 0);
                }
            }
        }

        // What does not fill a register tile or a panel is summed beside the result, so that nothing else is written.
        float* block = stackalloc float[TilePixels * 2 * PanelColumns];
        float** tileSources = stackalloc float*[TilePixels];
        float** tileResults = stackalloc float*[TilePixels];
        int width = two ? 2 * PanelColumns : columns;
        for (int i = 0; i < TilePixels; i++)
        {
            tileResults[i] = block + i * 2 * PanelColumns;
        }

        for (int s = 0; s < segmentCount; s++)
        {
            int begin = segments[s].Begin + (isWhole ? segments[s].Count / TilePixels * TilePixels : 0);
            int end = segments[s].Begin + segments[s].Count;
            for (int tile = begin; tile < end; tile += TilePixels)
            {
                int pixels = Math.Min(TilePixels, end - tile);
                for (int i = 0; i < TilePixels; i++)
                {
                    tileSources[i] = sources[tile + Math.Min(i, pixels - 1)];
                }

                for (int chunk = 0; chunk < plan.Chunks; chunk++)
                {
                    ConvolvePiece* pieces = plan.Pieces(segments[s].RowClass, segments[s].ColumnClass, chunk, out int count);
                    Kernel(plan, panel, two, tileSources, sourceOffset, pieces, count, tileResults, 0, chunk > 0);
                }

                for (int i = 0; i < pixels; i++)
                {
                    new ReadOnlySpan<float>(tileResults[i], width).CopyTo(new Span<float>(results[tile + i] + channel, width));
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Kernel(
        ConvolvePlan plan, float* panel, bool two, float** sources, nint sourceOffset, ConvolvePiece* pieces, int count, float** results, nint channel, bool add)
    {
        if (two)
        {
            ConvolveMicroKernels.Pixels6Panels2(
                sources, sourceOffset, panel, (nint)plan.Geometry.Depth * PanelColumns, pieces, count, results, channel, add);
        }
        else
        {
            ConvolveMicroKernels.Pixels6Panels1(sources, sourceOffset, panel, pieces, count, results, channel, add);
        }
    }
}

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
