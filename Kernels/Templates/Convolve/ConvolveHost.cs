using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>
/// The host's loops of a convolution over one block of results. A few results of one class at a time, wherever they lie, keep
/// their sums in registers and read the source in place: no image is unfolded in memory. A chunk of a panel (16 KB) stays in L1
/// while all results of the block pass; the next one is fetched into L2 meanwhile.
/// </summary>
internal static unsafe class ConvolveHost
{
    private const int PanelColumns = ContractOrder.PanelColumns;

    /// <summary>The results of one class in a block: their addresses stand together in the tables.</summary>
    private readonly struct Segment(int rowClass, int columnClass, int begin, int count)
    {
        public readonly int RowClass = rowClass;
        public readonly int ColumnClass = columnClass;
        public readonly int Begin = begin;

        /// <summary>Register tiles, of nearly equal size.</summary>
        public readonly int Tiles = (count + ConvolveMicroKernels.Pixels - 1) / ConvolveMicroKernels.Pixels;

        /// <summary>The few results of a corner, which want two panels to hide the latency of an FMA.</summary>
        public readonly bool IsNarrow = count <= ConvolveMicroKernels.PairPixels;

        private readonly int _least = count / ((count + ConvolveMicroKernels.Pixels - 1) / ConvolveMicroKernels.Pixels);
        private readonly int _larger = count % ((count + ConvolveMicroKernels.Pixels - 1) / ConvolveMicroKernels.Pixels);

        public int Count => count;

        /// <summary>Results of a tile: the larger ones come first.</summary>
        public int TilePixels(int tile) => tile < _larger ? _least + 1 : _least;
    }

    /// <summary>What the loops over one block and one group of channels share.</summary>
    private readonly ref struct BlockLoops(
        ConvolvePlan plan, nint sourceOffset, float* panelsEnd, float** sources, float** results, Segment* segments, int segmentCount, int pixels,
        bool wideRegisters)
    {
        public readonly ConvolvePlan Plan = plan;
        public readonly nint SourceOffset = sourceOffset;
        public readonly float** Sources = sources;
        public readonly float** Results = results;
        public readonly Segment* Segments = segments;
        public readonly int SegmentCount = segmentCount;
        public readonly bool WideRegisters = wideRegisters;

        /// <summary>Where the panels end that are fetched ahead; nowhere if the filter stays in L2 anyway.</summary>
        private readonly float* _fetchEnd = PackedFilter.LengthElements(plan.Geometry) > ConvolvePlan.BlockSourceElements ? panelsEnd : null;

        /// <summary>Register tiles of the block, about.</summary>
        private readonly int _tiles = Math.Max(1, pixels / ConvolveMicroKernels.Pixels);

        public nint PanelStride => (nint)Plan.Geometry.Depth * PanelColumns;

        /// <summary>What is read after a chunk of a panel, when so many panels go together: its next chunk, or the next panel's first one.</summary>
        public LinesAhead After(float* panel, int panels, int chunk, int chunkBegin, int chunkEnd)
        {
            const int chunkElements = ContractOrder.ChunkElements * PanelColumns;
            float* next = chunk + 1 < chunkEnd ? panel + (nint)(chunk + 1) * chunkElements : panel + panels * PanelStride + (nint)chunkBegin * chunkElements;
            return new LinesAhead(next, chunkElements, _fetchEnd, _tiles);
        }
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

        int panels = PackedFilter.PanelCount(g);
        nint panelStride = (nint)g.Depth * PanelColumns;
        int wholeEnd = Math.Min(panelEnd, g.ResultChannelsPerGroup / PanelColumns);
        for (int group = 0; group < g.Groups; group++)
        {
            float* groupPanels = packed + group * panels * panelStride;
            var loops = new BlockLoops(
                plan, (nint)group * g.SourceChannelsPerGroup, groupPanels + wholeEnd * panelStride, sources, results, segments, segmentCount, pixels,
                wideRegisters);
            nint channel = (nint)group * g.ResultChannelsPerGroup;
            for (int panel = panelBegin; panel < wholeEnd; panel += plan.BlockPanels)
            {
                Panels(in loops, groupPanels + panel * loops.PanelStride, Math.Min(plan.BlockPanels, wholeEnd - panel), channel + panel * PanelColumns);
            }

            if (wholeEnd < panelEnd)
            {
                LastPanel(
                    in loops, groupPanels + wholeEnd * loops.PanelStride, channel + wholeEnd * PanelColumns,
                    g.ResultChannelsPerGroup - wholeEnd * PanelColumns);
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

                segments[segmentCount++] = new Segment(rowClass, columnClass, filled, (lastRow - firstRow) * (lastColumn - firstColumn));
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

    /// <summary>Some whole panels over all results of the block: some chunks of every panel, then the next chunks.</summary>
    private static void Panels(in BlockLoops loops, float* first, int panels, nint channel)
    {
        for (int begin = 0; begin < loops.Plan.Chunks; begin += loops.Plan.BlockChunks)
        {
            int end = Math.Min(loops.Plan.Chunks, begin + loops.Plan.BlockChunks);
            for (int panel = 0; panel < panels; panel += 2)
            {
                float* at = first + panel * loops.PanelStride;
                nint to = channel + panel * PanelColumns;
                bool two = panel + 1 < panels;
                bool pairs = two && loops.WideRegisters;
                if (!pairs)
                {
                    OnePanel(in loops, at, to, begin, end, leavesNarrow: two);
                }

                if (two && !pairs)
                {
                    OnePanel(in loops, at + loops.PanelStride, to + PanelColumns, begin, end, leavesNarrow: true);
                }

                if (two)
                {
                    TwoPanels(in loops, at, to, begin, end, onlyNarrow: !pairs);
                }
            }
        }
    }

    /// <param name="leavesNarrow">True if narrow segments are left for two panels.</param>
    private static void OnePanel(in BlockLoops loops, float* panel, nint channel, int chunkBegin, int chunkEnd, bool leavesNarrow)
    {
        for (int chunk = chunkBegin; chunk < chunkEnd; chunk++)
        {
            LinesAhead ahead = loops.After(panel, 1, chunk, chunkBegin, chunkEnd);
            for (int s = 0; s < loops.SegmentCount; s++)
            {
                Segment segment = loops.Segments[s];
                if (leavesNarrow && segment.IsNarrow)
                {
                    continue;
                }

                ConvolvePiece* pieces = loops.Plan.Pieces(segment.RowClass, segment.ColumnClass, chunk, out int count);
                int at = segment.Begin;
                for (int tile = 0; tile < segment.Tiles; tile++)
                {
                    ahead.Fetch();
                    int pixels = segment.TilePixels(tile);
                    ConvolveTiles.OnePanel(pixels, loops.Sources + at, loops.SourceOffset, panel, pieces, count, loops.Results + at, channel, chunk > 0);
                    at += pixels;
                }
            }
        }
    }

    private static void TwoPanels(in BlockLoops loops, float* panel, nint channel, int chunkBegin, int chunkEnd, bool onlyNarrow)
    {
        for (int chunk = chunkBegin; chunk < chunkEnd; chunk++)
        {
            LinesAhead ahead = loops.After(panel, 2, chunk, chunkBegin, chunkEnd);
            LinesAhead second = loops.After(panel + loops.PanelStride, 2, chunk, chunkBegin, chunkEnd);
            for (int s = 0; s < loops.SegmentCount; s++)
            {
                Segment segment = loops.Segments[s];
                if (onlyNarrow && !segment.IsNarrow)
                {
                    continue;
                }

                ConvolvePiece* pieces = loops.Plan.Pieces(segment.RowClass, segment.ColumnClass, chunk, out int count);
                int at = segment.Begin;
                for (int tile = 0; tile < segment.Tiles; tile++)
                {
                    ahead.Fetch();
                    second.Fetch();
                    int pixels = segment.TilePixels(tile);
                    ConvolveTiles.TwoPanels(
                        pixels, loops.Sources + at, loops.SourceOffset, panel, loops.PanelStride, pieces, count, loops.Results + at, channel, chunk > 0);
                    at += pixels;
                }
            }
        }
    }

    /// <summary>The panel that is only partly channels: summed beside the result, so that nothing past the last channel is written.</summary>
    private static void LastPanel(in BlockLoops loops, float* panel, nint channel, int columns)
    {
        float* block = stackalloc float[ConvolveMicroKernels.Pixels * PanelColumns];
        float** sums = stackalloc float*[ConvolveMicroKernels.Pixels];
        for (int i = 0; i < ConvolveMicroKernels.Pixels; i++)
        {
            sums[i] = block + i * PanelColumns;
        }

        for (int s = 0; s < loops.SegmentCount; s++)
        {
            Segment segment = loops.Segments[s];
            int at = segment.Begin;
            for (int tile = 0; tile < segment.Tiles; tile++)
            {
                int pixels = segment.TilePixels(tile);
                for (int chunk = 0; chunk < loops.Plan.Chunks; chunk++)
                {
                    ConvolvePiece* pieces = loops.Plan.Pieces(segment.RowClass, segment.ColumnClass, chunk, out int count);
                    ConvolveTiles.OnePanel(pixels, loops.Sources + at, loops.SourceOffset, panel, pieces, count, sums, 0, chunk > 0);
                }

                for (int i = 0; i < pixels; i++)
                {
                    new ReadOnlySpan<float>(sums[i], columns).CopyTo(new Span<float>(loops.Results[at + i] + channel, columns));
                }

                at += pixels;
            }
        }
    }
}
