using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.Window;

/// <summary>What the kernel needs.</summary>
/// <param name="Rows">The row axis as words (<see cref="ResampleAxis.ToWords"/>).</param>
/// <param name="Columns">The column axis as words.</param>
public readonly record struct ResampleArguments(
    Operand Source, Operand Result, Operand Rows, Operand Columns, int SourceHeight, int SourceWidth, int ResultHeight, int ResultWidth, int Channels,
    int RowEntries, int ColumnEntries);

/// <summary>
/// Template <c>Window</c>, linear: y[i, j, c] = sum over the entries (h, a) of row i of a · (sum over the entries (w, b) of column j
/// of b · x[h, w, c]), both sums FMA chains from +0 in ascending order.
/// </summary>
/// <remarks>x and y: images, a pixel each row of the operands. Workers that share a tile take rows of the result.</remarks>
public sealed unsafe class ResampleUnit : ConfiguredUnit
{
    private readonly ResampleArguments _arguments;
    private readonly ResampleAxis _rows;
    private readonly ResampleAxis _columns;

    /// <param name="rowWords">Where the words of the row axis lie, for devices.</param>
    /// <param name="columnWords">Where the words of the column axis lie.</param>
    public ResampleUnit(
        string name, ResampleAxis rows, ResampleAxis columns, int channels, Operand source, Operand result, Operand rowWords, Operand columnWords)
        : base(name, rows.Result * columns.Result)
    {
        _rows = rows;
        _columns = columns;
        _arguments = new ResampleArguments(
            source, result, rowWords, columnWords, rows.Source, columns.Source, rows.Result, columns.Result, channels, rows.CountEntries,
            columns.CountEntries);
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => 2L * _rows.CountEntries * (_columns.CountEntries + _columns.Result) * _arguments.Channels;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        ResampleArguments p = _arguments;
        for (int image = 0; image < items; image++)
        {
            for (int i = 0; i < p.ResultHeight; i++)
            {
                for (int j = 0; j < p.ResultWidth; j++)
                {
                    for (int c = 0; c < p.Channels; c++)
                    {
                        memory.Store(p.Result, ((long)image * p.ResultHeight + i) * p.ResultWidth + j, c, Sum(memory, image, i, j, c));
                    }
                }
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        ResampleArguments p = _arguments;
        tile.Share(tile.ItemCount * p.ResultHeight, 1, out int begin, out int end);
        int sourcePixels = p.SourceHeight * p.SourceWidth;
        int resultPixels = p.ResultHeight * p.ResultWidth;
        for (int row = begin; row < end; row++)
        {
            long image = row / p.ResultHeight;
            int i = row % p.ResultHeight;
            float* source = tile.Row(p.Source, sourcePixels, image * sourcePixels);
            float* result = tile.Row(p.Result, resultPixels, image * resultPixels + (long)i * p.ResultWidth);
            for (int j = 0; j < p.ResultWidth; j++, result += p.Result.RowStrideElements)
            {
                Pixel(source, result, i, j);
            }
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(ResampleKernel.Run, checked(items * RowsPerItem * _arguments.Channels), _arguments);

    private float Sum(InterpreterMemory memory, int image, int i, int j, int c)
    {
        float total = 0f;
        for (int a = _rows.Begins[i]; a < _rows.Begins[i + 1]; a++)
        {
            float sum = 0f;
            for (int b = _columns.Begins[j]; b < _columns.Begins[j + 1]; b++)
            {
                long pixel = ((long)image * _arguments.SourceHeight + _rows.Sources[a]) * _arguments.SourceWidth + _columns.Sources[b];
                sum = Exact.Fma(_columns.Weights[b], memory.Float(_arguments.Source, pixel, c), sum);
            }

            total = Exact.Fma(_rows.Weights[a], sum, total);
        }

        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Pixel(float* source, float* result, int i, int j)
    {
        ReadOnlySpan<int> rowSources = _rows.Sources;
        ReadOnlySpan<int> columnSources = _columns.Sources;
        ReadOnlySpan<float> rowWeights = _rows.Weights;
        ReadOnlySpan<float> columnWeights = _columns.Weights;
        int aBegin = _rows.Begins[i];
        int aEnd = _rows.Begins[i + 1];
        int bBegin = _columns.Begins[j];
        int bEnd = _columns.Begins[j + 1];
        nint pitch = _arguments.Source.RowStrideElements;
        int c = 0;
        for (; c + 16 <= _arguments.Channels; c += 16)
        {
            Vector512<float> total = default;
            for (int a = aBegin; a < aEnd; a++)
            {
                float* row = source + (nint)rowSources[a] * _arguments.SourceWidth * pitch + c;
                Vector512<float> sum = default;
                for (int b = bBegin; b < bEnd; b++)
                {
                    sum = Vector512.FusedMultiplyAdd(Vector512.Create(columnWeights[b]), Vector512.Load(row + columnSources[b] * pitch), sum);
                }

                total = Vector512.FusedMultiplyAdd(Vector512.Create(rowWeights[a]), sum, total);
            }

            total.Store(result + c);
        }

        for (; c < _arguments.Channels; c++)
        {
            float total = 0f;
            for (int a = aBegin; a < aEnd; a++)
            {
                float* row = source + (nint)rowSources[a] * _arguments.SourceWidth * pitch + c;
                float sum = 0f;
                for (int b = bBegin; b < bEnd; b++)
                {
                    sum = Exact.Fma(columnWeights[b], row[columnSources[b] * pitch], sum);
                }

                total = Exact.Fma(rowWeights[a], sum, total);
            }

            result[c] = total;
        }
    }
}

/// <summary>Linear resampling on a device: one thread for each result.</summary>
public static class ResampleKernel
{
    public static MethodInfo Method => typeof(ResampleKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, ResampleArguments p)
    {
        int row = index / p.Channels;
        int c = index - row * p.Channels;
        int resultPixels = p.ResultHeight * p.ResultWidth;
        int image = row / resultPixels;
        int pixel = row - image * resultPixels;
        int i = pixel / p.ResultWidth;
        int j = pixel - i * p.ResultWidth;
        long rowSources = p.Rows.At(0, p.ResultHeight + 1);
        long columnSources = p.Columns.At(0, p.ResultWidth + 1);
        float total = 0f;
        for (int a = words[p.Rows.At(0, i)]; a < words[p.Rows.At(0, i + 1)]; a++)
        {
            long first = ((long)image * p.SourceHeight + words[rowSources + a]) * p.SourceWidth;
            float sum = 0f;
            for (int b = words[p.Columns.At(0, j)]; b < words[p.Columns.At(0, j + 1)]; b++)
            {
                sum = Exact.Fma(arena[columnSources + p.ColumnEntries + b], arena[p.Source.At(first + words[columnSources + b], c)], sum);
            }

            total = Exact.Fma(arena[rowSources + p.RowEntries + a], sum, total);
        }

        arena[p.Result.At(row, c)] = total;
    }
}
