using System.Numerics;
using System.Runtime.Intrinsics;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>
/// The host's loops of a weight gradient. Rows go in blocks of eight leaves, so that a block's sixteen columns of X (16 KB) stay
/// in L1 while all n of the tile pass; a block is a whole subtree, and the sums of blocks pend in the worker's scratch.
/// </summary>
internal static unsafe class SampleContractHost
{
    public const int BlockRows = 8 * SampleTree.LeafRows;

    private const int PanelColumns = 16;

    /// <summary>Levels at which blocks can pend: none for a single block.</summary>
    public static int PendingLevels(int samples)
    {
        int blocks = (samples + BlockRows - 1) / BlockRows;
        return blocks <= 1 ? 0 : 32 - BitOperations.LeadingZeroCount((uint)(blocks - 1));
    }

    /// <summary>Words of scratch that a tile of so many n needs.</summary>
    public static long ScratchElements(int samples, int tileRows, int columns) =>
        (long)PendingLevels(samples) * tileRows * ((columns + PanelColumns - 1) / PanelColumns * PanelColumns);

    public static bool HasWideRegisters => Vector512.IsHardwareAccelerated;

    /// <summary>out[n, k] = sum over b of dY[b, n] · X[b, k] for n below <paramref name="rows"/> and k in [begin, end).</summary>
    /// <param name="pending">Scratch of <see cref="ScratchElements"/> words.</param>
    public static void Run(
        float* dy, nint strideDy, float* x, nint strideX, float* output, nint strideOutput, int samples, int rows, int columns, int begin, int end,
        float* pending, bool wideRegisters)
    {
        int blocks = (samples + BlockRows - 1) / BlockRows;
        nint paddedColumns = (nint)((columns + PanelColumns - 1) / PanelColumns * PanelColumns);
        nint levelElements = rows * paddedColumns;
        float* copied = stackalloc float[BlockRows * PanelColumns];
        float* pendingLeaves = stackalloc float[4 * 12 * PanelColumns];
        float* sum = stackalloc float[12 * PanelColumns];
        for (int block = 0; block < blocks; block++)
        {
            int firstRow = block * BlockRows;
            int blockRows = Math.Min(BlockRows, samples - firstRow);
            for (int k = begin; k < end; k += PanelColumns)
            {
                int count = Math.Min(PanelColumns, end - k);
                float* panel = x + firstRow * strideX + k;
                nint panelStride = strideX;
                if (count < PanelColumns)
                {
                    // The columns past the last are zero beside X, so that nothing past a row is read.
                    Copy(panel, strideX, copied, blockRows, count);
                    panel = copied;
                    panelStride = PanelColumns;
                }

                for (int n = 0; n < rows;)
                {
                    int height = wideRegisters && n + 12 <= rows ? 12 : n + 6 <= rows ? 6 : 1;
                    Leaves(dy + firstRow * strideDy + n, strideDy, panel, panelStride, blockRows, height, pendingLeaves, sum);
                    float* tilePending = pending + n * paddedColumns + (nint)k * height;
                    Merge(sum, height * PanelColumns, tilePending, levelElements, block, last: block == blocks - 1);
                    if (block == blocks - 1)
                    {
                        Store(sum, output + n * strideOutput + k, strideOutput, height, count);
                    }

                    n += height;
                }
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

    private static void Leaves(float* dy, nint strideDy, float* x, nint strideX, int rows, int height, float* pending, float* sum)
    {
        int leaves = SampleTree.LeafCount(rows);
        for (int leaf = 0; leaf < leaves; leaf++)
        {
            int first = leaf * SampleTree.LeafRows;
            int count = Math.Min(SampleTree.LeafRows, rows - first);
            float* result = leaf == leaves - 1 ? sum : null;
            switch (height)
            {
                case 12:
                    SampleContractMicroKernels.Rows12(dy + first * strideDy, strideDy, x + first * strideX, strideX, count, pending, leaf, result);
                    break;
                case 6:
                    SampleContractMicroKernels.Rows6(dy + first * strideDy, strideDy, x + first * strideX, strideX, count, pending, leaf, result);
                    break;
                default:
                    SampleContractMicroKernels.Rows1(dy + first * strideDy, strideDy, x + first * strideX, strideX, count, pending, leaf, result);
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
                (Vector512.Load(higher + i) + Vector512.Load(sum + i)).Store(sum + i);
            }
        }

        if (!last)
        {
            float* target = pending + BitOperations.PopCount((uint)mask) * levelElements;
            for (int i = 0; i < length; i += PanelColumns)
            {
                Vector512.Load(sum + i).Store(target + i);
            }
        }
    }

    private static void Copy(float* from, nint stride, float* to, int rows, int count)
    {
        for (int row = 0; row < rows; row++)
        {
            var target = new Span<float>(to + row * PanelColumns, PanelColumns);
            target.Clear();
            new ReadOnlySpan<float>(from + row * stride, count).CopyTo(target);
        }
    }

    private static void Store(float* sum, float* output, nint stride, int height, int count)
    {
        for (int i = 0; i < height; i++)
        {
            new ReadOnlySpan<float>(sum + i * PanelColumns, count).CopyTo(new Span<float>(output + i * stride, count));
        }
    }
}
