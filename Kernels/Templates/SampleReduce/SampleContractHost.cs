using System.Numerics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>
/// The host's loops of a weight gradient. Rows go in blocks of eight leaves, so that a block's columns of X (16 KB in sixteen)
/// stay close while all n of the tile pass; a block is a whole subtree, and the sums of blocks pend in the worker's scratch. Both
/// operands are copied into panels first: read in place, rows that lie a power of two apart fall on a few sets of L1, and a
/// 512x367 gradient ran at 55 instead of 90 GFLOP/s.
/// </summary>
internal static unsafe class SampleContractHost
{
    public const int BlockRows = 8 * SampleTree.LeafRows;

    private const int PanelColumns = 16;

    /// <summary>How many rows ahead of the copy dY is fetched: a tile takes only a part of each row, so that no hardware does it.</summary>
    private const int PrefetchRows = 8;

    /// <summary>Levels at which blocks can pend: none for a single block.</summary>
    public static int PendingLevels(int samples)
    {
        int blocks = (samples + BlockRows - 1) / BlockRows;
        return blocks <= 1 ? 0 : 32 - BitOperations.LeadingZeroCount((uint)(blocks - 1));
    }

    /// <summary>Words of scratch that a tile of so many n needs: a block of dY in panels, then the sums that pend.</summary>
    public static long ScratchElements(int rows, int groupRows, int tileRows, int columns)
    {
        long tileElements = (long)tileRows * ((columns + PanelColumns - 1) / PanelColumns * PanelColumns);
        bool isFlat = SampleTree.IsFlat(groupRows) || rows <= groupRows;
        int chainRows = isFlat ? rows : groupRows;
        long groups = isFlat ? 0 : (1 + GroupLevels(rows, groupRows)) * tileElements;
        return (long)BlockRows * tileRows + PendingLevels(chainRows) * tileElements + groups;
    }

    public static bool HasWideRegisters => Vector512.IsHardwareAccelerated;

    /// <summary>out[n, k] = sum over rows r of dY[r, n] · X[r, k], group by group where groups are no subtrees of one tree.</summary>
    /// <param name="scratch">Scratch of <see cref="ScratchElements"/> words.</param>
    public static void Run(
        SampleRows dy, SampleRows x, float* output, nint strideOutput, int rows, int groupRows, int tileRows, int columns,
        int begin, int end, float* scratch, bool wideRegisters)
    {
        if (SampleTree.IsFlat(groupRows) || rows <= groupRows)
        {
            Run(dy, x, output, strideOutput, rows, tileRows, columns, begin, end, scratch, wideRegisters);
            return;
        }

        nint paddedColumns = (nint)((columns + PanelColumns - 1) / PanelColumns * PanelColumns);
        nint tileElements = tileRows * paddedColumns;
        float* sum = scratch;
        float* pending = sum + tileElements;
        float* own = pending + GroupLevels(rows, groupRows) * tileElements;
        int groups = (rows + groupRows - 1) / groupRows;
        for (int group = 0; group < groups; group++)
        {
            nint first = (nint)group * groupRows;
            int count = (int)Math.Min(groupRows, rows - first);
            Run(dy.FromRow(first), x.FromRow(first), sum, paddedColumns, count, tileRows, columns, begin, end, own, wideRegisters);
            int mask = SampleContractMicroKernels.MergeMask(group, group == groups - 1);
            float* target = pending + BitOperations.PopCount((uint)mask) * tileElements;
            for (int n = 0; n < tileRows; n++)
            {
                nint at = n * paddedColumns;
                for (int level = 0; mask >> level != 0; level++)
                {
                    if ((mask >> level & 1) != 0)
                    {
                        AddInto(pending + level * tileElements + at, sum + at, begin, end);
                    }
                }

                float* row = group == groups - 1 ? output + n * strideOutput : target + at;
                new ReadOnlySpan<float>(sum + at + begin, end - begin).CopyTo(new Span<float>(row + begin, end - begin));
            }
        }
    }

    /// <summary>Levels at which groups can pend.</summary>
    private static int GroupLevels(int rows, int groupRows)
    {
        int groups = (rows + groupRows - 1) / groupRows;
        return groups <= 1 ? 0 : 32 - BitOperations.LeadingZeroCount((uint)(groups - 1));
    }

    /// <summary>lower[c] = higher[c] + lower[c].</summary>
    private static void AddInto(float* higher, float* lower, int begin, int end)
    {
        int c = begin;
        for (; c + PanelColumns <= end; c += PanelColumns)
        {
            (Vector512.Load(higher + c) + Vector512.Load(lower + c)).Store(lower + c);
        }

        for (; c < end; c++)
        {
            lower[c] = higher[c] + lower[c];
        }
    }

    /// <summary>out[n, k] = sum over b of dY[b, n] · X[b, k] for n below <paramref name="rows"/> and k in [begin, end).</summary>
    /// <param name="scratch">Room for a block of dY in panels and the sums that pend.</param>
    private static void Run(
        SampleRows dy, SampleRows x, float* output, nint strideOutput, int samples, int rows, int columns, int begin, int end,
        float* scratch, bool wideRegisters)
    {
        int blocks = (samples + BlockRows - 1) / BlockRows;
        nint paddedColumns = (nint)((columns + PanelColumns - 1) / PanelColumns * PanelColumns);
        nint levelElements = rows * paddedColumns;
        float* gradients = scratch;
        float* pending = scratch + (nint)BlockRows * rows;
        float* stack = stackalloc float[(BlockRows * 2 * PanelColumns) + (5 * SampleContractPairKernel.TileElements) + CacheLine.Elements];
        float* panels = CacheLine.Align(stack);
        float* pendingLeaves = panels + (BlockRows * 2 * PanelColumns);
        float* sum = pendingLeaves + (4 * SampleContractPairKernel.TileElements);
        for (int block = 0; block < blocks; block++)
        {
            int row = block * BlockRows;
            int blockRows = Math.Min(BlockRows, samples - row);
            if (dy.IsPaired)
            {
                PackPairedGradients(dy.FromRow(row), gradients, blockRows, rows, wideRegisters);
            }
            else
            {
                PackGradients(dy.FromRow(row).Floats, dy.StrideElements, gradients, blockRows, rows, wideRegisters);
            }

            for (int k = begin; k < end; k += 2 * PanelColumns)
            {
                int count = Math.Min(2 * PanelColumns, end - k);
                SampleRows input = x.FromRow(row).FromColumn(k);
                if (input.IsPaired)
                {
                    PackPairedInput(input.Halves, input.StrideElements, panels, blockRows, count);
                }
                else
                {
                    PackInput(input.Floats, input.StrideElements, panels, blockRows, count);
                }

                Block(
                    gradients, panels, output + k, strideOutput, blockRows, rows, count, block, block == blocks - 1, pending + (nint)k * rows, levelElements,
                    pendingLeaves, sum, wideRegisters);
            }
        }

        if (blocks == 0)
        {
            for (int n = 0; n < rows; n++)
            {
                new Span<float>(output + n * strideOutput + begin, end - begin).Clear();
            }
        }
    }

    /// <summary>One or two panels of dw over one block, merged with the sums of the blocks before it.</summary>
    private static void Block(
        float* gradients, float* panels, float* output, nint strideOutput, int blockRows, int rows, int columns, int block, bool last, float* pending,
        nint levelElements, float* pendingLeaves, float* sum, bool wideRegisters)
    {
        int panelCount = columns > PanelColumns ? 2 : 1;
        int atOnce = wideRegisters ? panelCount : 1;
        for (int panel = 0; panel < panelCount; panel += atOnce)
        {
            for (int n = 0; n < rows;)
            {
                int height = Height(n, rows, wideRegisters);
                Leaves(gradients + (nint)n * blockRows, panels + panel * blockRows * PanelColumns, atOnce, blockRows, height, pendingLeaves, sum);
                float* tilePending = pending + (nint)panel * PanelColumns * rows + (nint)n * atOnce * PanelColumns;
                Merge(sum, atOnce * height * PanelColumns, tilePending, levelElements, block, last);
                for (int i = 0; last && i < atOnce; i++)
                {
                    int first = (panel + i) * PanelColumns;
                    Store(sum + i * height * PanelColumns, output + n * strideOutput + first, strideOutput, height, Math.Min(PanelColumns, columns - first));
                }

                n += height;
            }
        }
    }

    /// <summary>How many n the register tile at n takes.</summary>
    private static int Height(int n, int rows, bool wideRegisters) =>
        wideRegisters && n + 12 <= rows ? 12 : RegisterRows.Next(rows - n, SampleContractMicroKernels.NarrowRows);

    /// <summary>The sums of a register tile over the block: [panel][n][16].</summary>
    private static void Leaves(float* dy, float* x, int panelCount, int rows, int height, float* pending, float* sum)
    {
        if (height == 12 && panelCount == 2)
        {
            SampleContractPairKernel.Rows12(dy, x, rows * PanelColumns, rows, pending, sum);
            return;
        }

        for (int i = 0; i < panelCount; i++, x += rows * PanelColumns, sum += height * PanelColumns)
        {
            switch (height)
            {
                case 12:
                    SampleContractMicroKernels.Rows12(dy, x, rows, pending, sum);
                    break;
                case 1:
                    SampleContractMicroKernels.Narrow<Rows1>(dy, x, rows, pending, sum);
                    break;
                case 2:
                    SampleContractMicroKernels.Narrow<Rows2>(dy, x, rows, pending, sum);
                    break;
                case 3:
                    SampleContractMicroKernels.Narrow<Rows3>(dy, x, rows, pending, sum);
                    break;
                default:
                    SampleContractMicroKernels.Narrow<Rows4>(dy, x, rows, pending, sum);
                    break;
            }
        }
    }

    /// <summary>One more step of the counter, for the sums of blocks; the last leaves the total in <paramref name="sum"/>.</summary>
    private static void Merge(float* sum, int length, float* pending, nint levelElements, int block, bool last)
    {
        int mask = SampleContractMicroKernels.MergeMask(block, last);
        for (int level = 0; mask >> level != 0; level++)
        {
            if ((mask >> level & 1) == 0)
            {
                continue;
            }

            float* higher = pending + level * levelElements;
            for (int i = 0; i < length; i += PanelColumns)
            {
                Vector256<float> low = Vector256.Load(higher + i) + Vector256.Load(sum + i);
                Vector256<float> high = Vector256.Load(higher + i + 8) + Vector256.Load(sum + i + 8);
                low.Store(sum + i);
                high.Store(sum + i + 8);
            }
        }

        if (!last)
        {
            float* target = pending + BitOperations.PopCount((uint)mask) * levelElements;
            for (int i = 0; i < length; i += PanelColumns)
            {
                Vector256.Load(sum + i).Store(target + i);
                Vector256.Load(sum + i + 8).Store(target + i + 8);
            }
        }
    }

    /// <summary>
    /// dY[b, n] as [register tile][b][n in the tile], four b at a time: tiles of a whole block lie a multiple of 4 KB apart, on one set of
    /// L1, so that a line is better filled at once.
    /// </summary>
    private static void PackGradients(float* dy, nint strideDy, float* packed, int blockRows, int rows, bool wideRegisters)
    {
        const int Together = 4;
        for (int b = 0; b < blockRows; b += Together, dy += Together * strideDy)
        {
            int count = Math.Min(Together, blockRows - b);
            for (int i = 0; i < count && Sse.IsSupported; i++)
            {
                for (int line = 0; line < rows; line += PanelColumns)
                {
                    Sse.Prefetch0(dy + (PrefetchRows + i) * strideDy + line);
                }
            }

            for (int n = 0; n < rows;)
            {
                int height = Height(n, rows, wideRegisters);
                float* target = packed + (nint)n * blockRows + b * height;
                float* from = dy + n;
                for (int i = 0; i < count; i++, from += strideDy, target += height)
                {
                    switch (height)
                    {
                        case 12:
                            Vector256.Load(from).Store(target);
                            Vector128.Load(from + 8).Store(target + 8);
                            break;
                        case 4:
                            Vector128.Load(from).Store(target);
                            break;
                        default:
                            for (int j = 0; j < height; j++)
                            {
                                target[j] = from[j];
                            }

                            break;
                    }
                }

                n += height;
            }
        }
    }

    /// <summary>The same of pairs of bf16, widened.</summary>
    private static void PackPairedGradients(SampleRows dy, float* packed, int blockRows, int rows, bool wideRegisters)
    {
        ushort* from = dy.Halves;
        for (int b = 0; b < blockRows; b++, from += dy.StrideElements)
        {
            for (int n = 0; n < rows;)
            {
                int height = Height(n, rows, wideRegisters);
                BFloat16Pairs.Widen(from + n, packed + (nint)n * blockRows + b * height, height);
                n += height;
            }
        }
    }

    /// <summary>As <see cref="PackInput"/>, of pairs of bf16.</summary>
    private static void PackPairedInput(ushort* x, nint strideX, float* panels, int blockRows, int count)
    {
        for (; count > 0; count -= PanelColumns, x += PanelColumns)
        {
            ushort* row = x;
            for (int b = 0; b < blockRows; b++, row += strideX, panels += PanelColumns)
            {
                if (count >= PanelColumns)
                {
                    BFloat16Pairs.Load(row).Store(panels);
                    continue;
                }

                Vector512<float>.Zero.Store(panels);
                BFloat16Pairs.Widen(row, panels, count);
            }
        }
    }

    /// <summary>
    /// One or two times sixteen columns of X as [panel][b][16]; columns past the last are zero, so that nothing past a row is
    /// read.
    /// </summary>
    private static void PackInput(float* x, nint strideX, float* panels, int blockRows, int count)
    {
        float* second = panels + (nint)blockRows * PanelColumns;
        if (count >= 2 * PanelColumns)
        {
            // Both at once: they are neighbouring lines of a row; the next two are on their way while these are multiplied.
            for (int b = 0; b < blockRows; b++, x += strideX, panels += PanelColumns, second += PanelColumns)
            {
                if (Sse.IsSupported)
                {
                    Sse.Prefetch1(x + 2 * PanelColumns);
                    Sse.Prefetch1(x + 3 * PanelColumns);
                }

                Vector512.Load(x).Store(panels);
                Vector512.Load(x + PanelColumns).Store(second);
            }

            return;
        }

        if (count >= PanelColumns)
        {
            float* row = x;
            for (int b = 0; b < blockRows; b++, row += strideX, panels += PanelColumns)
            {
                Vector512.Load(row).Store(panels);
            }

            x += PanelColumns;
            panels = second;
            count -= PanelColumns;
        }

        if (count > 0)
        {
            PackPart(x, strideX, panels, blockRows, count);
        }
    }

    private static void PackPart(float* x, nint strideX, float* panel, int blockRows, int count)
    {
        for (int b = 0; b < blockRows; b++, x += strideX, panel += PanelColumns)
        {
            Vector512<float>.Zero.Store(panel);
            int i = 0;
            if ((count & 8) != 0)
            {
                Vector256.Load(x).Store(panel);
                i = 8;
            }

            if ((count & 4) != 0)
            {
                Vector128.Load(x + i).Store(panel + i);
                i += 4;
            }

            for (; i < count; i++)
            {
                panel[i] = x[i];
            }
        }
    }

    private static void Store(float* sum, float* output, nint stride, int height, int count)
    {
        if (count >= PanelColumns)
        {
            for (int i = 0; i < height; i++)
            {
                Vector512.Load(sum + i * PanelColumns).Store(output + i * stride);
            }

            return;
        }

        for (int i = 0; i < height; i++)
        {
            new ReadOnlySpan<float>(sum + i * PanelColumns, count).CopyTo(new Span<float>(output + i * stride, count));
        }
    }
}
