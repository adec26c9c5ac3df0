using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.Gather;

/// <summary>What the gather kernel needs.</summary>
/// <param name="Weighted">1 if each row is multiplied by its weight, else 0.</param>
public readonly record struct GatherArguments(
    Operand Indices, Operand Table, Operand Weights, Operand Output, int Width, int Hotness, int Weighted);

/// <summary>
/// Template <c>Gather</c>, an embedding bag: y[b, d] = sum over h of table[index[b, h], d], in ascending h from +0; with
/// weights each term is weight[b, h] · table[index[b, h], d], added by an FMA. An index of -1 is absent.
/// </summary>
/// <remarks>
/// indices: integers [B, H]; weights: [B, H]; table: [R, D]; output: [B, D]. With several rows for each item, a token embedding, B
/// counts the rows of all items. Indices are checked when they are fed, not here.
/// </remarks>
public sealed unsafe class GatherUnit : ConfiguredUnit
{
    /// <summary>
    /// How many samples ahead a table row is fetched. More was slower: the misses that a core keeps open are few, and those
    /// that the loop runs into by itself take theirs.
    /// </summary>
    private const int PrefetchSamples = 8;

    private readonly GatherArguments _arguments;

    public GatherUnit(
        string name, int width, int hotness, Operand indices, Operand table, Operand output, Operand? weights = null, int rowsPerItem = 1)
        : base(name, rowsPerItem)
    {
        _arguments = new GatherArguments(indices, table, weights ?? default, output, width, hotness, weights is null ? 0 : 1);
    }

    public override long OperationsPerItem => (long)RowsPerItem * _arguments.Width * _arguments.Hotness * (1 + _arguments.Weighted);

    public override void Interpret(InterpreterMemory memory, int items)
    {
        for (int sample = 0; sample < items * RowsPerItem; sample++)
        {
            for (int column = 0; column < _arguments.Width; column++)
            {
                float sum = 0f;
                for (int h = 0; h < _arguments.Hotness; h++)
                {
                    int row = memory.Int(_arguments.Indices, sample, h);
                    if (row < 0)
                    {
                        continue;
                    }

                    float element = memory.Float(_arguments.Table, row, column);
                    sum = _arguments.Weighted != 0
                        ? Exact.Fma(memory.Float(_arguments.Weights, sample, h), element, sum)
                        : Exact.Add(sum, element);
                }

                memory.Store(_arguments.Output, sample, column, sum);
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

            float* weights = _arguments.Weighted != 0 ? tile.Row(_arguments.Weights, RowsPerItem, sample) : null;
            Bag(indices, weights, table, tableStride, output);
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(GatherKernel.Run, checked(items * RowsPerItem * _arguments.Width), _arguments);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Prefetch(int* indices, float* table, nint tableStride)
    {
        if (!Sse.IsSupported)
        {
            return;
        }

        for (int h = 0; h < _arguments.Hotness; h++)
        {
            Sse.Prefetch0(table + Math.Max(indices[h], 0) * tableStride);
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
