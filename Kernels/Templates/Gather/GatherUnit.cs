using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.Gather;

/// <summary>What the gather kernel needs.</summary>
/// <param name="Weighted">1 if each row is multiplied by its weight, else 0.</param>
/// <param name="IndexWords">Words of an index: 1, or 2 of an int64.</param>
/// <param name="WrapRows">
/// -1 for indices that are rows, or -1 for none. Else the rows of the table: a negative index counts from the end, one outside is absent.
/// </param>
public readonly record struct GatherArguments(
    Operand Indices, Operand Table, Operand Weights, Operand Output, int Width, int Hotness, int Weighted, int IndexWords, int WrapRows)
{
    /// <summary>The row that an index names; -1 for none.</summary>
    /// <param name="low">Its lower word.</param>
    /// <param name="high">Its upper word; of an index of one word its sign.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int RowOf(int low, int high)
    {
        if (WrapRows < 0)
        {
            return low;
        }

        long index = ((long)high << 32) | (uint)low;
        index = index < 0 ? index + WrapRows : index;
        return index < 0 || index >= WrapRows ? -1 : (int)index;
    }
}

/// <summary>
/// Template <c>Gather</c>, an embedding bag: y[b, d] = sum over h of table[index[b, h], d], in ascending h from +0; with
/// weights each term is weight[b, h] · table[index[b, h], d], added by an FMA. An index of -1 is absent; where indices wrap, negative ones
/// count from the end and those outside the table are absent.
/// </summary>
/// <remarks>
/// indices: integers [B, H]; weights: [B, H]; table: [R, D], where H is 1 and nothing is
/// weighted also in pairs of bf16; output: [B, D]. With several rows for each item, a token embedding, B
/// counts the rows of all items. Indices that do not wrap are checked when they are fed, not here.
/// </remarks>
public sealed unsafe class GatherUnit : ConfiguredUnit
{
    /// <summary>
    /// How many samples ahead a table row is fetched. More was slower: the misses that a core keeps open are few, and those
    /// that the loop runs into by itself take theirs.
    /// </summary>
    private const int PrefetchSamples = 8;

    private readonly GatherArguments _arguments;

    /// <param name="indexWords">Words of an index.</param>
    /// <param name="wrapRows">Rows of the table where indices wrap, else -1.</param>
    public GatherUnit(
        string name, int width, int hotness, Operand indices, Operand table, Operand output, Operand? weights = null, int rowsPerItem = 1,
        int indexWords = 1, int wrapRows = -1)
        : base(name, rowsPerItem)
    {
        if (table.IsPaired && (hotness != 1 || weights is not null || wrapRows >= 0))
        {
            throw new ArgumentException($"{name}: bags of a table in pairs", nameof(table));
        }

        _arguments = new GatherArguments(
            indices, table, weights ?? default, output, width, hotness, weights is null ? 0 : 1, indexWords, wrapRows);
    }

    public override long OperationsPerItem => (long)RowsPerItem * _arguments.Width * _arguments.Hotness * (1 + _arguments.Weighted);

    public override void Interpret(InterpreterMemory memory, int items)
    {
        GatherArguments p = _arguments;
        for (int sample = 0; sample < items * RowsPerItem; sample++)
        {
            for (int column = 0; column < p.Width; column++)
            {
                float sum = 0f;
                for (int h = 0; h < p.Hotness; h++)
                {
                    int low = memory.Int(p.Indices, sample, (long)h * p.IndexWords);
                    int row = p.RowOf(low, p.IndexWords == 1 ? low >> 31 : memory.Int(p.Indices, sample, (long)h * p.IndexWords + 1));
                    if (row < 0)
                    {
                        continue;
                    }

                    float element = memory.Float(p.Table, row, column);
                    sum = p.Weighted != 0 ? Exact.Fma(memory.Float(p.Weights, sample, h), element, sum) : Exact.Add(sum, element);
                }

                memory.Store(p.Output, sample, column, sum);
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        float* table = tile.Whole(_arguments.Table);
        nint tableStride = _arguments.Table.RowStrideElements;
        nint indexStride = _arguments.Indices.RowStrideElements;
        nint outputStride = _arguments.Output.RowStrideElements;
        var indices = (int*)tile.Row(_arguments.Indices, RowsPerItem, 0);
        int rows = tile.ItemCount * RowsPerItem;
        float* output = tile.Row(_arguments.Output, RowsPerItem, 0);
        if (_arguments.WrapRows >= 0)
        {
            Wrapped(in tile, indices, rows, output);
            return;
        }

        for (int sample = 0; sample < Math.Min(PrefetchSamples, rows); sample++)
        {
            Prefetch(indices + sample * indexStride, table, tableStride);
        }

        for (int sample = 0; sample < rows; sample++, indices += indexStride, output += outputStride)
        {
            if (sample + PrefetchSamples < rows)
            {
                Prefetch(indices + PrefetchSamples * indexStride, table, tableStride);
            }

            if (_arguments.Table.IsPaired)
            {
                PairedRow(*indices, (ushort*)table, 2 * tableStride, output);
                continue;
            }

            float* weights = _arguments.Weighted != 0 ? tile.Row(_arguments.Weights, RowsPerItem, sample) : null;
            Bag(indices, weights, table, tableStride, output);
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(GatherKernel.Run, checked(items * RowsPerItem * _arguments.Width), _arguments);

    /// <summary>As <see cref="Run"/> where indices wrap: the rows of the bags ahead are worked out and fetched, and kept until it is their turn.</summary>
    private void Wrapped(in HostTile tile, int* indices, int rows, float* output)
    {
        float* table = tile.Whole(_arguments.Table);
        nint tableStride = _arguments.Table.RowStrideElements;
        int hotness = _arguments.Hotness;
        var ring = (int*)HostBuffer.Of(0, Math.Max(1, (long)(PrefetchSamples + 1) * hotness));
        int ahead = 0;
        int* next = ring;
        int* end = ring + (nint)(PrefetchSamples + 1) * hotness;
        int* bag = ring;
        for (int sample = 0; sample < rows; sample++, output += _arguments.Output.RowStrideElements)
        {
            for (; ahead < rows && ahead <= sample + PrefetchSamples; ahead++)
            {
                Resolve(indices, next);
                Prefetch(next, table, tableStride);
                indices += _arguments.Indices.RowStrideElements;
                next = next + hotness == end ? ring : next + hotness;
            }

            float* weights = _arguments.Weighted != 0 ? tile.Row(_arguments.Weights, RowsPerItem, sample) : null;
            Bag(bag, weights, table, tableStride, output);
            bag = bag + hotness == end ? ring : bag + hotness;
        }
    }

    private void Resolve(int* indices, int* rows)
    {
        uint all = (uint)_arguments.WrapRows;
        for (int h = 0; h < _arguments.Hotness; h++)
        {
            if (_arguments.IndexWords == 1)
            {
                int row = indices[h] + ((indices[h] >> 31) & (int)all);
                rows[h] = (uint)row < all ? row : -1;
            }
            else
            {
                rows[h] = _arguments.RowOf(indices[2 * h], indices[2 * h + 1]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Prefetch(int* rows, float* table, nint tableStride)
    {
        if (!Sse.IsSupported)
        {
            return;
        }

        for (int h = 0; h < _arguments.Hotness; h++)
        {
            Sse.Prefetch0(table + Math.Max(rows[h], 0) * tableStride);
        }
    }

    /// <summary>One row of bf16, widened; the sum that it is added to is +0, which matters to a zero's sign.</summary>
    private void PairedRow(int index, ushort* table, nint tableStride, float* output)
    {
        if (index < 0)
        {
            new Span<float>(output, _arguments.Width).Clear();
            return;
        }

        ushort* row = table + index * tableStride;
        int column = 0;
        for (; column + WideLane.WidthElements <= _arguments.Width; column += WideLane.WidthElements)
        {
            (Vector512<float>.Zero + BFloat16Pairs.Load(row + column)).Store(output + column);
        }

        for (; column < _arguments.Width; column++)
        {
            output[column] = 0f + BFloat16Pairs.Widen(row[column]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Bag(int* indices, float* weights, float* table, nint tableStride, float* output)
    {
        int column = 0;
        for (; column + WideLane.WidthElements <= _arguments.Width; column += WideLane.WidthElements)
        {
            Vector512<float> sum = Vector512<float>.Zero;
            for (int h = 0; h < _arguments.Hotness; h++)
            {
                if (indices[h] < 0)
                {
                    continue;
                }

                Vector512<float> row = Vector512.Load(table + indices[h] * tableStride + column);
                sum = weights is null ? sum + row : Vector512.FusedMultiplyAdd(Vector512.Create(weights[h]), row, sum);
            }

            sum.Store(output + column);
        }

        for (; column < _arguments.Width; column++)
        {
            float sum = 0f;
            for (int h = 0; h < _arguments.Hotness; h++)
            {
                if (indices[h] < 0)
                {
                    continue;
                }

                float element = table[indices[h] * tableStride + column];
                sum = weights is null ? sum + element : MathF.FusedMultiplyAdd(weights[h], element, sum);
            }

            output[column] = sum;
        }
    }
}
