using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>
/// The two loop nests of a reduction: over the axes that are kept (one output element each) and over those that are reduced,
/// flattened in row-major order. Axes are joined within each nest, never across.
/// </summary>
public sealed class ReduceLoops
{
    /// <param name="kept">Extents of the kept axes of one item.</param>
    /// <param name="reduced">Extents of the reduced axes; with the kept ones at most seven.</param>
    /// <param name="outputs">Operands over the kept axes: outputs, and inputs of an epilogue.</param>
    /// <param name="inputs">Operands over the kept axes and then the reduced ones.</param>
    public ReduceLoops(ReadOnlySpan<int> kept, ReadOnlySpan<int> reduced, ReadOnlySpan<NdOperand> outputs, ReadOnlySpan<NdOperand> inputs)
    {
        int pad = NdShape.MaximumRank - kept.Length - reduced.Length;
        var overKept = new NdOperand[outputs.Length + inputs.Length];
        var overReduced = new NdOperand[inputs.Length];
        outputs.CopyTo(overKept);
        for (int i = 0; i < inputs.Length; i++)
        {
            int[] keptStrides = Strides(inputs[i], pad, kept.Length);
            int[] reducedStrides = Strides(inputs[i], pad + kept.Length, reduced.Length);
            overKept[outputs.Length + i] = new NdOperand(inputs[i].OffsetElements, inputs[i].ItemStrideElements, keptStrides, inputs[i].Space);
            overReduced[i] = new NdOperand(0, 0, reducedStrides);
        }

        OutputCount = outputs.Length;
        Kept = NdLoop.Over(kept, overKept);
        Reduced = NdLoop.Over(reduced, overReduced);
        KeptCount = checked((int)Kept.CountElements);
        ReducedCount = checked((int)Reduced.CountElements);
        int[] combined = [.. Kept.Extents, .. Reduced.Extents];
        if (combined.Length > NdShape.MaximumRank)
        {
            // An item has at most seven axes; a nest without any has one of extent 1 that can go.
            combined = Kept.CountElements == 1 ? [.. Reduced.Extents] : [.. Kept.Extents];
        }

        Combined = NdShape.From(combined);
        var elements = new NdOperand[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            NdOperand outer = Kept.Operands[outputs.Length + i];
            int[] keptStrides = [.. Enumerable.Range(0, Kept.Rank).Select(axis => Kept.Stride(OutputCount + i, axis))];
            int[] reducedStrides = [.. Enumerable.Range(0, Reduced.Rank).Select(axis => Reduced.Stride(i, axis))];
            int[] strides = combined.Length == Kept.Rank + Reduced.Rank ? [.. keptStrides, .. reducedStrides]
                : Kept.CountElements == 1 ? reducedStrides : keptStrides;
            elements[i] = new NdOperand(outer.OffsetElements, outer.ItemStrideElements, strides, outer.Space);
        }

        Elements = elements;
    }

    public int OutputCount { get; }

    /// <summary>The kept axes, with outputs and then inputs.</summary>
    public NdLoop Kept { get; }

    /// <summary>The reduced axes, with the inputs, whose offsets are 0.</summary>
    public NdLoop Reduced { get; }

    /// <summary>Output elements of one item.</summary>
    public int KeptCount { get; }

    /// <summary>Elements that each of them is made of.</summary>
    public int ReducedCount { get; }

    /// <summary>Kept and then reduced axes: element r of output o has the linear index o · <see cref="ReducedCount"/> + r.</summary>
    public NdShape Combined { get; }

    /// <summary>The inputs over <see cref="Combined"/>.</summary>
    public NdOperand[] Elements { get; }

    private static int[] Strides(NdOperand operand, int first, int count) => [.. Enumerable.Range(first, count).Select(axis => operand.Stride(axis))];
}

/// <summary>Reads the reduced elements of one output on the host, in their order, as dense pieces.</summary>
internal unsafe ref struct ReducedElements
{
    private readonly NdLoop _loop;
    private readonly Span<int> _index;
    private int _column;

    /// <param name="index">Room for seven coordinates.</param>
    public ReducedElements(NdLoop loop, Span<int> index)
    {
        _loop = loop;
        _index = index;
        _index.Clear();
        _column = 0;
    }

    /// <summary>The position of the next element of an operand, relative to the output's first.</summary>
    public readonly nint Position(int operand)
    {
        nint position = (nint)_column * _loop.InnerStride(operand);
        for (int axis = 0; axis < _loop.Rank - 1; axis++)
        {
            position += (nint)_index[axis] * _loop.Stride(operand, axis);
        }

        return position;
    }

    /// <summary>The next <paramref name="count"/> elements of every operand: in place where they are one dense piece, else copied.</summary>
    /// <param name="first">For each operand, the address of the output's first element.</param>
    /// <param name="rows">Set to where the elements are.</param>
    /// <param name="buffers">Room for a block of each operand.</param>
    public void Read(int count, float** first, float** rows, float* buffers)
    {
        int operands = _loop.Operands.Length;
        if (_column + count <= _loop.Inner)
        {
            for (int i = 0; i < operands; i++)
            {
                rows[i] = StridedRow.Read(
                    first[i] + Position(i) - (nint)_column * _loop.InnerStride(i), _loop.InnerStride(i), _column, count, buffers + i * StridedRow.BlockElements);
            }

            Skip(count);
            return;
        }

        for (int done = 0; done < count;)
        {
            int piece = Math.Min(count - done, _loop.Inner - _column);
            for (int i = 0; i < operands; i++)
            {
                float* source = first[i] + Position(i);
                nint stride = _loop.InnerStride(i);
                float* target = buffers + i * StridedRow.BlockElements + done;
                rows[i] = buffers + i * StridedRow.BlockElements;
                for (int j = 0; j < piece; j++)
                {
                    target[j] = source[j * stride];
                }
            }

            done += piece;
            Skip(piece);
        }
    }

    /// <summary>Goes on by elements that lie within one inner row.</summary>
    public void Skip(int count)
    {
        _column += count;
        if (_column < _loop.Inner)
        {
            return;
        }

        _column = 0;
        for (int axis = _loop.Rank - 2; axis >= 0; axis--)
        {
            if (++_index[axis] < _loop.Extents[axis])
            {
                return;
            }

            _index[axis] = 0;
        }
    }
}
