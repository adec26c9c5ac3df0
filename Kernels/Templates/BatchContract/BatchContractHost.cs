using System.Runtime.Intrinsics;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.BatchContract;

/// <summary>
/// One product of a size like an attention's, 128 x 128 x 64: B is packed into panels on the stack, some columns at a time, and the
/// loops of <see cref="ContractHost"/> run over them. An A that is stored transposed is turned in blocks of rows: that moves K
/// words for 2 K N operations.
/// </summary>
internal static unsafe class BatchContractHost
{
    /// <summary>Words of packed columns on the stack, 64 KB.</summary>
    private const int PanelElements = 16 * 1024;

    /// <summary>Words of turned rows on the stack, 48 KB.</summary>
    private const int BlockElements = 12 * 1024;

    /// <summary>From so many operations on packing pays beside the loops for the smallest products.</summary>
    private const long LargeProduct = 2L * 32 * 64 * 32;

    /// <summary>True for a product that is worth the packing.</summary>
    public static bool Takes(BatchContractArguments p) => 2L * p.Rows * p.Columns * p.Depth >= LargeProduct;

    public static void Run(float* a, float* b, float* c, BatchContractArguments p)
    {
        int panelsAtOnce = PanelElements / (16 * Math.Max(p.Depth, 1));
        int blockRows = Math.Min(p.Rows, BlockElements / Math.Max(p.Depth, 1) / 12 * 12);
        if (panelsAtOnce == 0 || blockRows == 0)
        {
            Plain(a, b, c, p);
            return;
        }

        int panels = (p.Columns + 15) / 16;
        panelsAtOnce = Math.Min(panels, Math.Max(1, panelsAtOnce / 2 * 2));
        float* packed = stackalloc float[panelsAtOnce * 16 * p.Depth];
        float* turned = stackalloc float[p.DepthStrideA == 1 ? 1 : blockRows * p.Depth];
        for (int panel = 0; panel < panels; panel += panelsAtOnce)
        {
            int count = Math.Min(panelsAtOnce, panels - panel);
            int columns = Math.Min(count * 16, p.Columns - panel * 16);
            Pack(b + (nint)panel * 16 * p.ColumnStrideB, packed, count, columns, p.Depth, p);
            if (p.DepthStrideA == 1)
            {
                ContractHost.Run(
                    a, p.RowStrideA, packed, c + panel * 16, p.RowStrideC, p.Rows, columns, p.Depth, 0, count, ContractHost.HasWideRegisters);
                continue;
            }

            for (int row = 0; row < p.Rows; row += blockRows)
            {
                int rows = Math.Min(blockRows, p.Rows - row);
                Turn(a + (nint)row * p.RowStrideA, turned, rows, p);
                ContractHost.Run(
                    turned, p.Depth, packed, c + (nint)row * p.RowStrideC + panel * 16, p.RowStrideC, rows, columns, p.Depth, 0, count,
                    ContractHost.HasWideRegisters);
            }
        }
    }

    /// <summary>
    /// A small product whose rows of C lie side by side. Panels go from the last to the first and rows upwards: what the last, partial
    /// panel writes past a row is the beginning of the next one, which the first panel still writes. Its last register tile is
    /// summed beside C, so that nothing past C is written.
    /// </summary>
    /// <param name="packed">B in panels.</param>
    public static void Small(float* a, float* packed, float* c, BatchContractArguments p, bool wideRegisters)
    {
        float* rest = stackalloc float[ContractWideKernels.Rows * 32];
        int panels = (p.Columns + 15) / 16;
        for (int panel = panels; panel > 0;)
        {
            int width = wideRegisters && panel > 1 ? 2 : 1;
            panel -= width;
            int columns = Math.Min(width * 16, p.Columns - panel * 16);
            bool isPartial = columns < width * 16;

            // No panel comes after this one to write the next row's beginning: either the row itself does, once, or all are summed beside C.
            bool fromTheLeft = panel == 0 && (width == 1 || p.Depth > ContractOrder.ChunkElements);
            for (int row = 0; row < p.Rows;)
            {
                int height = RegisterRows.Next(p.Rows - row, width == 2 ? ContractWideKernels.Rows : ContractMicroKernels.NarrowRows);
                bool beside = isPartial && (fromTheLeft || row + height == p.Rows);
                float* to = c + (nint)row * p.Columns + panel * 16;
                float* target = beside ? rest : to;
                nint stride = beside ? width * 16 : p.Columns;
                for (int chunk = 0; chunk < Math.Max(1, p.Depth); chunk += ContractOrder.ChunkElements)
                {
                    float* from = a + (nint)row * p.RowStrideA + (nint)chunk * p.DepthStrideA;
                    float* at = packed + (nint)panel * 16 * p.Depth + (nint)chunk * 16;
                    int depth = Math.Min(ContractOrder.ChunkElements, p.Depth - chunk);
                    if (width == 2)
                    {
                        RegisterTiles.TwoPanels(height, from, p.RowStrideA, p.DepthStrideA, at, (nint)16 * p.Depth, depth, target, stride, chunk > 0);
                    }
                    else
                    {
                        RegisterTiles.OnePanel(height, from, p.RowStrideA, p.DepthStrideA, at, depth, target, stride, chunk > 0);
                    }
                }

                for (int i = 0; beside && i < height; i++)
                {
                    new ReadOnlySpan<float>(rest + i * stride, columns).CopyTo(new Span<float>(to + (nint)i * p.Columns, columns));
                }

                row += height;
            }
        }
    }

    /// <summary>Columns of B as panels [panel][k][16]; columns past the last are zero.</summary>
    public static void Pack(float* b, float* panel, int panels, int columns, int depth, BatchContractArguments p)
    {
        for (int i = 0; i < panels; i++, panel += (nint)depth * 16)
        {
            int count = Math.Min(16, columns - i * 16);
            float* from = b + (nint)i * 16 * p.ColumnStrideB;
            int k = 0;
            if (p.DepthStrideB == 1)
            {
                for (; k + 8 <= depth; k += 8)
                {
                    BatchContractTranspose.Transpose8(from + k, p.ColumnStrideB, panel + k * 16, Math.Min(8, count));
                    BatchContractTranspose.Transpose8(from + k + 8 * (nint)p.ColumnStrideB, p.ColumnStrideB, panel + k * 16 + 8, count - 8);
                }
            }

            for (; k < depth; k++)
            {
                PackRow(from + (nint)k * p.DepthStrideB, panel + k * 16, count, p.ColumnStrideB);
            }
        }
    }

    /// <summary>The product element by element: for what is too long to be packed.</summary>
    public static void Plain(float* a, float* b, float* c, BatchContractArguments p)
    {
        for (int i = 0; i < p.Rows; i++)
        {
            for (int j = 0; j < p.Columns; j++)
            {
                float total = 0f;
                for (int chunk = 0; chunk < p.Depth; chunk += ContractOrder.ChunkElements)
                {
                    float sum = 0f;
                    int end = Math.Min(p.Depth, chunk + ContractOrder.ChunkElements);
                    for (int k = chunk; k < end; k++)
                    {
                        sum = MathF.FusedMultiplyAdd(
                            a[(nint)i * p.RowStrideA + (nint)k * p.DepthStrideA], b[(nint)k * p.DepthStrideB + (nint)j * p.ColumnStrideB], sum);
                    }

                    total = chunk == 0 ? sum : total + sum;
                }

                c[(nint)i * p.RowStrideC + j] = total;
            }
        }
    }

    private static void PackRow(float* from, float* panel, int count, nint stride)
    {
        if (count == 16 && stride == 1)
        {
            Vector512.Load(from).Store(panel);
            return;
        }

        for (int j = 0; j < count; j++)
        {
            panel[j] = from[j * stride];
        }

        for (int j = count; j < 16; j++)
        {
            panel[j] = 0f;
        }
    }

    /// <summary>Rows of A with their elements side by side; read along its columns, eight rows of the source at a time.</summary>
    private static void Turn(float* a, float* turned, int rows, BatchContractArguments p)
    {
        for (int k = 0; k < p.Depth; k += 8)
        {
            int end = Math.Min(p.Depth, k + 8);
            for (int row = 0; row < rows; row++)
            {
                for (int at = k; at < end; at++)
                {
                    turned[(nint)row * p.Depth + at] = a[(nint)row * p.RowStrideA + (nint)at * p.DepthStrideA];
                }
            }
        }
    }
}
