namespace RduEmu.Kernels.Memory;

/// <summary>
/// The loop nest of a unit over N-d tensors, with the operands that go through it: axes that every operand passes without a gap
/// are joined, axes of extent 1 left out, so that the innermost loop is as long as it can be.
/// </summary>
public sealed class NdLoop
{
    private readonly int[] _extents;
    private readonly NdOperand[] _operands;
    private readonly int[] _strides;

    private NdLoop(int[] extents, NdOperand[] operands)
    {
        _extents = extents;
        _operands = operands;
        Shape = NdShape.From(extents);
        _strides = new int[operands.Length * NdShape.MaximumRank];
        for (int operand = 0; operand < operands.Length; operand++)
        {
            for (int axis = 0; axis < NdShape.MaximumRank; axis++)
            {
                _strides[operand * NdShape.MaximumRank + axis] = operands[operand].Stride(axis);
            }
        }
    }

    /// <summary>Axes that are left; at least one.</summary>
    public int Rank => _extents.Length;

    public NdShape Shape { get; }

    /// <summary>Extent of the innermost axis.</summary>
    public int Inner => _extents[^1];

    /// <summary>Elements of one item.</summary>
    public long CountElements => Shape.CountElements;

    /// <summary>Innermost rows of one item.</summary>
    public long OuterCount
    {
        get
        {
            long count = 1;
            for (int axis = 0; axis < Rank - 1; axis++)
            {
                count *= _extents[axis];
            }

            return count;
        }
    }

    public ReadOnlySpan<int> Extents => _extents;

    public ReadOnlySpan<NdOperand> Operands => _operands;

    /// <summary>Words between neighbours along the innermost axis.</summary>
    public int InnerStride(int operand) => _strides[operand * NdShape.MaximumRank + NdShape.MaximumRank - 1];

    /// <summary>Words between neighbours along an axis of the joined loops, 0 being the outermost.</summary>
    public int Stride(int operand, int axis) => _strides[operand * NdShape.MaximumRank + NdShape.MaximumRank - Rank + axis];

    /// <param name="extents">Of one item, outermost first; at most seven.</param>
    /// <param name="operands">All operands that the loops pass.</param>
    public static NdLoop Over(ReadOnlySpan<int> extents, params ReadOnlySpan<NdOperand> operands)
    {
        var axes = new List<(int Extent, int[] Strides)>();
        int pad = NdShape.MaximumRank - extents.Length;
        for (int axis = 0; axis < extents.Length; axis++)
        {
            if (extents[axis] == 1)
            {
                continue;
            }

            var strides = new int[operands.Length];
            for (int i = 0; i < strides.Length; i++)
            {
                strides[i] = operands[i].Stride(pad + axis);
            }

            if (axes.Count > 0 && Joins(axes[^1].Strides, strides, extents[axis]))
            {
                axes[^1] = (axes[^1].Extent * extents[axis], strides);
            }
            else
            {
                axes.Add((extents[axis], strides));
            }
        }

        if (axes.Count == 0)
        {
            axes.Add((1, new int[operands.Length]));
        }

        var joined = new NdOperand[operands.Length];
        for (int i = 0; i < joined.Length; i++)
        {
            int[] strides = [.. axes.Select(axis => axis.Strides[i])];
            joined[i] = new NdOperand(operands[i].OffsetElements, operands[i].ItemStrideElements, strides, operands[i].Space);
        }

        return new NdLoop([.. axes.Select(axis => axis.Extent)], joined);
    }

    /// <summary>Elements at whose multiples workers that share a tile cut a loop: whole cache lines of any type.</summary>
    public const int ShareGranule = 64;

    private static bool Joins(int[] outer, int[] inner, int innerExtent)
    {
        for (int i = 0; i < outer.Length; i++)
        {
            if (outer[i] != (long)inner[i] * innerExtent)
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>Walks the rows of a loop nest on the host: the address of each operand at the row's first element.</summary>
internal unsafe ref struct NdWalk
{
    private readonly NdLoop _loop;
    private readonly HostTile _tile;
    private readonly Span<int> _index;
    private readonly Span<nint> _addresses;
    private int _item;

    /// <param name="index">Room for seven coordinates.</param>
    /// <param name="addresses">Room for an address for each operand.</param>
    /// <param name="row">The first row, counted through all items of the tile.</param>
    public NdWalk(NdLoop loop, in HostTile tile, long row, Span<int> index, Span<nint> addresses)
    {
        _loop = loop;
        _tile = tile;
        _index = index;
        _addresses = addresses;
        long outer = Math.Max(1, loop.OuterCount);
        _item = (int)(row / outer);
        long rest = row % outer;
        for (int axis = loop.Rank - 2; axis >= 0; axis--)
        {
            int extent = Math.Max(1, loop.Extents[axis]);
            _index[axis] = (int)(rest % extent);
            rest /= extent;
        }

        Place();
    }

    public readonly float* Address(int operand) => (float*)_addresses[operand];

    /// <summary>The item of the tile that the row belongs to.</summary>
    public readonly int Item => _item;

    /// <summary>Coordinate of an axis of the joined loops other than the innermost.</summary>
    public readonly int Coordinate(int axis) => _index[axis];

    public void Next()
    {
        for (int axis = _loop.Rank - 2; axis >= 0; axis--)
        {
            int extent = _loop.Extents[axis];
            bool wraps = ++_index[axis] == extent;
            for (int i = 0; i < _addresses.Length; i++)
            {
                nint step = _loop.Stride(i, axis);
                _addresses[i] += (wraps ? -step * (extent - 1) : step) * sizeof(float);
            }

            if (!wraps)
            {
                return;
            }

            _index[axis] = 0;
        }

        _item++;
        Place();
    }

    private void Place()
    {
        for (int i = 0; i < _addresses.Length; i++)
        {
            long position = 0;
            for (int axis = 0; axis < _loop.Rank - 1; axis++)
            {
                position += (long)_index[axis] * _loop.Stride(i, axis);
            }

            _addresses[i] = (nint)(_tile.Item(_loop.Operands[i], _item) + position);
        }
    }
}
