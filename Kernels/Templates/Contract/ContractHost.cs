using System.Runtime.Intrinsics;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>
/// The host's loops of a contraction: panels outermost (a chunk of a panel is 16 KB and stays in L1 while all rows of the tile
/// pass), then chunks, then rows. X is read in place; sums of later chunks are added to Y while it is in L1.
/// </summary>
internal static unsafe class ContractHost
{
    private const int PanelColumns = ContractOrder.PanelColumns;

    /// <summary>Words of a chunk of a panel.</summary>
    private const int ChunkElements = ContractOrder.ChunkElements * PanelColumns;

    /// <summary>Depth up to which a sum costs less than the line of Y that it is written to.</summary>
    private const int ThinDepth = 64;

    /// <summary>Words of packed weight that stay close to the core while rows pass: 64 KB.</summary>
    private const int ThinElements = 16 * 1024;

    /// <summary>Words of packed weight from which on panels are fetched ahead: half of an L2 of 512 KB.</summary>
    private const int FetchedElements = 64 * 1024;

    /// <summary>Y[r, n] = sum over k of X[r, k] · packed[n / 16][k][n mod 16] for panels [panelBegin, panelEnd).</summary>
    /// <param name="wideRegisters">True for 32 registers of 16 lanes; the bits do not depend on it.</param>
    public static void Run(
        float* x, nint strideX, float* packed, float* y, nint strideY, int rows, int columns, int depth, int panelBegin, int panelEnd, bool wideRegisters)
    {
        int panel = panelBegin;
        if (depth == 0)
        {
            Clear(y, strideY, rows, panelBegin * PanelColumns, Math.Min(columns, panelEnd * PanelColumns));
            return;
        }

        int wholePanels = Math.Min(panelEnd, columns / PanelColumns);
        nint panelStride = (nint)depth * PanelColumns;
        float* fetchEnd = (panelEnd - panelBegin) * panelStride > FetchedElements ? packed + panelEnd * panelStride : null;
        if (rows == 1)
        {
            for (; panel + 4 <= wholePanels; panel += 4)
            {
                for (int chunk = 0; chunk < depth; chunk += ContractOrder.ChunkElements)
                {
                    ContractMicroKernels.Rows1Panels4(
                        x + chunk, packed + panel * panelStride + (nint)chunk * PanelColumns, panelStride, Math.Min(ContractOrder.ChunkElements, depth - chunk),
                        y + panel * PanelColumns, chunk > 0);
                }
            }
        }

        if (depth <= ThinDepth && rows > ContractMicroKernels.NarrowRows && (wholePanels - panel) * panelStride <= ThinElements)
        {
            Thin(x, strideX, packed, y, strideY, rows, depth, panel, wholePanels, wideRegisters);
            panel = Math.Max(panel, wholePanels);
        }

        if (wideRegisters || rows <= ContractMicroKernels.PairRows)
        {
            for (; panel + 2 <= wholePanels; panel += 2)
            {
                TwoPanels(x, strideX, packed + panel * panelStride, panelStride, y + panel * PanelColumns, strideY, rows, depth, fetchEnd);
            }
        }

        for (; panel < wholePanels; panel++)
        {
            OnePanel(x, strideX, packed + panel * panelStride, y + panel * PanelColumns, strideY, rows, depth, fetchEnd);
        }

        if (panel < panelEnd)
        {
            LastPanel(x, strideX, packed + panel * panelStride, y + panel * PanelColumns, strideY, rows, columns - panel * PanelColumns, depth);
        }
    }

    public static bool HasWideRegisters => Vector512.IsHardwareAccelerated;

    /// <summary>
    /// A product of few k, in one chunk: rows outermost, so that Y is written row by row. With panels outermost its lines, a row apart, fall
    /// on a few sets of L1, and each is fetched and evicted for sixteen sums of few FMAs.
    /// </summary>
    private static void Thin(
        float* x, nint strideX, float* packed, float* y, nint strideY, int rows, int depth, int panelBegin, int panelEnd, bool wideRegisters)
    {
        nint panelStride = (nint)depth * PanelColumns;
        for (int row = 0; row < rows;)
        {
            int height = RegisterRows.Next(rows - row, wideRegisters ? ContractWideKernels.Rows : ContractMicroKernels.NarrowRows);
            float* from = x + row * strideX;
            float* to = y + row * strideY;
            int panel = panelBegin;
            for (; wideRegisters && panel + 2 <= panelEnd; panel += 2)
            {
                RegisterTiles.TwoPanels(height, from, strideX, 1, packed + panel * panelStride, panelStride, depth, to + panel * PanelColumns, strideY, false);
            }

            for (; wideRegisters && panel < panelEnd; panel++)
            {
                OnePanel(from, strideX, packed + panel * panelStride, to + panel * PanelColumns, strideY, height, depth, null);
            }

            if (panel < panelEnd)
            {
                ContractThinKernels.Panels(height, from, strideX, packed + panel * panelStride, panelEnd - panel, depth, to + panel * PanelColumns, strideY);
            }

            row += height;
        }
    }

    private static void TwoPanels(float* x, nint strideX, float* packed, nint panelStride, float* y, nint strideY, int rows, int depth, float* fetchEnd)
    {
        for (int chunk = 0; chunk < depth; chunk += ContractOrder.ChunkElements)
        {
            int length = Math.Min(ContractOrder.ChunkElements, depth - chunk);
            float* panel = packed + (nint)chunk * PanelColumns;
            bool isLast = chunk + length == depth;
            int tiles = (rows + ContractWideKernels.Rows - 1) / ContractWideKernels.Rows;
            var ahead = new LinesAhead(isLast ? panel + panelStride + length * PanelColumns : panel + length * PanelColumns, ChunkElements, fetchEnd, tiles);
            var second = new LinesAhead(panel + panelStride + (isLast ? panelStride : 0) + length * PanelColumns, ChunkElements, fetchEnd, tiles);
            for (int row = 0; row < rows;)
            {
                ahead.Fetch();
                second.Fetch();
                int height = RegisterRows.Next(rows - row, ContractWideKernels.Rows);
                RegisterTiles.TwoPanels(height, x + row * strideX + chunk, strideX, 1, panel, panelStride, length, y + row * strideY, strideY, chunk > 0);
                row += height;
            }
        }
    }

    private static void OnePanel(float* x, nint strideX, float* packed, float* y, nint strideY, int rows, int depth, float* fetchEnd)
    {
        for (int chunk = 0; chunk < depth; chunk += ContractOrder.ChunkElements)
        {
            int length = Math.Min(ContractOrder.ChunkElements, depth - chunk);
            float* panel = packed + (nint)chunk * PanelColumns;
            var ahead = new LinesAhead(
                panel + length * PanelColumns, ChunkElements, fetchEnd, (rows + ContractMicroKernels.NarrowRows - 1) / ContractMicroKernels.NarrowRows);
            for (int row = 0; row < rows;)
            {
                ahead.Fetch();
                int height = RegisterRows.Next(rows - row, ContractMicroKernels.NarrowRows);
                RegisterTiles.OnePanel(height, x + row * strideX + chunk, strideX, 1, panel, length, y + row * strideY, strideY, chunk > 0);
                row += height;
            }
        }
    }

    /// <summary>The panel that is only partly columns: summed beside Y, so that nothing past the last column is written.</summary>
    private static void LastPanel(float* x, nint strideX, float* packed, float* y, nint strideY, int rows, int columns, int depth)
    {
        float* block = stackalloc float[ContractMicroKernels.NarrowRows * PanelColumns];
        for (int row = 0; row < rows;)
        {
            int count = RegisterRows.Next(rows - row, ContractMicroKernels.NarrowRows);
            OnePanel(x + row * strideX, strideX, packed, block, PanelColumns, count, depth, null);
            for (int i = 0; i < count; i++)
            {
                new ReadOnlySpan<float>(block + i * PanelColumns, columns).CopyTo(new Span<float>(y + (row + i) * strideY, columns));
            }

            row += count;
        }
    }

    private static void Clear(float* y, nint strideY, int rows, int begin, int end)
    {
        for (int row = 0; row < rows; row++)
        {
            new Span<float>(y + row * strideY + begin, end - begin).Clear();
        }
    }
}
