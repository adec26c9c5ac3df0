using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates.BatchContract;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>What the kernel needs: each operand over the axes that it has, the item axis in the batch part.</summary>
/// <param name="Code">Element type: float32, or one that the sums are rounded to.</param>
public readonly record struct StridedContractArguments(
    NdOperand BatchA, NdOperand RowsA, NdOperand DepthA, NdOperand BatchB, NdOperand ColumnsB, NdOperand DepthB,
    NdOperand BatchY, NdOperand RowsY, NdOperand ColumnsY,
    NdShape Batch, NdShape Rows, NdShape Columns, NdShape Depth, int BatchCount, int RowCount, int ColumnCount, int DepthCount, int Code);

/// <summary>
/// Template <c>StridedContract</c>: y[b, m, n] = sum over k of a[b, m, k] · w[b, n, k], where b, m, n and k are each any number of axes,
/// flattened in row-major order, and every operand has strides of its own: products of tensors with batch axes, sums over several
/// axes, and convolutions, whose windows are strides over one image. Chunks of 256 in k, an FMA chain from +0 in each, added left to
/// right; an empty sum is +0. A float16 or bf16 result is the sum rounded once.
/// </summary>
/// <remarks>The output is not one of the inputs. Workers that share a tile take panels of sixteen columns.</remarks>
public sealed unsafe class StridedContractUnit : ConfiguredUnit
{
    /// <summary>The first of these rows that is worth a packed panel: fewer read the second operand in place.</summary>
    private const int RowsWorthPacking = 4;

    /// <summary>Shorter runs of columns are packed all the same: nothing wide fits into them.</summary>
    private const int ShortestRun = 8;

    private readonly StridedContractArguments _arguments;
    private readonly int[] _rowsA;
    private readonly int[] _depthA;
    private readonly int[] _columnsB;
    private readonly int[] _depthB;
    private readonly int[] _rowsY;
    private readonly int[] _columnsY;
    private readonly bool _denseA;
    private readonly bool _denseY;
    private readonly bool _denseDepthB;
    private readonly StridedLanes? _lanes;

    /// <summary>Columns of the second operand that lie side by side; 0 if none do.</summary>
    private readonly int _runB;

    /// <param name="a">Over the batch, row and depth axes.</param>
    /// <param name="b">Over the batch, column and depth axes.</param>
    /// <param name="y">Over the batch, row and column axes.</param>
    /// <param name="code">An <see cref="ElementCode"/> of at most 32 bits, float.</param>
    public StridedContractUnit(string name, ContractExtents extents, ContractOperand a, ContractOperand b, ContractOperand y, int code)
        : base(name, rowsPerItem: 1)
    {
        var loops = new ContractLoops(extents, a, b, y);
        _arguments = loops.Arguments(code);
        (_rowsA, _depthA) = (loops.RowsA, loops.DepthA);
        (_columnsB, _depthB) = (loops.ColumnsB, loops.DepthB);
        (_rowsY, _columnsY) = (loops.RowsY, loops.ColumnsY);
        _denseA = IsEven(_rowsA) && IsRun(_depthA);
        _denseY = IsEven(_rowsY) && IsRun(_columnsY);
        _denseDepthB = IsRun(_depthB);
        _lanes = code == ElementCode.Float32 ? StridedLanes.For(loops) : null;
        _runB = loops.Columns.InnerStride(0) == 1 || _columnsB.Length == 1 ? loops.Columns.Inner : 0;
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => 2L * _arguments.BatchCount * _arguments.RowCount * _arguments.ColumnCount * _arguments.DepthCount;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        StridedContractArguments p = _arguments;
        for (int item = 0; item < items; item++)
        {
            for (int batch = 0; batch < p.BatchCount; batch++)
            {
                NdIndex batchIndex = NdIndex.Of(p.Batch, batch);
                long a = p.BatchA.At(item, batchIndex);
                long b = p.BatchB.At(item, batchIndex);
                long y = p.BatchY.At(item, batchIndex);
                for (int m = 0; m < p.RowCount; m++)
                {
                    for (int n = 0; n < p.ColumnCount; n++)
                    {
                        float total = 0f;
                        for (int chunk = 0; chunk < p.DepthCount; chunk += ContractOrder.ChunkElements)
                        {
                            float sum = 0f;
                            int end = Math.Min(p.DepthCount, chunk + ContractOrder.ChunkElements);
                            for (int k = chunk; k < end; k++)
                            {
                                float x = memory.Float(new Operand(a + _rowsA[m] + _depthA[k], 0), 0, 0);
                                float w = memory.Float(new Operand(b + _columnsB[n] + _depthB[k], 0), 0, 0);
                                sum = Exact.Fma(x, w, sum);
                            }

                            total = chunk == 0 ? sum : Exact.Add(total, sum);
                        }

                        memory.Store(new Operand(y + _rowsY[m] + _columnsY[n], 0), 0, 0, ShortFloat.Rounded(p.Code, total));
                    }
                }
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        StridedContractArguments p = _arguments;
        if (_lanes is not null)
        {
            _lanes.Run(in tile);
            return;
        }

        int panels = PackedWeight.PanelCount(p.ColumnCount);
        int pairs = (panels + 1) / 2;
        long work = (long)tile.ItemCount * p.BatchCount * pairs;
        tile.Share(work, 1, out long begin, out long end);
        if (begin >= end || p.RowCount == 0)
        {
            return;
        }

        bool packs = p.RowCount >= RowsWorthPacking || _runB < ShortestRun;
        float* panelBuffer = HostBuffer.Of(0, packs ? 2L * ContractOrder.PanelColumns * p.DepthCount : 0);
        float* rowBuffer = HostBuffer.Of(1, _denseA ? 0 : (long)p.RowCount * p.DepthCount);
        float* sumBuffer = HostBuffer.Of(2, _denseY ? 0 : 2L * ContractOrder.PanelColumns * p.RowCount);
        long packedBatch = -1;
        for (long at = begin; at < end; at++)
        {
            long batch = at / pairs;
            int column = (int)(at % pairs) * 2 * ContractOrder.PanelColumns;
            int columns = Math.Min(2 * ContractOrder.PanelColumns, p.ColumnCount - column);
            int item = (int)(batch / p.BatchCount);
            NdIndex index = NdIndex.Of(p.Batch, (int)(batch % p.BatchCount));
            float* a = tile.Item(p.BatchA, item) + Inside(p.BatchA, index);
            float* b = tile.Item(p.BatchB, item) + Inside(p.BatchB, index);
            float* y = tile.Item(p.BatchY, item) + Inside(p.BatchY, index);
            nint strideA = _denseA && p.RowCount > 1 ? _rowsA[1] : p.DepthCount;
            if (!_denseA && packedBatch != batch)
            {
                PackRows(a, rowBuffer);
                packedBatch = batch;
            }

            float* x = _denseA ? a : rowBuffer;
            float* target = _denseY ? y + _columnsY[column] : sumBuffer;
            nint strideY = _denseY && p.RowCount > 1 ? _rowsY[1] : 2 * ContractOrder.PanelColumns;
            if (packs)
            {
                PackPanels(b, column, columns, panelBuffer);
                ContractHost.Run(x, strideA, panelBuffer, target, strideY, p.RowCount, columns, p.DepthCount, 0, PackedWeight.PanelCount(columns), ContractHost.HasWideRegisters);
            }
            else
            {
                InPlace(x, strideA, b, target, strideY, column, columns);
            }

            Finish(target, strideY, y, column, columns);
        }
    }

    public override void Launch(KernelLauncher launcher, int items) => launcher.Launch(
        StridedContractKernel.Run, checked(items * _arguments.BatchCount * _arguments.RowCount * _arguments.ColumnCount), _arguments);

    /// <summary>0, 1, 2, ...: neighbours in memory.</summary>
    internal static bool IsRun(int[] positions)
    {
        for (int i = 0; i < positions.Length; i++)
        {
            if (positions[i] != i)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>0, s, 2 s, ...: a stride of their own.</summary>
    private static bool IsEven(int[] positions)
    {
        for (int i = 2; i < positions.Length; i++)
        {
            if (positions[i] != (long)i * positions[1])
            {
                return false;
            }
        }

        return true;
    }

    private void InPlace(float* x, nint strideA, float* b, float* target, nint strideY, int column, int columns)
    {
        fixed (int* places = _depthB)
        {
            for (int n = 0; n < columns;)
            {
                int count = Math.Min(columns - n, _runB - (column + n) % _runB);
                ContractHostInPlace.Run(x, strideA, b + _columnsB[column + n], places, target + n, strideY, _arguments.RowCount, count, _arguments.DepthCount);
                n += count;
            }
        }
    }

    private static long Inside(in NdOperand operand, in NdIndex index) => operand.At(0, in index) - operand.OffsetElements;

    private void PackRows(float* a, float* target)
    {
        foreach (int row in _rowsA)
        {
            float* source = a + row;
            foreach (int k in _depthA)
            {
                *target++ = source[k];
            }
        }
    }

    /// <summary>panel[n / 16][k][n mod 16]; columns past the last are zeros.</summary>
    private void PackPanels(float* b, int column, int columns, float* panel)
    {
        for (int begin = 0; begin < columns; begin += ContractOrder.PanelColumns)
        {
            int count = Math.Min(ContractOrder.PanelColumns, columns - begin);
            int first = column + begin;
            bool dense = _columnsB[first + count - 1] - _columnsB[first] == count - 1 && (count == 1 || _columnsB[first + 1] == _columnsB[first] + 1);
            int turned = _denseDepthB && !dense && count > 1 && IsEven(first, count) ? Turn(b, first, count, panel) : 0;
            panel += (nint)turned * ContractOrder.PanelColumns;
            for (int at = turned; at < _depthB.Length; at++)
            {
                float* source = b + _depthB[at];
                if (dense)
                {
                    new ReadOnlySpan<float>(source + _columnsB[first], count).CopyTo(new Span<float>(panel, count));
                }
                else
                {
                    for (int n = 0; n < count; n++)
                    {
                        panel[n] = source[_columnsB[first + n]];
                    }
                }

                new Span<float>(panel + count, ContractOrder.PanelColumns - count).Clear();
                panel += ContractOrder.PanelColumns;
            }
        }
    }

    /// <summary>True if these columns of the second operand have one stride.</summary>
    private bool IsEven(int first, int count)
    {
        int stride = _columnsB[first + 1] - _columnsB[first];
        for (int n = 2; n < count; n++)
        {
            if (_columnsB[first + n] != _columnsB[first] + (long)n * stride)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Packs columns whose depth lies side by side, eight of it at a time; returns how much of it.</summary>
    private int Turn(float* b, int first, int count, float* panel)
    {
        nint stride = _columnsB[first + 1] - _columnsB[first];
        return Turn(b + _columnsB[first], stride, count, _depthB.Length, panel);
    }

    /// <summary>Up to sixteen rows of neighbouring words as columns of a panel, eight words at a time; returns how many words.</summary>
    internal static int Turn(float* source, nint stride, int count, int depth, float* panel)
    {
        int k = 0;
        for (; k + 8 <= depth; k += 8)
        {
            BatchContractTranspose.Transpose8(source + k, stride, panel + k * ContractOrder.PanelColumns, Math.Min(8, count));
            BatchContractTranspose.Transpose8(source + k + 8 * stride, stride, panel + k * ContractOrder.PanelColumns + 8, count - 8);
        }

        return k;
    }

    private void Finish(float* sums, nint stride, float* y, int column, int columns)
    {
        if (_denseY && _arguments.Code == ElementCode.Float32)
        {
            return;
        }

        for (int m = 0; m < _arguments.RowCount; m++)
        {
            for (int n = 0; n < columns; n++)
            {
                y[_rowsY[m] + _columnsY[column + n]] = ShortFloat.Rounded(_arguments.Code, sums[m * stride + n]);
            }
        }
    }
}

/// <summary>Rounding of a float32 to the type that its word is kept as.</summary>
internal static class ShortFloat
{
    public static float Rounded(int code, float x)
    {
        if (code == ElementCode.Float16)
        {
            return Float16.NearestEven<ScalarLane, float, int>(x);
        }

        return code == ElementCode.BFloat16 ? BFloat16.NearestEven<ScalarLane, float, int>(x) : x;
    }
}

/// <summary>The strided contraction on a device: one thread for each sum.</summary>
public static class StridedContractKernel
{
    public static MethodInfo Method => typeof(StridedContractKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D thread, ArrayView<float> arena, ArrayView<int> words, StridedContractArguments p)
    {
        int row = thread / p.ColumnCount;
        int n = thread - row * p.ColumnCount;
        int batch = row / p.RowCount;
        int m = row - batch * p.RowCount;
        int item = batch / p.BatchCount;
        NdIndex batchIndex = NdIndex.Of(p.Batch, batch - item * p.BatchCount);
        NdIndex rowIndex = NdIndex.Of(p.Rows, m);
        NdIndex columnIndex = NdIndex.Of(p.Columns, n);
        long a = p.BatchA.At(item, in batchIndex) + p.RowsA.At(0, in rowIndex);
        long b = p.BatchB.At(item, in batchIndex) + p.ColumnsB.At(0, in columnIndex);
        float total = 0f;
        for (int chunk = 0; chunk < p.DepthCount; chunk += ContractOrder.ChunkElements)
        {
            float sum = 0f;
            int end = chunk + ContractOrder.ChunkElements;
            end = end < p.DepthCount ? end : p.DepthCount;
            for (int k = chunk; k < end; k++)
            {
                NdIndex depthIndex = NdIndex.Of(p.Depth, k);
                sum = Exact.Fma(arena[a + p.DepthA.At(0, in depthIndex)], arena[b + p.DepthB.At(0, in depthIndex)], sum);
            }

            total = chunk == 0 ? sum : Exact.Add(total, sum);
        }

        arena[p.BatchY.At(item, in batchIndex) + p.RowsY.At(0, in rowIndex) + p.ColumnsY.At(0, in columnIndex)] = ShortFloat.Rounded(p.Code, total);
    }
}
