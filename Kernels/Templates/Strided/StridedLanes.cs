using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>
/// A strided contraction whose innermost batch axis lies side by side in the result and in one operand, as the channels of a depthwise
/// convolution do: sixteen batches at a time, each with an FMA chain of its own. The other operand is copied once for all rows.
/// </summary>
internal sealed unsafe class StridedLanes
{
    private const int Lanes = ContractOrder.PanelColumns;

    /// <summary>Fewer batches than this have no use of wide registers.</summary>
    private const int FewestBatches = Lanes;

    /// <summary>From so many rows and columns on, a product of panels is faster.</summary>
    private const int FewestOfPanels = 4;

    /// <summary>Rows that a worker takes at a time.</summary>
    private const int RowsAtOnce = 32;

    /// <summary>So many times as many rows are enough for all workers.</summary>
    private const int PiecesWorthSharing = 8;

    private readonly NdLoop _batch;
    private readonly int _streamed;
    private readonly int[] _rows;
    private readonly int[] _rowsY;
    private readonly int[] _columns;
    private readonly int[] _columnsY;
    private readonly int[] _depth;
    private readonly int[] _depthPacked;
    private readonly int[] _depthStreamed;
    private readonly bool _copiesBoth;

    /// <param name="swapped">True if the second operand is the one that is read where it lies.</param>
    /// <param name="copiesBoth">True if the batches of that operand do not lie side by side: it has one row, which is copied too.</param>
    private StridedLanes(ContractLoops loops, bool swapped, bool copiesBoth)
    {
        _batch = loops.Batch;
        _streamed = swapped ? 1 : 0;
        (_rows, _rowsY) = swapped ? (loops.ColumnsB, loops.ColumnsY) : (loops.RowsA, loops.RowsY);
        (_columns, _columnsY) = swapped ? (loops.RowsA, loops.RowsY) : (loops.ColumnsB, loops.ColumnsY);
        (_depthStreamed, _depthPacked) = swapped ? (loops.DepthB, loops.DepthA) : (loops.DepthA, loops.DepthB);
        _copiesBoth = copiesBoth;
        _depth = copiesBoth ? [.. Enumerable.Range(0, _depthStreamed.Length).Select(k => k * Lanes)] : _depthStreamed;
    }

    /// <summary>The loops over lanes, or null for a contraction that they are not for.</summary>
    public static StridedLanes? For(ContractLoops loops)
    {
        int rows = loops.RowsA.Length;
        int columns = loops.ColumnsB.Length;
        if (loops.Batch.Inner < FewestBatches || loops.Batch.InnerStride(2) != 1 || Math.Min(rows, columns) >= FewestOfPanels)
        {
            return null;
        }

        bool swapped = columns > rows;
        bool isDense = loops.Batch.InnerStride(swapped ? 1 : 0) == 1;
        return isDense || Math.Max(rows, columns) == 1 ? new StridedLanes(loops, swapped, !isDense) : null;
    }

    public void Run(in HostTile tile)
    {
        int blocks = (_batch.Inner + Lanes - 1) / Lanes;
        int pieces = (_rows.Length + RowsAtOnce - 1) / RowsAtOnce;

        // Of many rows all batches pass together, so that what is read lies side by side; of few rows workers take batches each.
        int together = pieces >= PiecesWorthSharing ? blocks : 1;
        int groups = blocks / together;
        long work = tile.ItemCount * _batch.OuterCount * groups * _columns.Length * pieces;
        tile.Share(work, 1, out long begin, out long end);
        if (begin >= end)
        {
            return;
        }

        nint blockElements = (nint)_depth.Length * Lanes;
        float* packed = HostBuffer.Of(0, Math.Max(1, blockElements * together));
        float* streamed = HostBuffer.Of(1, _copiesBoth ? Math.Max(1, blockElements) : 0);
        Span<int> index = stackalloc int[NdShape.MaximumRank];
        Span<nint> addresses = stackalloc nint[3];
        long packedFor = -1;
        for (long at = begin; at < end; at++)
        {
            long column = at / pieces;
            long group = column / _columns.Length;
            int first = (int)(group % groups) * together;
            int n = (int)(column % _columns.Length);
            int row = (int)(at % pieces) * RowsAtOnce;
            int stop = Math.Min(_rows.Length, row + RowsAtOnce);
            var walk = new NdWalk(_batch, in tile, group / groups, index, addresses);
            for (int block = 0; block < together; block++)
            {
                int lane = (first + block) * Lanes;
                int count = Math.Min(Lanes, _batch.Inner - lane);
                float* panel = packed + block * blockElements;
                if (packedFor != column)
                {
                    int stride = _batch.InnerStride(1 - _streamed);
                    Pack(walk.Address(1 - _streamed) + (nint)lane * stride + _columns[n], stride, count, _depthPacked, panel);
                }

                float* x = walk.Address(_streamed) + lane;
                if (_copiesBoth)
                {
                    int stride = _batch.InnerStride(_streamed);
                    Pack(walk.Address(_streamed) + (nint)lane * stride, stride, count, _depthStreamed, streamed);
                    x = streamed;
                }

                float* y = walk.Address(2) + lane + _columnsY[n];
                if (count == Lanes)
                {
                    Wide(x, panel, y, row, stop);
                }
                else
                {
                    Narrow(x, panel, y, row, stop, count);
                }
            }

            packedFor = column;
        }
    }

    /// <summary>packed[k][lane] of a row whose words lie at these places, for some batches.</summary>
    private static void Pack(float* source, nint stride, int count, int[] places, float* packed)
    {
        int done = stride != 1 && StridedContractUnit.IsRun(places) ? StridedContractUnit.Turn(source, stride, count, places.Length, packed) : 0;
        for (int at = done; at < places.Length; at++)
        {
            for (int lane = 0; lane < count; lane++)
            {
                packed[at * Lanes + lane] = source[places[at] + lane * stride];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Wide(float* x, float* packed, float* y, int row, int stop)
    {
        fixed (int* depth = _depth)
        {
            for (; row + 4 <= stop; row += 4)
            {
                Rows4(
                    x + _rows[row], x + _rows[row + 1], x + _rows[row + 2], x + _rows[row + 3], depth, _depth.Length, packed,
                    y + _rowsY[row], y + _rowsY[row + 1], y + _rowsY[row + 2], y + _rowsY[row + 3]);
            }

            for (; row < stop; row++)
            {
                // The same row four times: it is written with the same bits.
                float* from = x + _rows[row];
                float* to = y + _rowsY[row];
                Rows4(from, from, from, from, depth, _depth.Length, packed, to, to, to, to);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4(
        float* x0, float* x1, float* x2, float* x3, int* places, int depth, float* packed, float* y0, float* y1, float* y2, float* y3)
    {
        if (depth == 0)
        {
            Vector512<float>.Zero.Store(y0);
            Vector512<float>.Zero.Store(y1);
            Vector512<float>.Zero.Store(y2);
            Vector512<float>.Zero.Store(y3);
            return;
        }

        for (int chunk = 0; chunk < depth; chunk += ContractOrder.ChunkElements)
        {
            Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
            int end = Math.Min(depth, chunk + ContractOrder.ChunkElements);
            for (nint k = chunk; k < end; k++)
            {
                nint place = places[k];
                Vector256<float> low = Vector256.Load(packed + k * Lanes);
                Vector256<float> high = Vector256.Load(packed + k * Lanes + 8);
                a0 = Vector256.FusedMultiplyAdd(Vector256.Load(x0 + place), low, a0);
                b0 = Vector256.FusedMultiplyAdd(Vector256.Load(x0 + place + 8), high, b0);
                a1 = Vector256.FusedMultiplyAdd(Vector256.Load(x1 + place), low, a1);
                b1 = Vector256.FusedMultiplyAdd(Vector256.Load(x1 + place + 8), high, b1);
                a2 = Vector256.FusedMultiplyAdd(Vector256.Load(x2 + place), low, a2);
                b2 = Vector256.FusedMultiplyAdd(Vector256.Load(x2 + place + 8), high, b2);
                a3 = Vector256.FusedMultiplyAdd(Vector256.Load(x3 + place), low, a3);
                b3 = Vector256.FusedMultiplyAdd(Vector256.Load(x3 + place + 8), high, b3);
            }

            if (chunk > 0)
            {
                a0 = Vector256.Load(y0) + a0;
                b0 = Vector256.Load(y0 + 8) + b0;
                a1 = Vector256.Load(y1) + a1;
                b1 = Vector256.Load(y1 + 8) + b1;
                a2 = Vector256.Load(y2) + a2;
                b2 = Vector256.Load(y2 + 8) + b2;
                a3 = Vector256.Load(y3) + a3;
                b3 = Vector256.Load(y3 + 8) + b3;
            }

            a0.Store(y0);
            b0.Store(y0 + 8);
            a1.Store(y1);
            b1.Store(y1 + 8);
            a2.Store(y2);
            b2.Store(y2 + 8);
            a3.Store(y3);
            b3.Store(y3 + 8);
        }
    }

    /// <summary>The last batches, which do not fill the lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Narrow(float* x, float* packed, float* y, int row, int stop, int count)
    {
        for (; row < stop; row++)
        {
            for (int lane = 0; lane < count; lane++)
            {
                float* from = x + _rows[row] + lane;
                float total = 0f;
                for (int chunk = 0; chunk < _depth.Length; chunk += ContractOrder.ChunkElements)
                {
                    float sum = 0f;
                    int end = Math.Min(_depth.Length, chunk + ContractOrder.ChunkElements);
                    for (int k = chunk; k < end; k++)
                    {
                        sum = MathF.FusedMultiplyAdd(from[_depth[k]], packed[k * Lanes + lane], sum);
                    }

                    total = chunk == 0 ? sum : total + sum;
                }

                y[_rowsY[row] + lane] = total;
            }
        }
    }
}
