using System.Collections.Immutable;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Layout;

/// <summary>
/// Where a dense tensor takes its elements from: element (i0, i1, ...) is x[offset + sum of i_a · stride_a] where
/// low_a &lt;= i_a &lt; high_a on every axis, else the fill. Transposes, slices, repetitions, constant pads and reversals are all
/// this; counted in elements.
/// </summary>
/// <param name="Extents">Of the output, outermost first.</param>
/// <param name="Strides">From one element of the input to the next along each axis; 0 repeats, negative ones run backwards.</param>
/// <param name="Low">First index of each axis that has an element in the input.</param>
/// <param name="High">End of those indices.</param>
/// <param name="Offset">The element of the input for index 0; may lie outside where index 0 has none.</param>
/// <param name="Fill">The words of an element that has none in the input, the lower in the lower half.</param>
/// <param name="WordsPerElement">1 or 2.</param>
public sealed record StridedView(
    ImmutableArray<int> Extents, ImmutableArray<long> Strides, ImmutableArray<int> Low, ImmutableArray<int> High, long Offset, long Fill, int WordsPerElement)
{
    /// <summary>Integers of the table for each axis: extent, low, high, and the stride in two words.</summary>
    public const int TableWordsPerAxis = 5;

    /// <summary>The axes as a row of integers, for the interpreter and the devices.</summary>
    public ImmutableArray<int> ToTable()
    {
        var table = ImmutableArray.CreateBuilder<int>(Extents.Length * TableWordsPerAxis);
        for (int axis = 0; axis < Extents.Length; axis++)
        {
            table.AddRange(Extents[axis], Low[axis], High[axis], (int)Strides[axis], (int)(Strides[axis] >> 32));
        }

        return table.MoveToImmutable();
    }

    /// <summary>The same without axes of one index, neighbouring axes joined where the input passes them without a gap.</summary>
    public StridedView Simplify()
    {
        var axes = new List<(int Extent, long Stride, int Low, int High)>();
        for (int axis = 0; axis < Extents.Length; axis++)
        {
            (int Extent, long Stride, int Low, int High) next = (Extents[axis], Strides[axis], Low[axis], High[axis]);
            if (next.Extent == 1 && next.Low <= 0 && next.High >= 1)
            {
                continue;
            }

            bool isFull = next.Low <= 0 && next.High >= next.Extent;
            if (axes.Count > 0 && isFull && axes[^1].Stride == next.Stride * next.Extent && (long)axes[^1].Extent * next.Extent <= int.MaxValue)
            {
                (int extent, _, int low, int high) = axes[^1];
                axes[^1] = (extent * next.Extent, next.Stride, low * next.Extent, high * next.Extent);
            }
            else
            {
                axes.Add(next);
            }
        }

        if (axes.Count == 0)
        {
            axes.Add((1, 1, 0, 1));
        }

        return this with
        {
            Extents = [.. axes.Select(axis => axis.Extent)],
            Strides = [.. axes.Select(axis => axis.Stride)],
            Low = [.. axes.Select(axis => axis.Low)],
            High = [.. axes.Select(axis => axis.High)],
        };
    }
}

/// <summary>What the strided-copy kernel needs.</summary>
public readonly record struct StridedCopyArguments(
    Operand Input, Operand Output, Operand Table, long Offset, int Rank, int ElementsPerItem, int WordsPerElement, int FillLow, int FillHigh);

/// <summary>Template <c>Layout</c> between whole tensors: a dense output from a <see cref="StridedView"/> of the input. Words are moved, whatever they hold.</summary>
public sealed unsafe class StridedCopyUnit : ConfiguredUnit
{
    private readonly StridedView _view;
    private readonly int[] _extents;
    private readonly long[] _strides;
    private readonly int[] _low;
    private readonly int[] _high;
    private readonly StridedCopyArguments _arguments;

    /// <param name="view">Of at least one axis.</param>
    /// <param name="elementsPerItem">Neighbouring elements of the output that are one item.</param>
    /// <param name="input">A dense tensor.</param>
    /// <param name="output">Another.</param>
    /// <param name="table">The view's <see cref="StridedView.ToTable"/> in the arena.</param>
    public StridedCopyUnit(string name, StridedView view, int elementsPerItem, Operand input, Operand output, Operand table)
        : base(name, rowsPerItem: 1)
    {
        _view = view;
        _extents = [.. view.Extents];
        _strides = [.. view.Strides];
        _low = [.. view.Low];
        _high = [.. view.High];
        _arguments = new StridedCopyArguments(
            input, output, table, view.Offset, view.Extents.Length, elementsPerItem, view.WordsPerElement, (int)view.Fill, (int)(view.Fill >> 32));
    }

    public override long OperationsPerItem => 0;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        StridedCopyArguments p = _arguments;
        for (long element = 0; element < (long)items * p.ElementsPerItem; element++)
        {
            long rest = element;
            long source = p.Offset;
            bool hasSource = true;
            for (int axis = p.Rank - 1; axis >= 0; axis--)
            {
                int at = axis * StridedView.TableWordsPerAxis;
                int extent = memory.Int(p.Table, 0, at);
                long index = rest % extent;
                rest /= extent;
                hasSource &= index >= memory.Int(p.Table, 0, at + 1) && index < memory.Int(p.Table, 0, at + 2);
                source += index * ((uint)memory.Int(p.Table, 0, at + 3) | ((long)memory.Int(p.Table, 0, at + 4) << 32));
            }

            for (int word = 0; word < p.WordsPerElement; word++)
            {
                memory.Store(
                    p.Output, 0, element * p.WordsPerElement + word,
                    hasSource ? memory.Int(p.Input, 0, source * p.WordsPerElement + word) : word == 0 ? p.FillLow : p.FillHigh);
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        if (_arguments.WordsPerElement == 1)
        {
            Copy((int*)tile.Whole(_arguments.Input), (int*)tile.Whole(_arguments.Output), (int)_view.Fill, tile.ItemBegin, tile.ItemCount);
        }
        else
        {
            Copy((long*)tile.Whole(_arguments.Input), (long*)tile.Whole(_arguments.Output), _view.Fill, tile.ItemBegin, tile.ItemCount);
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(StridedCopyKernel.Run, checked(items * _arguments.ElementsPerItem), _arguments);

    /// <summary>Row by row along the innermost axis; the coordinates of the other axes go round like an odometer.</summary>
    private void Copy<T>(T* input, T* output, T fill, long itemBegin, long itemCount)
        where T : unmanaged
    {
        int last = _extents.Length - 1;
        int inner = _extents[last];
        long element = itemBegin * _arguments.ElementsPerItem;
        long end = element + itemCount * _arguments.ElementsPerItem;
        if (element >= end)
        {
            return;
        }

        Span<int> index = stackalloc int[_extents.Length];
        long rest = element / inner;
        int column = (int)(element % inner);
        for (int axis = last - 1; axis >= 0; axis--)
        {
            index[axis] = (int)(rest % _extents[axis]);
            rest /= _extents[axis];
        }

        while (element < end)
        {
            int count = (int)Math.Min(inner - column, end - element);
            long source = _view.Offset;
            bool hasSource = true;
            for (int axis = 0; axis < last; axis++)
            {
                source += index[axis] * _strides[axis];
                hasSource &= index[axis] >= _low[axis] && index[axis] < _high[axis];
            }

            Row(input, source, output + element, fill, hasSource, column, count);
            element += count;
            column = 0;
            for (int axis = last - 1; axis >= 0 && ++index[axis] == _extents[axis]; axis--)
            {
                index[axis] = 0;
            }
        }
    }

    private void Row<T>(T* input, long source, T* target, T fill, bool hasSource, int column, int count)
        where T : unmanaged
    {
        int last = _extents.Length - 1;
        int low = hasSource ? Math.Clamp(_low[last], column, column + count) : column + count;
        int high = hasSource ? Math.Clamp(_high[last], low, column + count) : low;
        new Span<T>(target, low - column).Fill(fill);
        new Span<T>(target + (high - column), column + count - high).Fill(fill);
        long stride = _strides[last];
        T* from = input + source + low * stride;
        T* to = target + (low - column);
        if (stride == 1)
        {
            new ReadOnlySpan<T>(from, high - low).CopyTo(new Span<T>(to, high - low));
        }
        else if (stride == 0 && high > low)
        {
            new Span<T>(to, high - low).Fill(*from);
        }
        else
        {
            for (int i = low; i < high; i++, from += stride)
            {
                *to++ = *from;
            }
        }
    }
}
