using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates.Contract;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>
/// The host's loops of a filter's gradient, chunk by chunk of 256 pixels. The chunk's source is copied once, as blocks of 6
/// channels side by side, and its dY as panels of 16: read in place, pixels that lie a power of two apart fall on a few sets of
/// L1. Sixteen (or 32) result channels by six source channels keep their sums in registers for a tap; the taps are shifts of the
/// same copy. Sums of chunks are added into totals laid out like a packed filter.
/// </summary>
internal static unsafe class SampleConvolveHost
{
    private const int PanelColumns = ContractOrder.PanelColumns;
    private const int ChunkRows = ContractOrder.ChunkElements;

    /// <summary>Sixteen or fewer neighbouring result channels of one group.</summary>
    private struct Panel
    {
        public int First;
        public int Count;
        public int Group;
    }

    /// <summary>The rows [rowBegin, rowBegin + rows) of the gradient, continuing the totals before if there are some.</summary>
    public static void Run(
        SampleConvolvePlan plan, SampleRows dy, SampleRows x, float* output, nint strideOutput, float* before, nint strideBefore,
        int rowBegin, int rows, float* scratch, bool wideRegisters)
    {
        ConvolveGeometry g = plan.Geometry;
        Panel* panels = stackalloc Panel[plan.MaximumPanels(rows)];
        int panelCount = CutPanels(g, rowBegin, rows, panels);
        var pieces = (SampleConvolvePiece*)scratch;
        float* source = scratch + plan.PiecesElements;
        float* gradients = source + plan.SourceElements;
        float* totals = gradients + (nint)panelCount * ChunkRows * PanelColumns;
        nint level = (nint)(panelCount * plan.PanelElements);
        SampleConvolveSegment* segments = stackalloc SampleConvolveSegment[ChunkRows];
        int* pieceCounts = stackalloc int[g.Height.Taps * g.Width.Taps];
        for (int panel = 0; before != null && panel < panelCount; panel++)
        {
            Pack(before + (nint)(panels[panel].First - rowBegin) * strideBefore, strideBefore, panels[panel].Count, totals + (nint)(panel * plan.PanelElements), g.Depth);
        }

        for (int group = 0; group < plan.GroupCount; group++)
        {
            int groupRows = Math.Min(plan.GroupSamples, plan.Samples - group * plan.GroupSamples) * g.ResultPixels;
            for (int row = 0; row < groupRows; row += ChunkRows)
            {
                int segmentCount = plan.Segments(group, row, Math.Min(groupRows, row + ChunkRows), segments);
                for (int tap = 0; tap < g.Height.Taps * g.Width.Taps; tap++)
                {
                    pieceCounts[tap] = plan.Pieces(tap / g.Width.Taps, tap % g.Width.Taps, segments, segmentCount, pieces + (nint)tap * ChunkRows);
                }

                PackGradients(dy, g, segments, segmentCount, panels, panelCount, gradients);
                for (int panel = 0; panel < panelCount;)
                {
                    if (panel == 0 || panels[panel].Group != panels[panel - 1].Group)
                    {
                        PackSource(plan, x.FromColumn((nint)panels[panel].Group * g.SourceChannelsPerGroup), segments, segmentCount, source);
                    }

                    bool two = wideRegisters && panel + 1 < panelCount && panels[panel + 1].Group == panels[panel].Group;
                    Chunk(
                        plan, gradients + (nint)panel * ChunkRows * PanelColumns, two, source, pieces, pieceCounts,
                        totals + (nint)(panel * plan.PanelElements), isFirst: row == 0 && before == null);
                    panel += two ? 2 : 1;
                }
            }

            Merge(totals, level, group, last: group == plan.GroupCount - 1);
        }

        for (int panel = 0; panel < panelCount; panel++)
        {
            float* target = output + (nint)(panels[panel].First - rowBegin) * strideOutput;
            if (plan.GroupCount == 0)
            {
                for (int lane = 0; lane < panels[panel].Count; lane++)
                {
                    new Span<float>(target + lane * strideOutput, g.Depth).Clear();
                }
            }
            else
            {
                Unpack(totals + (nint)(panel * plan.PanelElements), g.Depth, target, strideOutput, panels[panel].Count);
            }
        }
    }

    private static int CutPanels(ConvolveGeometry g, int begin, int rows, Panel* panels)
    {
        int count = 0;
        for (int row = begin; row < begin + rows;)
        {
            int group = row / g.ResultChannelsPerGroup;
            int end = Math.Min(Math.Min(begin + rows, (group + 1) * g.ResultChannelsPerGroup), row + PanelColumns);
            panels[count++] = new Panel { First = row, Count = end - row, Group = group };
            row = end;
        }

        return count;
    }

    /// <summary>One panel, or two side by side, over one chunk: all blocks of source channels, all taps.</summary>
    private static void Chunk(
        SampleConvolvePlan plan, float* gradients, bool two, float* source, SampleConvolvePiece* pieces, int* pieceCounts, float* totals, bool isFirst)
    {
        ConvolveGeometry g = plan.Geometry;
        float* sum = stackalloc float[2 * SampleConvolvePlan.TileChannels * PanelColumns];
        int taps = g.Height.Taps * g.Width.Taps;
        foreach ((int first, int count, int height, int offset) in plan.Blocks)
        {
            float* block = source + (nint)offset * plan.SourcePixels;
            for (int tap = 0; tap < taps; tap++)
            {
                SampleConvolvePiece* piece = pieces + (nint)tap * ChunkRows;
                float* total = totals + ((nint)tap * g.SourceChannelsPerGroup + first) * PanelColumns;
                if (two)
                {
                    if (height == SampleConvolvePlan.TileChannels)
                    {
                        SampleConvolveMicroKernels.Channels6Panels2(
                            block, g.Width.Stride, gradients, ChunkRows * PanelColumns, piece, pieceCounts[tap], sum);
                    }
                    else
                    {
                        SampleConvolveMicroKernels.Channels4Panels2(
                            block, g.Width.Stride, gradients, ChunkRows * PanelColumns, piece, pieceCounts[tap], sum);
                    }

                    Accumulate(sum, total, count, isFirst);
                    Accumulate(sum + height * PanelColumns, total + (nint)plan.PanelElements, count, isFirst);
                    continue;
                }

                if (height == SampleConvolvePlan.TileChannels)
                {
                    SampleConvolveMicroKernels.Channels6Panels1(block, g.Width.Stride, gradients, piece, pieceCounts[tap], sum);
                }
                else
                {
                    SampleConvolveMicroKernels.Channels4Panels1(block, g.Width.Stride, gradients, piece, pieceCounts[tap], sum);
                }

                Accumulate(sum, total, count, isFirst);
            }
        }
    }

    private static void Accumulate(float* sum, float* total, int rows, bool isFirst)
    {
        for (int i = 0; i < rows; i++, sum += PanelColumns, total += PanelColumns)
        {
            Vector512<float> s = Vector512.Load(sum);
            (isFirst ? s : Vector512.Load(total) + s).Store(total);
        }
    }

    /// <summary>One more step of the counter; the last groups the sum of all groups in <paramref name="totals"/>.</summary>
    private static void Merge(float* totals, nint level, int group, bool last)
    {
        int mask = SampleContractMicroKernels.MergeMask(group, last);
        for (int bit = 0; mask >> bit != 0; bit++)
        {
            if ((mask >> bit & 1) == 0)
            {
                continue;
            }

            float* pending = totals + (bit + 1) * level;
            for (nint i = 0; i < level; i += PanelColumns)
            {
                (Vector512.Load(pending + i) + Vector512.Load(totals + i)).Store(totals + i);
            }
        }

        if (!last)
        {
            float* target = totals + (System.Numerics.BitOperations.PopCount((uint)mask) + 1) * level;
            for (nint i = 0; i < level; i += PanelColumns)
            {
                Vector512.Load(totals + i).Store(target + i);
            }
        }
    }

    /// <summary>dY as [panel][row of the chunk][16]; lanes past a panel's last channel are zero.</summary>
    private static void PackGradients(
        SampleRows dy, ConvolveGeometry g, SampleConvolveSegment* segments, int segmentCount, Panel* panels, int panelCount, float* packed)
    {
        nint pitch = dy.StrideElements;
        for (int panel = 0; panel < panelCount; panel++)
        {
            float* target = packed + (nint)panel * ChunkRows * PanelColumns;
            int count = panels[panel].Count;
            for (int s = 0; s < segmentCount; s++)
            {
                SampleRows first = dy.FromElement(((nint)segments[s].Sample * g.ResultPixels + segments[s].Pixel) * pitch + panels[panel].First);
                if (dy.IsPaired)
                {
                    target = PackPairedGradients(first.Halves, pitch, segments[s].Count, count, target);
                    continue;
                }

                float* from = first.Floats;
                for (int i = 0; i < segments[s].Count; i++, from += pitch, target += PanelColumns)
                {
                    if (count == PanelColumns)
                    {
                        Vector512.Load(from).Store(target);
                        continue;
                    }

                    Vector512<float>.Zero.Store(target);
                    for (int lane = 0; lane < count; lane++)
                    {
                        target[lane] = from[lane];
                    }
                }
            }
        }
    }

    private static float* PackPairedGradients(ushort* from, nint pitch, int pixels, int count, float* target)
    {
        for (int i = 0; i < pixels; i++, from += pitch, target += PanelColumns)
        {
            if (count == PanelColumns)
            {
                BFloat16Pairs.Load(from).Store(target);
                continue;
            }

            Vector512<float>.Zero.Store(target);
            BFloat16Pairs.Widen(from, target, count);
        }

        return target;
    }

    /// <summary>The source of the chunk as [block][pixel][channels of the block]; channels past the last are zero.</summary>
    private static void PackSource(
        SampleConvolvePlan plan, SampleRows x, SampleConvolveSegment* segments, int segmentCount, float* packed)
    {
        nint pitch = x.StrideElements;
        ConvolveGeometry g = plan.Geometry;
        foreach ((int first, int count, int height, int offset) in plan.Blocks)
        {
            for (int s = 0; s < segmentCount; s++)
            {
                SampleConvolveSegment segment = segments[s];
                float* target = packed + (nint)offset * plan.SourcePixels + (nint)segment.Base * height;
                for (int h = segment.Top; h < segment.Bottom; h++)
                {
                    SampleRows row = x.FromElement(((nint)segment.Sample * g.SourcePixels + (nint)h * g.Width.Source + segment.Left) * pitch + first);
                    float* from = row.Floats;
                    int width = segment.Right - segment.Left;
                    if (row.IsPaired)
                    {
                        CopyPaired(row.Halves, pitch, target, width, count, height);
                    }
                    else if (count == 6)
                    {
                        Copy6(from, pitch, target, width);
                    }
                    else if (count == 4)
                    {
                        Copy4(from, pitch, target, width);
                    }
                    else
                    {
                        CopyPart(from, pitch, target, width, count, height);
                    }

                    target += (nint)width * height;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Copy6(float* from, nint pitch, float* target, int width)
    {
        for (int w = 0; w < width; w++, from += pitch, target += 6)
        {
            Vector128.Load(from).Store(target);
            Vector64.Load(from + 4).Store(target + 4);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Copy4(float* from, nint pitch, float* target, int width)
    {
        for (int w = 0; w < width; w++, from += pitch, target += 4)
        {
            Vector128.Load(from).Store(target);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyPaired(ushort* from, nint pitch, float* target, int width, int count, int height)
    {
        for (int w = 0; w < width; w++, from += pitch, target += height)
        {
            int c = 0;
            for (; c + 4 <= count; c += 4)
            {
                Vector128<uint> bits = Vector128.WidenLower(Vector64.Load(from + c).ToVector128());
                (bits << 16).AsSingle().Store(target + c);
            }

            for (; c < count; c++)
            {
                target[c] = BFloat16Pairs.Widen(from[c]);
            }

            for (; c < height; c++)
            {
                target[c] = 0f;
            }
        }
    }

    private static void CopyPart(float* from, nint pitch, float* target, int width, int count, int height)
    {
        for (int w = 0; w < width; w++, from += pitch, target += height)
        {
            for (int c = 0; c < height; c++)
            {
                target[c] = c < count ? from[c] : 0f;
            }
        }
    }

    /// <summary>Rows of a gradient to totals [k][16]; lanes past the last row are zero.</summary>
    private static void Pack(float* rows, nint stride, int lanes, float* total, int depth)
    {
        new Span<float>(total, depth * PanelColumns).Clear();
        for (int lane = 0; lane < lanes; lane++)
        {
            for (int k = 0; k < depth; k++)
            {
                total[(nint)k * PanelColumns + lane] = rows[lane * stride + k];
            }
        }
    }

    /// <summary>Totals [k][16] to rows of the gradient, sixteen k at a time.</summary>
    private static void Unpack(float* total, int depth, float* output, nint stride, int lanes)
    {
        for (int k = 0; k < depth; k += PanelColumns)
        {
            int count = Math.Min(PanelColumns, depth - k);
            for (int lane = 0; lane < lanes; lane++)
            {
                float* from = total + (nint)k * PanelColumns + lane;
                float* target = output + lane * stride + k;
                for (int i = 0; i < count; i++)
                {
                    target[i] = from[(nint)i * PanelColumns];
                }
            }
        }
    }
}
