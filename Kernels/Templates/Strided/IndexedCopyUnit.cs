using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>What an indexed copy needs.</summary>
/// <param name="Words">Words of an element.</param>
public readonly record struct IndexedCopyArguments(
    NdOperand Output, NdOperand X, NdOperand Indices, IndexArguments Index, NdShape Shape, int ElementsPerItem, int Words);

/// <summary>
/// Template <c>IndexedCopy</c>: out[i] = x[i + the position that the index tensor has at i], for every index i of an N-d tensor: the
/// three operands have strides of their own, x a stride of 0 along the axes that the position names. Gathers of every kind. A
/// position outside its axis gives 0, which is how a device can answer what the host would refuse.
/// </summary>
public sealed unsafe class IndexedCopyUnit : ConfiguredUnit
{
    private readonly NdLoop _loop;
    private readonly IndexedCopyArguments _arguments;

    /// <param name="extents">Of one item of the output.</param>
    /// <param name="words">Words of an element: 1 or 2.</param>
    public IndexedCopyUnit(string name, int[] extents, NdOperand output, NdOperand x, NdOperand indices, IndexArguments index, int words)
        : base(name, rowsPerItem: 1)
    {
        _loop = NdLoop.Over(extents, output, x, indices);
        ReadOnlySpan<NdOperand> operands = _loop.Operands;
        _arguments = new IndexedCopyArguments(
            operands[0], operands[1], operands[2], index, _loop.Shape, checked((int)_loop.CountElements), words);
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => 0;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        IndexedCopyArguments p = _arguments;
        int code = p.Words == 2 ? ElementCode.Int64 : ElementCode.Int32;
        for (int item = 0; item < items; item++)
        {
            for (int element = 0; element < p.ElementsPerItem; element++)
            {
                NdIndex index = NdIndex.Of(p.Shape, element);
                long moved = 0;
                bool isInside = true;
                for (int component = 0; component < p.Index.Count; component++)
                {
                    NdOperand indices = p.Indices.Moved((long)component * p.Index.ComponentStride);
                    long step = p.Index.Step(component, memory.Wide(indices, p.Index.Code, item, index));
                    isInside &= step >= 0;
                    moved += step;
                }

                memory.Store(p.Output, code, item, index, isInside ? memory.Wide(p.X.Moved(moved), code, item, index) : 0);
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        tile.Share(tile.ItemCount * _loop.CountElements, NdLoop.ShareGranule, out long begin, out long end);
        if (begin >= end)
        {
            return;
        }

        Span<int> index = stackalloc int[NdShape.MaximumRank];
        Span<nint> addresses = stackalloc nint[3];
        var walk = new NdWalk(_loop, in tile, begin / _loop.Inner, index, addresses);
        int column = (int)(begin % _loop.Inner);
        for (long left = end - begin; left > 0; walk.Next())
        {
            int count = (int)Math.Min(left, _loop.Inner - column);
            Row(ref walk, column, count);
            left -= count;
            column = 0;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(IndexedCopyKernel.Run, checked(items * _arguments.ElementsPerItem), _arguments);

    private void Row(ref NdWalk walk, int column, int count)
    {
        int words = _arguments.Words;
        nint targetStride = _loop.InnerStride(0);
        nint sourceStride = _loop.InnerStride(1);
        nint indexStride = _loop.InnerStride(2);
        var target = (int*)walk.Address(0) + column * targetStride;
        var source = (int*)walk.Address(1) + column * sourceStride;
        var indices = (int*)walk.Address(2) + column * indexStride;
        if (indexStride == 0 && targetStride == words && sourceStride == words)
        {
            // One position for the whole row: a copy.
            var row = new Span<int>(target, count * words);
            if (TryMove(indices, out nint at))
            {
                new ReadOnlySpan<int>(source + at, count * words).CopyTo(row);
            }
            else
            {
                row.Clear();
            }

            return;
        }

        for (int i = 0; i < count; i++)
        {
            bool isInside = TryMove(indices, out nint moved);
            for (int word = 0; word < words; word++)
            {
                target[word] = isInside ? source[moved + word] : 0;
            }

            target += targetStride;
            source += sourceStride;
            indices += indexStride;
        }
    }

    private bool TryMove(int* indices, out nint moved)
    {
        moved = 0;
        for (int component = 0; component < _arguments.Index.Count; component++)
        {
            long step = _arguments.Index.Step(component, HostWord.Load(indices + (nint)component * _arguments.Index.ComponentStride, _arguments.Index.Code));
            if (step < 0)
            {
                return false;
            }

            moved += (nint)step;
        }

        return true;
    }
}

/// <summary>The indexed copy on a device: one thread for each element.</summary>
public static class IndexedCopyKernel
{
    public static MethodInfo Method => typeof(IndexedCopyKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D thread, ArrayView<float> arena, ArrayView<int> words, IndexedCopyArguments p)
    {
        int item = thread / p.ElementsPerItem;
        NdIndex index = NdIndex.Of(p.Shape, thread - item * p.ElementsPerItem);
        long at = p.Indices.At(item, in index);
        long source = p.X.At(item, in index);
        bool isInside = true;
        for (int component = 0; component < p.Index.Count; component++)
        {
            long step = p.Index.Step(component, DeviceWord.Load(words, at + (long)component * p.Index.ComponentStride, p.Index.Code));
            isInside &= step >= 0;
            source += step;
        }

        long target = p.Output.At(item, in index);
        for (int word = 0; word < p.Words; word++)
        {
            int value = 0;
            if (isInside)
            {
                value = words[source + word];
            }

            words[target + word] = value;
        }
    }
}
