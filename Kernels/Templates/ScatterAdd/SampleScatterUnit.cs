using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Kernels.Templates.ScatterAdd;

/// <summary>What the kernel needs.</summary>
public readonly record struct SampleScatterArguments(Operand Indices, Operand Gradient, Operand Output, int Positions, int Width, int LeafPositions);

/// <summary>
/// Templates <c>ScatterAdd</c> and <c>SampleReduce</c> in one, the gradient of a token embedding: for every row r that an index
/// names, g[r, :] = sum of dy[i, :] over the positions i with index[i] = r: those of one leaf in ascending position from +0,
/// leaves combined as <see cref="SampleTree"/> says; a leaf without such a position counts as +0. So the gradient of a batch that
/// is cut at leaves is the sum of the parts' gradients, as with every other parameter.
/// </summary>
/// <remarks>
/// Its pipeline has one item. Rows that no index names are not written: they must be zero before. An index of -1 is absent.
/// A sum from +0 is never -0, so leaving out the empty leaves changes no bit.
/// </remarks>
public sealed unsafe class SampleScatterUnit : ConfiguredUnit
{
    /// <summary>Columns summed at once: the pending sums of all levels stay in L1.</summary>
    private const int BlockColumns = 128;

    private readonly SampleScatterArguments _arguments;
    private readonly int _digits;
    private readonly long _scratchOffsetElements;

    /// <param name="name">For people.</param>
    /// <param name="rows">Rows of the table.</param>
    /// <param name="width">Its columns.</param>
    /// <param name="positions">How many indices there are; they stand without gaps.</param>
    /// <param name="leafPositions">Positions of one leaf.</param>
    /// <param name="indices">Integers, in the arena.</param>
    /// <param name="gradient">dy, one row for each position, in the arena.</param>
    /// <param name="output">g, [rows, width], in the arena.</param>
    /// <param name="scratchOffsetElements">Where in the worker's scratch its <see cref="ScratchElements"/> words begin.</param>
    public SampleScatterUnit(
        string name, int rows, int width, int positions, int leafPositions, Operand indices, Operand gradient, Operand output, long scratchOffsetElements)
        : base(name, rowsPerItem: 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(leafPositions, 1);
        _arguments = new SampleScatterArguments(indices, gradient, output, positions, width, leafPositions);
        _digits = PositionSort.Digits(rows);
        _scratchOffsetElements = scratchOffsetElements;
    }

    public override long OperationsPerItem => (long)_arguments.Positions * _arguments.Width;

    /// <summary>Words of scratch that the host needs: two lists of positions.</summary>
    public static long ScratchElements(int positions) => 2L * positions;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        SampleScatterArguments p = _arguments;
        var leaves = new float[(p.Positions + p.LeafPositions - 1) / p.LeafPositions];
        for (int first = 0; first < p.Positions; first++)
        {
            int row = memory.Int(p.Indices, 0, first);
            if (row < 0 || !IsFirst(memory, first, row))
            {
                continue;
            }

            for (int column = 0; column < p.Width; column++)
            {
                for (int leaf = 0; leaf < leaves.Length; leaf++)
                {
                    float sum = 0f;
                    int end = Math.Min(p.Positions, (leaf + 1) * p.LeafPositions);
                    for (int position = leaf * p.LeafPositions; position < end; position++)
                    {
                        if (memory.Int(p.Indices, 0, position) == row)
                        {
                            sum = Exact.Add(sum, memory.Float(p.Gradient, position, column));
                        }
                    }

                    leaves[leaf] = sum;
                }

                memory.Store(p.Output, row, column, SampleTree.Combine(leaves));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        int* positions = (int*)tile.Scratch + _scratchOffsetElements;
        int* other = positions + _arguments.Positions;
        int* indices = (int*)tile.Whole(_arguments.Indices);
        int count = PositionSort.Sort(indices, _arguments.Positions, _digits, ref positions, other);
        float* output = tile.Whole(_arguments.Output);
        for (int begin = 0; begin < count;)
        {
            int row = indices[positions[begin]];
            int end = begin + 1;
            while (end < count && indices[positions[end]] == row)
            {
                end++;
            }

            for (int column = 0; column < _arguments.Width; column += BlockColumns)
            {
                Sum(
                    tile.Whole(_arguments.Gradient) + column, positions + begin, end - begin,
                    output + (nint)row * _arguments.Output.RowStrideElements + column, Math.Min(BlockColumns, _arguments.Width - column));
            }

            begin = end;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(SampleScatterKernel.Run, checked(_arguments.Positions * _arguments.Width), _arguments);

    private bool IsFirst(InterpreterMemory memory, int position, int row)
    {
        for (int earlier = 0; earlier < position; earlier++)
        {
            if (memory.Int(_arguments.Indices, 0, earlier) == row)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// The sum over the listed positions for some columns. Leaves that have contributions stand on a stack; two neighbours on it are
    /// added when the subtree that holds both is complete: when the next leaf differs from them in a higher bit than they do.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Sum(float* gradient, int* positions, int count, float* output, int width)
    {
        float* sums = stackalloc float[SampleTree.MaximumLevels * BlockColumns];
        int* leaves = stackalloc int[SampleTree.MaximumLevels];
        nint stride = _arguments.Gradient.RowStrideElements;
        int depth = 0;
        for (int i = 0; i < count;)
        {
            int leaf = positions[i] / _arguments.LeafPositions;
            for (; depth >= 2 && Level(leaves[depth - 2], leaves[depth - 1]) < Level(leaves[depth - 1], leaf); depth--)
            {
                Add(sums + (nint)(depth - 2) * BlockColumns, sums + (nint)(depth - 1) * BlockColumns, width);
            }

            float* top = sums + (nint)depth * BlockColumns;
            new Span<float>(top, width).Clear();
            for (; i < count && positions[i] / _arguments.LeafPositions == leaf; i++)
            {
                Add(top, gradient + positions[i] * stride, width);
            }

            leaves[depth++] = leaf;
        }

        for (; depth >= 2; depth--)
        {
            Add(sums + (nint)(depth - 2) * BlockColumns, sums + (nint)(depth - 1) * BlockColumns, width);
        }

        new ReadOnlySpan<float>(sums, width).CopyTo(new Span<float>(output, width));
    }

    /// <summary>The height of the smallest subtree that holds both leaves.</summary>
    private static int Level(int left, int right) => BitOperations.Log2((uint)(left ^ right));

    private static void Add(float* sums, float* row, int width)
    {
        int column = 0;
        for (; column + 16 <= width; column += 16)
        {
            (Vector512.Load(sums + column) + Vector512.Load(row + column)).Store(sums + column);
        }

        for (; column < width; column++)
        {
            sums[column] += row[column];
        }
    }
}

/// <summary>The gradient of a token embedding on a device: one thread for each position and column; the first position of a row sums for it.</summary>
public static class SampleScatterKernel
{
    public static MethodInfo Method => typeof(SampleScatterKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, SampleScatterArguments p)
    {
        int first = index / p.Width;
        int column = index - first * p.Width;
        int row = words[p.Indices.At(0, first)];
        bool isFirst = row >= 0;
        for (int earlier = 0; earlier < first && isFirst; earlier++)
        {
            isFirst = words[p.Indices.At(0, earlier)] != row;
        }

        if (!isFirst)
        {
            return;
        }

        ArrayView<float> pending = LocalMemory.Allocate<float>(SampleTree.MaximumLevels);
        int leafCount = (p.Positions + p.LeafPositions - 1) / p.LeafPositions;
        for (int leaf = 0; leaf < leafCount; leaf++)
        {
            float sum = 0f;
            int end = (leaf + 1) * p.LeafPositions;
            end = end < p.Positions ? end : p.Positions;
            for (int position = leaf * p.LeafPositions; position < end; position++)
            {
                if (words[p.Indices.At(0, position)] == row)
                {
                    sum = Exact.Add(sum, arena[p.Gradient.At(position, column)]);
                }
            }

            int level = 0;
            while (((leaf >> level) & 1) != 0)
            {
                sum = Exact.Add(pending[level], sum);
                level++;
            }

            pending[level] = sum;
        }

        float total = 0f;
        bool empty = true;
        for (int level = 0; level < SampleTree.MaximumLevels; level++)
        {
            if (((leafCount >> level) & 1) != 0)
            {
                total = empty ? pending[level] : Exact.Add(pending[level], total);
                empty = false;
            }
        }

        arena[p.Output.At(row, column)] = total;
    }
}
